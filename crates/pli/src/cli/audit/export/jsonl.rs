//! JSON lines: each an entry as it can be read, the bytes that are in the record, and a proof that they are, which stands
//! alone (C2SP tlog-proof). All proofs lead to one checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use pli_audit::tile::tiles_for;
use pli_audit::tree::inclusion;
use pli_audit::{Hash, Proof, SignedCheckpoint, Tile, TileId, TileSet};
use pli_store::Store;
use serde_json::{Map, Value, json};

use super::shown::Shown;
use crate::exit::Failure;
use crate::output::SCHEMA_VERSION;

/// Gives entries with their proofs.
pub(super) struct Prover {
    store: Arc<dyn Store>,
    signed: SignedCheckpoint,
}

/// What an entry is handed out with.
pub(super) struct Proven {
    bytes: Vec<u8>,
    /// None if what lies in the store does not fit what was signed.
    proof: Option<String>,
}

impl Proven {
    pub(super) fn holds(&self) -> bool {
        self.proof.is_some()
    }
}

impl Prover {
    pub(super) fn new(store: Arc<dyn Store>, signed: SignedCheckpoint) -> Self {
        Self { store, signed }
    }

    /// The bytes of these entries, in order, with their proofs.
    pub(super) async fn prove(&self, indexes: &[u64]) -> Result<Vec<Proven>, Failure> {
        let tiles = self.tiles(indexes).await?;
        let mut proven = Vec::with_capacity(indexes.len());
        for (index, bytes) in self.bytes(indexes).await? {
            let proof = self.proof(index, &bytes, &tiles);
            proven.push(Proven { bytes, proof });
        }
        Ok(proven)
    }

    /// What does not hold is no proof, and bytes that are no text cannot be told in JSON.
    fn proof(&self, index: u64, bytes: &[u8], tiles: &TileSet) -> Option<String> {
        let (size, root) = (self.signed.checkpoint().size(), self.signed.checkpoint().root());
        let hashes = inclusion::prove(index, size, tiles).ok()?;
        inclusion::verify(index, size, Hash::leaf(bytes), &hashes, root).ok()?;
        std::str::from_utf8(bytes).ok()?;
        Some(Proof::new(index, hashes, &self.signed).encode())
    }

    async fn tiles(&self, indexes: &[u64]) -> Result<TileSet, Failure> {
        let size = self.signed.checkpoint().size();
        let nodes: Vec<_> = indexes.iter().flat_map(|index| inclusion::nodes(*index, size)).collect();
        let ids: BTreeSet<TileId> = tiles_for(&nodes, size).into_iter().collect();
        let ids: Vec<TileId> = ids.into_iter().collect();
        let read = self.store.tiles(&ids).await?;
        Ok(ids.iter().zip(read).filter_map(|(id, bytes)| Tile::decode(*id, &bytes?).ok()).collect())
    }

    /// Neighbours are read together.
    async fn bytes(&self, indexes: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let mut found = Vec::with_capacity(indexes.len());
        for run in indexes.chunk_by(|one, next| one + 1 == *next) {
            let Some(first) = run.first() else { continue };
            let rows = self.store.entries_from(*first, run.len()).await?;
            // What was removed since it was read is empty, and proves nothing.
            found.extend(run.iter().map(|index| {
                let row = rows.iter().find(|(at, _)| at == index);
                (*index, row.map(|(_, bytes)| bytes.clone()).unwrap_or_default())
            }));
        }
        Ok(found)
    }
}

/// An entry's line.
pub(super) fn line(shown: &Shown, proven: &Proven) -> String {
    let mut line = Map::new();
    line.insert("schema_version".to_owned(), SCHEMA_VERSION.into());
    line.insert("entry".to_owned(), shown.index.into());
    for (name, value) in shown.members() {
        let value = if name == "count" { json!(shown.event.count) } else { json!(value) };
        line.insert(name.to_owned(), value);
    }
    line.insert("bytes".to_owned(), String::from_utf8_lossy(&proven.bytes).into());
    line.insert("proof".to_owned(), json!(proven.proof));
    Value::Object(line).to_string()
}
