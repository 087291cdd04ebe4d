//! What the configuration names: secrets, keys, store, and the space that there is for it.

use std::path::Path;

use rustix::fs::statvfs;

use super::{Finding, Outcome};
use crate::alarms::{SPACE_FAIL_BYTES, put_pair_right};
use crate::cli::config::{Check, checks};
use crate::config::Settings;
use crate::words::Said;

/// Below this, a bad day does.
const SPACE_WARN_BYTES: u64 = 2 << 30;
/// Large bodies are a file each.
const FILES_WARN: u64 = 10_000;

/// `runs`: a node goes on with what it has read at its start.
pub(super) fn look(settings: &Settings, runs: bool) -> Vec<Finding> {
    let config = &settings.config;
    // List and revocation lists are judged elsewhere, as they are in force and not as they lie in a file.
    let named = checks(settings).into_iter().filter(|check| !["trust.list", "pki.crl"].contains(&check.name));
    let mut findings: Vec<Finding> = named.map(|check| finding(check, runs)).collect();
    if let Some(folder) = settings.store_folder() {
        findings.push(space("store.space", folder));
    }
    findings.push(space("state.space", &config.server.state));
    findings
}

fn finding(check: Check, runs: bool) -> Finding {
    let outcome = if check.vital { Outcome::Fail } else { Outcome::Warn };
    match check.fault {
        None => Finding::ok(check.name, Said::new("doctor.in-order", &[])),
        Some(failure) if runs && check.name == "tls" => {
            Finding::amiss(outcome, check.name, &failure.advising(put_pair_right()))
        }
        Some(failure) => Finding::amiss(outcome, check.name, &failure),
    }
}

/// The space of the file system that a folder is on, or will be on once it is made.
fn space(check: &str, folder: &Path) -> Finding {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    match statvfs(there) {
        Ok(system) => {
            let free = system.f_bavail.saturating_mul(system.f_frsize);
            // File systems that count no inodes say that they have none at all.
            judge(check, folder, free, (system.f_files > 0).then_some(system.f_favail))
        }
        Err(error) => Finding::fail(
            check,
            Said::new("file-unusable.folder", &[("path", &there.display()), ("cause", &std::io::Error::from(error))]),
        ),
    }
}

pub(super) fn judge(check: &str, folder: &Path, free_bytes: u64, free_files: Option<u64>) -> Finding {
    let (free, folder) = (free_bytes >> 20, folder.display());
    let space = |key: &'static str| Said::new(key, &[("free", &free), ("folder", &folder)]);
    match free_files {
        _ if free_bytes < SPACE_FAIL_BYTES => Finding::fail(check, space("disk-full")),
        Some(0) => Finding::fail(check, Said::new("disk-full.files", &[("folder", &folder)])),
        _ if free_bytes < SPACE_WARN_BYTES => Finding::warn(check, space("disk-filling")),
        Some(files) if files < FILES_WARN => {
            Finding::warn(check, Said::new("disk-filling.files", &[("files", &files), ("folder", &folder)]))
        }
        _ => Finding::ok(check, space("doctor.space")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_warned_of_before_it_is_gone() {
        let folder = Path::new("/var/lib/pli");
        for (bytes, files, outcome) in [
            (100 << 30, Some(1 << 20), Outcome::Ok),
            (100 << 30, None, Outcome::Ok),
            (SPACE_WARN_BYTES - 1, None, Outcome::Warn),
            (100 << 30, Some(FILES_WARN - 1), Outcome::Warn),
            (SPACE_FAIL_BYTES - 1, Some(1 << 20), Outcome::Fail),
            (100 << 30, Some(0), Outcome::Fail),
        ] {
            assert_eq!(judge("store.space", folder, bytes, files).outcome, outcome, "{bytes} {files:?}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_space_of_where_it_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let found = space("state.space", &folder.path().join("not/there"));
        assert_ne!(found.code.as_deref(), Some("file-unusable"), "{found:?}");
    }
}
