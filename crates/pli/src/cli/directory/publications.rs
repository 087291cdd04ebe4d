//! `pli directory publications`: what the state's directory is still to be told, and why it was not yet.

use jiff::Timestamp;
use pli_store::Publication;
use serde_json::{Map, Value, json};

use super::Globals;
use crate::cli::reading::{masker, read};
use crate::cli::reveal::{Reveal, Sight};
use crate::exit::Failure;
use crate::output::{self, Listing, SCHEMA_VERSION};

/// Which.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    reveal: Reveal,
    /// Show the first so many only; without it, all
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

const COLUMNS: &[&str] = &["address", "state", "waits_since", "attempts", "next_at", "last_fault", "told_at"];

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let limit = args.limit.unwrap_or(usize::MAX);
    let sight = args.reveal.sight(globals, "directory publications", None, masker(globals)?)?;
    let rows = read(globals, async |reading| {
        let now = reading.clock.now();
        let waiting = reading.store.waiting_publications(limit).await?;
        Ok(waiting.iter().map(|one| members(one, &sight, now)).collect())
    })?;
    output::print(&globals.format().list(&Listing { columns: COLUMNS, rows }))
}

fn members(one: &Publication, sight: &Sight, now: Timestamp) -> Map<String, Value> {
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "address": sight.address(&one.address),
        "state": if one.next_at <= now { "due" } else { "waiting" },
        "waits_since": one.waits_since.to_string(),
        "attempts": one.attempts,
        "next_at": one.next_at.to_string(),
        "last_fault": one.fault,
        "told_at": one.told_at.map(|at| at.to_string()),
    });
    members.as_object().cloned().unwrap_or_default()
}
