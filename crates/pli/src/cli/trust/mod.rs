//! `pli trust`: the list of the trust space's domains.

mod change;
mod check;
mod diff;
mod history;
mod show;

use std::path::PathBuf;

use pli_directory::Signature;
use serde_json::{Map, Value};

use super::{Globals, runtime};
use crate::admin::{self, Answer, Request};
use crate::exit::Failure;

/// What can be done with trust lists.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Which list is in force, and which one waits for an admin
    Show,
    /// Would this list be put in force? Needs no configuration
    Check(check::Args),
    /// What stands between two lists: by default, the one in force and the one that is held
    Diff {
        /// A file or the digest of a kept list; alone, it is compared with the list in force
        #[arg(value_name = "LIST")]
        first: Option<String>,
        /// Another one: what changes from the first to this
        #[arg(value_name = "LIST")]
        second: Option<String>,
    },
    /// What happened to lists, oldest first
    History {
        /// Show the latest so many only; without it, all
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Put a list in force that would be held: this file, or without one the list that is held
    Install {
        /// The list, as published
        file: Option<PathBuf>,
        #[command(flatten)]
        why: Why,
    },
    /// Go back to the list that was in force before, or to the one of this digest; the list left is not taken again
    Rollback {
        /// The digest of a kept list, or how it begins
        digest: Option<String>,
        #[command(flatten)]
        why: Why,
    },
    /// Look at the list's source now
    Fetch,
}

/// What every change needs.
#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Show => show::run(globals),
        Command::Check(args) => check::run(globals, &args),
        Command::Diff { first, second } => diff::run(globals, first, second),
        Command::History { limit } => history::run(globals, limit),
        Command::Install { file, why } => change::install(globals, file.as_deref(), why),
        Command::Rollback { digest, why } => change::roll_back(globals, digest, why),
        Command::Fetch => change::fetch(globals),
    }
}

/// Asks the node, or does it without one.
fn ask(globals: &Globals, request: Request, attached: Option<Vec<u8>>) -> Result<Answer, Failure> {
    let settings = globals.settings()?;
    runtime::one_thread()?.block_on(admin::ask(&settings, request, attached))
}

/// An answer to another question.
fn beside_the_point() -> Failure {
    Failure::defect("the node answers another question than was asked")
}

/// The members of an object.
fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// `none`, `valid` or `unchecked`, and whose it is.
fn signature(signature: &Signature) -> (&'static str, Option<String>) {
    match signature {
        Signature::None => ("none", None),
        Signature::Valid { signer } => ("valid", Some(signer.to_string())),
        Signature::Unchecked => ("unchecked", None),
    }
}
