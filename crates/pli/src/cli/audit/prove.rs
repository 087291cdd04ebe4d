//! `pli audit prove`: that an entry is in the record, in a form that stands alone.

use std::path::{Path, PathBuf};

use pli_audit::tile::tiles_for;
use pli_audit::tree::inclusion;
use pli_audit::{Proof, SignedCheckpoint, Tile, TileId, TileSet, VerifierKey};
use pli_store::Store;
use pli_types::MessageId;
use serde_json::{Map, Value, json};

use super::own_key;
use super::source::Kept;
use crate::cli::Globals;
use crate::cli::reading::read;
use crate::exit::{Exit, Failure};
use crate::output::{self, Listing, SCHEMA_VERSION};

/// What `prove` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The entry's number, from 0, or a message: the `id=` of the reply that accepted it, for all entries about it
    id: String,
    /// Write each proof and its entry as files into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// One entry and its proof.
struct Proven {
    index: u64,
    entry: Vec<u8>,
    proof: String,
}

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let key = own_key(globals)?;
    let proven = read(globals, |reading| async move { prove(reading.store, &args.id, &key).await })?;
    if let Some(folder) = &args.out {
        proven.iter().try_for_each(|proven| proven.write(folder))?;
    }
    let rows = proven.iter().map(Proven::members).collect();
    output::print(&globals.format().list(&Listing { columns: &["entry", "event"], rows }))
}

async fn prove(store: std::sync::Arc<dyn Store>, id: &str, key: &VerifierKey) -> Result<Vec<Proven>, Failure> {
    let unknown = || Failure::told(Exit::NotFound, "audit-entry-unknown", &[("id", &id)]);
    let indexes = match (id.parse::<u64>(), MessageId::parse(id)) {
        (Ok(index), _) => vec![index],
        (_, Ok(message)) => store.entries_of(message).await?,
        _ => Vec::new(),
    };
    if indexes.is_empty() {
        return Err(unknown());
    }
    let kept = Kept::now(store).await?;
    let signed = kept.signed(key).ok_or_else(|| Failure::told(Exit::Integrity, "audit-signed-by-other", &[]));
    let mut proven = Vec::new();
    for index in indexes {
        let row = kept.store.entries_from(index, 1).await?.pop().filter(|(found, _)| *found == index);
        let (_, entry) = row.ok_or_else(unknown)?;
        if signed.as_ref().is_ok_and(|signed| signed.checkpoint().size() <= index) {
            return Err(Failure::told(Exit::Conflict, "audit-unsealed", &[("index", &index)]));
        }
        let proof = one(&*kept.store, index, signed.as_ref().map_err(Clone::clone)?).await?;
        // What does not hold is not handed out.
        let holds = proof.as_ref().is_some_and(|proof| proof.verify(&entry, key).is_ok());
        let Some(proof) = proof.filter(|_| holds) else {
            return Err(Failure::told(Exit::Integrity, "audit-not-provable", &[("index", &index)]));
        };
        proven.push(Proven { index, entry, proof: proof.encode() });
    }
    Ok(proven)
}

/// The proof from the tiles; none if one that it needs is not there.
async fn one(store: &dyn Store, index: u64, signed: &SignedCheckpoint) -> Result<Option<Proof>, Failure> {
    let size = signed.checkpoint().size();
    let ids: Vec<TileId> = tiles_for(&inclusion::nodes(index, size), size).into_iter().collect();
    let read = store.tiles(&ids).await?;
    let tiles: TileSet = ids.iter().zip(read).filter_map(|(id, bytes)| Tile::decode(*id, &bytes?).ok()).collect();
    Ok(inclusion::prove(index, size, &tiles).ok().map(|hashes| Proof::new(index, hashes, signed)))
}

impl Proven {
    fn members(&self) -> Map<String, Value> {
        let event: Value = serde_json::from_slice(&self.entry).unwrap_or_default();
        let members = json!({
            "schema_version": SCHEMA_VERSION,
            "entry": self.index,
            "event": event.get("kind"),
            "bytes": String::from_utf8_lossy(&self.entry),
            "proof": self.proof,
        });
        members.as_object().cloned().unwrap_or_default()
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let put = |name: String, bytes: &[u8]| {
            let path = folder.join(name);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, bytes))
                .map_err(|error| Failure::file(&path, &error))
        };
        put(format!("{}.tlog-proof", self.index), self.proof.as_bytes())?;
        put(format!("{}.entry", self.index), &self.entry)
    }
}
