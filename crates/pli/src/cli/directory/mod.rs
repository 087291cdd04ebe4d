//! `pli directory`: our own entries, and the national directory by its local copy.

mod columns;
mod diff;
mod entry;
mod export;
mod import;
mod lookup;
mod pharmacies;
mod publications;
mod publish;
mod search;
mod show;
mod sift;

use std::sync::Arc;

use pli_addressbook::{AddressBook, Source};
use pli_directory::extraction::{Column, Entry};
use pli_types::MailAddress;
use serde_json::{Map, Value, json};

use super::{Globals, reading, runtime};
use crate::exit::{Exit, Failure};
use crate::output::SCHEMA_VERSION;

/// What can be done with the directory.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Replace the local copy of the national directory by this extraction
    Import(import::Args),
    /// Look for mailboxes by the words of their entries, ours and the country's; accents and case are ignored
    Search(search::Args),
    /// All lines of an address, ours and the country's, and why nobody else finds it
    Show(show::Args),
    /// Print the whole copy, or all of ours
    Export(export::Args),
    /// Give a mailbox of ours a line: who stands behind it
    Add(entry::Add),
    /// Change what a line of ours says
    Set(entry::Set),
    /// Take lines of ours away
    Rm(entry::Rm),
    /// Our mailboxes beside the copy of the national directory: what is missing there, too many, or different
    Diff(diff::Args),
    /// Which structures are pharmacies: told by a file, or shown
    Pharmacies(pharmacies::Args),
    /// Ask the state's directory itself, not the copy
    Lookup(lookup::Args),
    /// Have the state's directory told of our mailboxes now, or show what it would be told
    Publish(publish::Args),
    /// What the state's directory is still to be told, and why it was not yet
    Publications(publications::Args),
}

/// What a person looks for.
const TABLE_COLUMNS: &[&str] =
    &["source", "type", "address", "family_name", "given_name", "profession", "speciality", "structure", "town"];

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import::run(globals, args),
        Command::Search(args) => search::run(globals, args),
        Command::Show(args) => show::run(globals, args),
        Command::Export(args) => export::run(globals, args),
        Command::Add(args) => entry::add(globals, args),
        Command::Set(args) => entry::set(globals, args),
        Command::Rm(args) => entry::rm(globals, args),
        Command::Diff(args) => diff::run(globals, args),
        Command::Pharmacies(args) => pharmacies::run(globals, args),
        Command::Lookup(args) => lookup::run(globals, args),
        Command::Publish(args) => publish::run(globals, args),
        Command::Publications(args) => publications::run(globals, args),
    }
}

/// What programs read: where a line comes from, and its columns.
const COLUMNS: &[&str] = &after::<{ 1 + Column::COUNT }>(&["source"]);

/// The columns of a line, after these.
#[expect(clippy::indexing_slicing, reason = "while it is compiled: what does not fit is an error then")]
const fn after<const N: usize>(first: &[&'static str]) -> [&'static str; N] {
    let (mut all, mut place) = ([""; N], 0);
    while place < N {
        all[place] = if place < first.len() { first[place] } else { Column::MEMBERS[place - first.len()] };
        place += 1;
    }
    all
}

/// Opens ours and the copy, beside a node or none, and hands them to `work`.
fn read<T>(globals: &Globals, work: impl AsyncFnOnce(&mut AddressBook) -> Result<T, Failure>) -> Result<T, Failure> {
    let settings = globals.settings()?;
    let hosted = settings.hosted_domains();
    reading::read(globals, |reading| async move {
        let mut book = AddressBook::open(Arc::clone(&reading.store), &settings.config.server.state, hosted).await?;
        let outcome = work(&mut book).await;
        book.close().await;
        outcome
    })
}

fn no_copy() -> Failure {
    Failure::told(Exit::NotFound, "directory-missing", &[])
}

fn address(text: &str) -> Result<MailAddress, String> {
    MailAddress::parse(text).map_err(|error| error.to_string())
}

/// A line, as programs read it.
fn members(source: Source, line: &str) -> Result<Map<String, Value>, Failure> {
    let mut members = columns_of(line)?;
    members.insert("source".to_owned(), json!(source.as_str()));
    Ok(members)
}

/// The columns of a line, as programs read them: null where the directory says nothing.
fn columns_of(line: &str) -> Result<Map<String, Value>, Failure> {
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
