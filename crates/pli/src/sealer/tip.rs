//! [`Tip`]: the right edge of the sealed record, checked before anything is added to it.

use pli_audit::tree::{peaks, root};
use pli_audit::{Checkpoint, Hash, SignedCheckpoint, SignerKey, Tile, TileId, TileSet, TileWriter, VerifierKey};
use pli_store::{Result, SealedLog, Store};

use super::{Fault, Stop};

/// Where a sealer goes on.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    writer: TileWriter,
    /// What was signed of it; none of a record of which nothing is sealed.
    checkpoint: Option<SignedCheckpoint>,
}

impl Tip {
    /// Reads what is sealed, and holds it against what was handed out last.
    pub(super) async fn look(
        store: &dyn Store,
        key: &VerifierKey,
        handed_out: Option<&SignedCheckpoint>,
    ) -> std::result::Result<Self, Stop> {
        let handed_out = handed_out.map(SignedCheckpoint::checkpoint);
        let Some(SealedLog { size, checkpoint }) = store.sealed().await? else {
            return match handed_out {
                Some(last) => Err(Fault::Behind { handed_out: last.size(), sealed: 0 }.into()),
                None => Ok(Self { writer: TileWriter::new(), checkpoint: None }),
            };
        };
        let signed = SignedCheckpoint::open(checkpoint.as_bytes(), key).map_err(Fault::Checkpoint)?;
        let edge = tiles(store, TileWriter::tiles_to_resume(size)).await?;
        let writer = TileWriter::resume(size, &edge).map_err(|_| Fault::Tiles)?;
        if (signed.checkpoint().size(), signed.checkpoint().root()) != (size, writer.root()) {
            return Err(Fault::Tiles.into());
        }
        if let Some(last) = handed_out {
            continues(store, size, last).await?;
        }
        Ok(Self { writer, checkpoint: Some(signed) })
    }

    /// What was signed last.
    pub(super) fn checkpoint(&self) -> Option<&SignedCheckpoint> {
        self.checkpoint.as_ref()
    }

    pub(super) fn size(&self) -> u64 {
        self.writer.size()
    }

    pub(super) fn append(&mut self, leaf: Hash) {
        self.writer.append(leaf);
    }

    pub(super) fn take_tiles(&mut self) -> Vec<Tile> {
        self.writer.take_tiles()
    }

    /// Signs all of it.
    pub(super) fn sign(&mut self, key: &SignerKey) -> std::result::Result<SignedCheckpoint, Fault> {
        let checkpoint = Checkpoint::new(key.verifier().name(), self.size(), self.writer.root());
        let signed = checkpoint.and_then(|checkpoint| checkpoint.sign(key)).map_err(Fault::Checkpoint)?;
        self.checkpoint = Some(signed.clone());
        Ok(signed)
    }
}

/// Is what is sealed, so many entries, the continuation of what was handed out?
async fn continues(store: &dyn Store, sealed: u64, last: &Checkpoint) -> std::result::Result<(), Stop> {
    if last.size() > sealed {
        return Err(Fault::Behind { handed_out: last.size(), sealed }.into());
    }
    let wanted = pli_audit::tile::tiles_for(&peaks(last.size()), sealed);
    let there = tiles(store, wanted).await?;
    match root(last.size(), &there) {
        Ok(root) if root == last.root() => Ok(()),
        Ok(_) => Err(Fault::Fork(last.size()).into()),
        Err(_) => Err(Fault::Tiles.into()),
    }
}

/// Those of the tiles that are there in their length.
async fn tiles(store: &dyn Store, ids: impl IntoIterator<Item = TileId>) -> Result<TileSet> {
    let ids: Vec<TileId> = ids.into_iter().collect();
    let read = store.tiles(&ids).await?;
    let decoded = ids.iter().zip(read).filter_map(|(id, bytes)| Tile::decode(*id, &bytes?).ok());
    Ok(decoded.collect())
}
