//! [`Staged`]: a body sealed and waiting for the transaction that names it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pli_types::MessageId;

use super::KeyId;

/// A body, sealed: in memory if small, in a file if large.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) message: MessageId,
    pub(crate) size: u64,
    pub(crate) key_id: KeyId,
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) content: StagedContent,
}

/// Where it is.
#[derive(Debug)]
pub(crate) enum StagedContent {
    /// Its one sealed chunk.
    Memory(Vec<u8>),
    /// In a file, on stable storage.
    File(Arc<FileGuard>),
}

impl Staged {
    /// Its length in bytes before sealing.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// Removes a file when dropped, unless a transaction has named it.
#[derive(Debug)]
pub(crate) struct FileGuard {
    path: PathBuf,
    named: AtomicBool,
}

impl FileGuard {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, named: AtomicBool::new(false) }
    }

    /// Where the file lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Says whether the file is to stay. Told "yes" before a COMMIT: should its outcome stay unknown, a file too
    /// many is swept at the next start, while a file too few would be a message lost.
    pub(crate) fn set_named(&self, named: bool) {
        self.named.store(named, Ordering::Release);
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        if !self.named.load(Ordering::Acquire) {
            // Should this fail, the file is swept at the next start.
            std::fs::remove_file(&self.path).ok();
        }
    }
}
