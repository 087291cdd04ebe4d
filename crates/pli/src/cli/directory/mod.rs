//! `pli directory`: the national directory, by its local copy.

mod export;
mod import;
mod lookup;
mod progress;
mod publications;
mod publish;
mod search;
mod show;
mod sift;

use pli_directory::extraction::{Column, Entry};
use pli_store::national::{LocalCopy, Place};
use serde_json::{Map, Value, json};

use super::{Globals, runtime};
use crate::exit::{Exit, Failure};
use crate::output::SCHEMA_VERSION;

/// What can be done with the directory.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Replace the local copy of the national directory by this extraction
    Import(import::Args),
    /// Look for mailboxes by the words of their entries; accents and case are ignored
    Search(search::Args),
    /// All lines of an address
    Show(show::Args),
    /// Print the whole copy
    Export,
    /// Ask the state's directory itself, not the copy
    Lookup(lookup::Args),
    /// Have the state's directory told of our mailboxes now, or show what it would be told
    Publish(publish::Args),
    /// What the state's directory is still to be told, and why it was not yet
    Publications(publications::Args),
}

/// What a person looks for.
const TABLE_COLUMNS: &[&str] =
    &["type", "address", "family_name", "given_name", "profession", "speciality", "structure", "town"];

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import::run(globals, args),
        Command::Search(args) => search::run(globals, args),
        Command::Show(args) => show::run(globals, args),
        Command::Export => export::run(globals),
        Command::Lookup(args) => lookup::run(globals, args),
        Command::Publish(args) => publish::run(globals, args),
        Command::Publications(args) => publications::run(globals, args),
    }
}

/// Opens the copy, beside a node or none, and hands it to `work`.
fn read<T>(globals: &Globals, work: impl AsyncFnOnce(&mut LocalCopy) -> Result<T, Failure>) -> Result<T, Failure> {
    let state = globals.settings()?.config.server.state;
    runtime::one_thread()?.block_on(async {
        let mut copy = LocalCopy::open(&state).await?.ok_or_else(no_copy)?;
        let outcome = work(&mut copy).await;
        copy.close().await;
        outcome
    })
}

fn no_copy() -> Failure {
    Failure::told(Exit::NotFound, "directory-missing", &[])
}

/// The words that an entry is found by.
fn found_by<'l>(entry: &Entry<'l>) -> [(Place, &'l str); 15] {
    let at = |place, column| (place, entry.get(column));
    [
        at(Place::Name, Column::Title),
        at(Place::Name, Column::FamilyName),
        at(Place::Name, Column::GivenName),
        at(Place::Name, Column::PersonId),
        at(Place::Profession, Column::Profession),
        at(Place::Profession, Column::Speciality),
        at(Place::Town, Column::Town),
        at(Place::Town, Column::PostalCode),
        at(Place::Department, Column::Department),
        (Place::Department, entry.department_number()),
        at(Place::Structure, Column::Structure),
        at(Place::Structure, Column::Sign),
        at(Place::Structure, Column::Service),
        at(Place::Structure, Column::StructureId),
        (Place::Kind, entry.kind().as_str()),
    ]
}

/// A line of the copy, as programs read it: a member a column, null where the directory says nothing.
fn members(line: &str) -> Result<Map<String, Value>, Failure> {
    let corrupt = |fault| Failure::told(Exit::Integrity, "directory-corrupt", &[("cause", &fault)]);
    let entry = Entry::parse(line).map_err(corrupt)?;
    let mut members = Map::new();
    members.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
    for column in Column::ALL {
        let text = entry.get(*column);
        let value = if text.is_empty() { Value::Null } else { text.into() };
        members.insert(column.member().to_owned(), value);
    }
    Ok(members)
}
