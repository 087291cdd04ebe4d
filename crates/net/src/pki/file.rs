//! The file of revocation lists that somebody keeps by hand.

use std::path::Path;
use std::time::SystemTime;

use super::authority::Authorities;
use super::revocation::{ListFault, Lists, Signed};
use crate::error::NetError;
use crate::pem;

/// Reads all lists of a file. Those of other authorities are passed over, so that the lists of a whole trust
/// space may stand in one file; a list under one of our authorities' names that it has not signed is an error.
pub(super) fn read(path: &Path, authorities: &Authorities) -> Result<Lists, NetError> {
    let mut found = Vec::new();
    for der in pem::revocation_lists(path)? {
        match Signed::read(&der, authorities) {
            Ok(signed) => found.push(signed),
            Err(fault @ ListFault::OtherAuthority(_)) => tracing::debug!(%fault, "a revocation list is passed over"),
            Err(fault) => return Err(NetError::file(path, fault.to_string())),
        }
    }
    Ok(Lists::of(found.iter(), authorities))
}

/// What a file looks like from outside. Another content has another one, unless somebody writes it in place, with
/// the same length, within the same tick of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self, NetError> {
        let stamp = || {
            let file = std::fs::metadata(path)?;
            Ok(Self { modified: file.modified()?, length: file.len(), inode: inode(&file) })
        };
        stamp().map_err(|error| pem::cannot_read(path, &error))
    }
}

#[cfg(unix)]
fn inode(file: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn inode(_file: &std::fs::Metadata) -> u64 {
    0
}
