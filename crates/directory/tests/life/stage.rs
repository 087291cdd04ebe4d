//! A folder, and handles on it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use pli_directory::{ListFault, ListRules, NoSigner, Offer, TrustHandle};
use pli_types::Domain;
use tempfile::TempDir;

use crate::support::at;

pub(crate) struct Stage {
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("state/trust")
    }

    /// A start that finds nothing to complain about.
    #[track_caller]
    pub(crate) fn open(&self) -> TrustHandle {
        let (handle, warnings) = self.open_with(ListRules::default());
        assert_eq!(warnings, Vec::<String>::new());
        handle
    }

    #[track_caller]
    pub(crate) fn open_with(&self, rules: ListRules) -> (TrustHandle, Vec<String>) {
        TrustHandle::open(&self.path(), rules, Arc::new(NoSigner), at(0)).unwrap()
    }

    /// The files whose names begin so, sorted.
    pub(crate) fn files(&self, prefix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
        let mut files: Vec<PathBuf> = entries.filter(named).collect();
        files.sort();
        files
    }

    pub(crate) fn list_file(&self, digest: &str) -> PathBuf {
        self.path().join(format!("list-{digest}.xml"))
    }
}

/// Offers the list, which comes into force; its digest.
#[track_caller]
pub(crate) fn install(handle: &TrustHandle, list: &str, minute: i64) -> String {
    match handle.offer(list.as_bytes(), "https://publisher.test/list.xml", at(minute)) {
        Ok(Offer::Installed(installed)) => installed.digest,
        other => panic!("not installed: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn refuse(handle: &TrustHandle, list: &str, minute: i64) -> ListFault {
    let digest = handle.in_force().map(|list| list.digest);
    let fault = handle.offer(list.as_bytes(), "https://publisher.test/list.xml", at(minute)).unwrap_err();
    assert_eq!(handle.in_force().map(|list| list.digest), digest, "the list in force stays");
    fault
}

pub(crate) fn lists(handle: &TrustHandle, domain: &str) -> bool {
    handle.current().is_some_and(|list| list.lists_domain(&Domain::parse(domain).unwrap()))
}
