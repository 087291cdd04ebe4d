//! Where a record is read: a store, or an export.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli_audit::bundle::BUNDLE_BYTES_MAX;
use pli_audit::note::NOTE_BYTES_MAX;
use pli_audit::{BundleId, SignedCheckpoint, Source, TileId, VerifierKey};
use pli_store::Store;
use tokio::runtime::Handle;

use super::CHECKPOINT;
use crate::exit::{Exit, Failure};

/// The record in a store, as of one checkpoint. What is sealed meanwhile is not looked at. To be used outside of the threads
/// that the store is asked from.
pub(super) struct Kept {
    pub(super) store: Arc<dyn Store>,
    pub(super) runtime: Handle,
    checkpoint: Option<Vec<u8>>,
}

impl Kept {
    /// The record as it is now.
    pub(super) async fn now(store: Arc<dyn Store>) -> Result<Self, Failure> {
        let checkpoint = store.sealed().await?.map(|sealed| sealed.checkpoint.into_bytes());
        Ok(Self { store, runtime: Handle::current(), checkpoint })
    }

    /// What was signed last, if it is this key's.
    pub(super) fn signed(&self, key: &VerifierKey) -> Option<SignedCheckpoint> {
        SignedCheckpoint::open(self.checkpoint.as_deref()?, key).ok()
    }

    /// What was signed last, for who can do nothing without it.
    pub(super) fn must_be_signed(&self, key: &VerifierKey) -> Result<SignedCheckpoint, Failure> {
        self.signed(key).ok_or_else(|| match self.checkpoint {
            Some(_) => Failure::told(Exit::Integrity, "audit-signed-by-other", &[]),
            None => Failure::told(Exit::NotFound, "audit-nothing-sealed", &[]),
        })
    }
}

impl Source for Kept {
    type Error = Failure;

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.checkpoint.clone())
    }

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Failure> {
        let mut tiles = self.runtime.block_on(self.store.tiles(&[id]))?;
        Ok(tiles.pop().flatten())
    }

    fn entries(&mut self, id: BundleId) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.runtime.block_on(self.store.bundle(id))?)
    }
}

/// The record in a folder, as `pli audit export` and public tools lay it out.
pub(super) struct Export {
    folder: PathBuf,
}

impl Export {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// A file, as far as one byte more than the longest may have; none if it is not there.
    pub(super) fn file(&self, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.folder.join(name);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file(&path, &error)),
        }
    }
}

impl Source for Export {
    type Error = Failure;

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        self.file(CHECKPOINT, NOTE_BYTES_MAX)
    }

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Failure> {
        self.file(&id.to_string(), id.bytes())
    }

    fn entries(&mut self, id: BundleId) -> Result<Option<Vec<u8>>, Failure> {
        self.file(&id.to_string(), BUNDLE_BYTES_MAX)
    }
}
