//! `pli notice`: one message each to many patients, from the spaces' own sender.

mod list;
mod pause;
mod report;
mod send;
mod show;

use serde_json::{Map, Value, json};

use super::Globals;
use super::asking::{Because, Why, beside_the_point, plain_members};
use crate::admin::effect::Effect;
use crate::admin::notice::Row;
use crate::exit::Failure;
use crate::output::SCHEMA_VERSION;

/// What can be done with notices.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Send one to all patients of a list, each once; the same again goes on, and sends to those only who are new
    Send(send::Args),
    /// All of them, the oldest first, and how far they are
    List,
    /// How far one is, and why some patients do not get it
    Show {
        /// Its name
        name: String,
    },
    /// Send it to nobody for now
    Pause(Taken<Why>),
    /// Let it go on
    Resume(Taken<Because>),
}

/// A notice, and what a step takes besides.
#[derive(Debug, clap::Args)]
pub(crate) struct Taken<T: clap::Args> {
    /// Its name
    name: String,
    #[command(flatten)]
    why: T,
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Send(args) => send::run(globals, &args),
        Command::List => list::run(globals),
        Command::Show { name } => show::run(globals, name),
        Command::Pause(Taken { name, why }) => pause::run(globals, name, true, Some(why.reason), why.dry_run),
        Command::Resume(Taken { name, why }) => pause::run(globals, name, false, why.reason, why.dry_run),
    }
}

/// A notice, as it is printed.
fn members_of(row: &Row) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
    members.extend(plain_members(row));
    members
}

/// What became of a wish.
fn done(effect: Effect) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
    members.insert("outcome".to_owned(), json!(effect));
    members.insert("dry_run".to_owned(), json!(effect.is_tried()));
    members
}
