//! `pli audit verify`: of a node, or of an export on a machine that has nothing else.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli_audit::verify::What;
use pli_audit::{Audit, Damage, Place, SignedCheckpoint, Source, Verdict, VerifierKey};
use pli_store::Checking;
use serde_json::{Map, Value, json};

use super::source::Export;
use super::{KEY, own_key};
use crate::cli::Globals;
use crate::cli::looking::bounded;
use crate::cli::reading::read;
use crate::exit::{Exit, Failure};
use crate::output::{self, SCHEMA_VERSION};
use crate::sealer::outlet::Outlet;

/// A file with a key is a line.
const KEY_BYTES_MAX: u64 = 1024;

/// What `verify` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check an export in this folder instead of the node's own record; needs no configuration
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
    /// The public key, from somewhere else than the record: without it nobody can tell whose the record is
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A checkpoint that was kept: is the record its continuation? Of several in the file, the last one counts
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// What a record is checked with.
struct Question {
    key: VerifierKey,
    trusted: bool,
    earlier: Option<SignedCheckpoint>,
}

impl Question {
    fn new(args: &Args, found: VerifierKey) -> Result<Self, Failure> {
        let given = args.key.as_deref().map(key_in).transpose()?;
        let (trusted, key) = (given.is_some(), given.unwrap_or(found));
        let earlier = args.checkpoint.as_deref().map(|path| checkpoint_in(path, &key)).transpose()?;
        Ok(Self { key, trusted, earlier })
    }

    fn ask<S: Source>(&self, source: &mut S) -> Result<Verdict, S::Error> {
        let earlier = self.earlier.as_ref().map(SignedCheckpoint::checkpoint);
        Audit { key: &self.key, trusted: self.trusted, earlier }.verify(source)
    }

    /// The same of a store.
    fn of_store(&self) -> Checking {
        let earlier = self.earlier.as_ref().map(|earlier| earlier.checkpoint().clone());
        Checking { key: self.key.clone(), trusted: self.trusted, earlier }
    }
}

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let members = match &args.export {
        Some(folder) => of_export(args, folder)?,
        None => of_node(globals, args)?,
    };
    output::print(&globals.format().object(&members))?;
    let Some(damage) = members.get("damage").filter(|damage| !damage.is_null()) else { return Ok(()) };
    let text = |member| damage.get(member).and_then(Value::as_str).unwrap_or_default();
    Err(match damage.get("column").and_then(Value::as_str) {
        Some(column) => {
            let values: [(_, &dyn Display); 2] = [("place", &text("place")), ("column", &column)];
            Failure::told(Exit::Integrity, "audit-index-differs", &values)
        }
        None => Failure::told(Exit::Integrity, "audit-damaged", &[("damage", &text("detail"))]),
    })
}

fn of_export(args: &Args, folder: &Path) -> Result<Map<String, Value>, Failure> {
    let mut export = Export::new(folder);
    // With the key given, the one in the export counts for nothing, and need not be there.
    let found = args.key.clone().unwrap_or_else(|| folder.join(KEY));
    let question = Question::new(args, key_in(&found)?)?;
    let verdict = question.ask(&mut export)?;
    Ok(members(&question, &verdict, export.checkpoint()?))
}

/// The node's own record is held against the last checkpoint that it has handed out, unless another is given.
fn of_node(globals: &Globals, args: &Args) -> Result<Map<String, Value>, Failure> {
    let config = globals.settings()?.config;
    let mut question = Question::new(args, own_key(globals)?)?;
    if args.checkpoint.is_none() {
        // Read before the store is: it has what was handed out.
        let outlet = Outlet::new(config.audit.checkpoints_in(&config.server.state));
        question.earlier = outlet.last(&question.key);
    }
    read(globals, |reading| async move {
        let checked = pli_store::verify(Arc::clone(&reading.store), question.of_store()).await?;
        // Nothing signed is no damage, unless something was handed out.
        if checked.checkpoint.is_none() && question.earlier.is_none() {
            return Err(Failure::told(Exit::NotFound, "audit-nothing-sealed", &[]));
        }
        let mut members = members(&question, &checked.verdict, checked.checkpoint);
        // Behind what was checked, not behind what is signed by now.
        let unsealed = match checked.unsealed {
            Some(unsealed) => unsealed,
            None => reading.store.unsealed().await?.waiting,
        };
        members.insert("unsealed".to_owned(), unsealed.into());
        Ok(members)
    })
}

fn members(question: &Question, verdict: &Verdict, checkpoint: Option<Vec<u8>>) -> Map<String, Value> {
    // Of a damaged record, what was signed of it.
    let signed = checkpoint.and_then(|bytes| SignedCheckpoint::open(&bytes, &question.key).ok());
    let signed = signed.as_ref().map(SignedCheckpoint::checkpoint);
    let (pruned, damage) = match verdict {
        Verdict::Verified(verified) => (Some(verified.pruned), None),
        Verdict::Damaged(damage) => (None, Some(damage)),
    };
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "ok": damage.is_none(),
        "trusted": question.trusted,
        "origin": question.key.name(),
        "tree_size": signed.map(pli_audit::Checkpoint::size),
        "root": signed.map(|signed| signed.root().to_string()),
        "pruned": pruned,
        "earlier": question.earlier.as_ref().map(|earlier| earlier.checkpoint().size()),
        "key": question.key.to_string(),
        "key_fingerprint": question.key.fingerprint(),
        "damage": damage.map(told),
    });
    members.as_object().cloned().unwrap_or_default()
}

/// Where and what.
fn told(damage: &Damage) -> Value {
    let (entry, tile, checkpoint) = match damage.place {
        Place::Checkpoint => (None, None, None),
        Place::Tile { level, index } => (None, Some(format!("{level}/{index}")), None),
        Place::Entry(index) => (Some(index), None, None),
        Place::Kept(size) => (None, None, Some(size)),
    };
    let column = if let What::Index(column) = damage.what { Some(column.as_str()) } else { None };
    json!({
        "place": damage.place.to_string(),
        "entry": entry,
        "tile": tile,
        "checkpoint": checkpoint,
        "column": column,
        "what": damage.what.code(),
        "detail": damage.to_string(),
    })
}

/// A public key, as `docs/audit.md` writes it.
fn key_in(path: &Path) -> Result<VerifierKey, Failure> {
    let bytes = bounded(path, KEY_BYTES_MAX)?;
    VerifierKey::parse(String::from_utf8_lossy(&bytes).trim()).map_err(|cause| {
        Failure::told(Exit::Usage, "audit-public-key-invalid", &[("path", &path.display()), ("cause", &cause)])
    })
}

/// The last checkpoint in a file that this key has signed. One that is signed by another key is no usage error: the record
/// that is checked may have been signed anew.
fn checkpoint_in(path: &Path, key: &VerifierKey) -> Result<SignedCheckpoint, Failure> {
    let last = Outlet::new(path.to_owned()).look(key).map_err(|error| Failure::file(path, &error))?;
    last.ok_or_else(|| {
        Failure::told(Exit::Integrity, "audit-checkpoint-foreign", &[("path", &path.display()), ("key", key)])
    })
}
