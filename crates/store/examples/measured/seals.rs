//! A sealer as a node has one, without its outlet.

use pli_audit::{Checkpoint, Hash, Leaf, SignerKey, TileWriter};
use pli_store::{NewSeal, Store};
use pli_types::{Clock, Secret, SystemClock};

use super::Outcome;

/// Entries of one seal.
const AT_ONCE: usize = 2048;

/// Seals a store from its first entry on.
pub(crate) struct Sealer {
    tree: TileWriter,
}

impl Sealer {
    /// That has sealed nothing.
    pub(crate) fn new() -> Self {
        Self { tree: TileWriter::new() }
    }

    /// The key that it signs with.
    pub(crate) fn key() -> Outcome<SignerKey> {
        Ok(SignerKey::from_seed("example.test/audit", &Secret::new([7; 32]))?)
    }

    /// Seals all that there is.
    pub(crate) async fn seal(&mut self, store: &dyn Store) -> Outcome<()> {
        let key = Self::key()?;
        loop {
            let from = self.tree.size();
            let rows = store.entries_from(from, AT_ONCE).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut about = Vec::new();
            for (index, bytes) in rows {
                about.extend(Leaf::parse(&bytes)?.subjects().map(|subject| (subject, index)));
                self.tree.append(Hash::leaf(&bytes));
            }
            let (size, root) = (self.tree.size(), self.tree.root());
            let checkpoint = Checkpoint::new(key.verifier().name(), size, root)?.sign(&key)?.encode();
            let seal = NewSeal { from, size, tiles: self.tree.take_tiles(), checkpoint, about, at: SystemClock.now() };
            store.seal(seal).await?;
        }
    }
}
