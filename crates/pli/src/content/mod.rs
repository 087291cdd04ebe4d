//! What lies in a mailbox, out to a folder of files and back in: Maildir++, which every mail server and many mail
//! programs read, with a [`description`] beside it.
//!
//! Works over any [`pli_store::Store`], so that a command and a node's own work use the same. Read [`maildir`] for what
//! a file's name says, then [`export()`], then [`import()`].

mod description;
mod export;
mod files;
mod import;
mod maildir;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use pli_store::StoreError;

use crate::exit::{Exit, Failure};

#[cfg(test)]
use description::DESCRIPTION;
pub(crate) use export::{Exported, export, mark};
pub(crate) use import::{Arriving, Imported, Taker, import};

/// Why content could not be brought out or in.
#[derive(Debug)]
pub(crate) enum ContentFault {
    /// The store.
    Store(StoreError),
    /// A file or folder.
    File { path: PathBuf, source: std::io::Error },
    /// The folder holds something else than an export of this mailbox.
    FolderInUse(PathBuf),
    /// There is no Maildir.
    NoMaildir(PathBuf),
    /// A symbolic link, a pipe, or far more than such a file has.
    NotPlain(PathBuf),
    /// The mailbox did not take a message.
    NotTaken(Failure),
}

impl ContentFault {
    fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

impl From<StoreError> for ContentFault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ContentFault> for Failure {
    fn from(fault: ContentFault) -> Self {
        match fault {
            ContentFault::Store(error) => error.into(),
            ContentFault::File { path, source } => Self::file(&path, &source),
            ContentFault::NotTaken(failure) => failure,
            ContentFault::FolderInUse(path) => {
                Self::told(Exit::Conflict, "folder-in-use", &[("folder", &path.display())])
            }
            ContentFault::NotPlain(path) => Self::told(Exit::Usage, "file-not-plain", &[("file", &path.display())]),
            ContentFault::NoMaildir(path) => {
                Self::told(Exit::NotFound, "maildir-missing", &[("folder", &path.display())])
            }
        }
    }
}
