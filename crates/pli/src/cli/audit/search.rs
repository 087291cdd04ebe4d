//! `pli audit search`: what is on record about somebody or something, entry by entry, as it is found.

use std::io::StdoutLock;

use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_store::{Recorded, Store};
use pli_types::{MailAddress, Marked, MessageId, Person, Piece};
use serde_json::{Map, Value};

use crate::admin::Sight;
use crate::admin::patient::checked_ins;
use crate::cli::Globals;
use crate::cli::patient::typed;
use crate::cli::reading::{masker, read};
use crate::cli::reveal::Reveal;
use crate::exit::{Exit, Failure};
use crate::output::{Format, Rows, SCHEMA_VERSION};
use crate::story::asked::{address, moment};
use crate::story::timeline;

/// Entries that are read at a time.
const PAGE: usize = 500;

const COLUMNS: &[&str] = &[
    "entry",
    "at",
    "event",
    "face",
    "actor",
    "remote",
    "sender",
    "recipient",
    "mailbox",
    "message",
    "reason",
    "detail",
    "local",
    "count",
];
/// What people see first; the texts, which may be long, come last.
const SHOWN: &[&str] = &["entry", "at", "event", "actor", "sender", "recipient", "mailbox", "reason", "detail"];
const WIDTHS: &[usize] = &[7, 20, 14, 16, 28, 28, 28, 16, 0];

/// What `search` takes.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whom").required(true).args(["ins", "address", "mailbox", "message"])))]
pub(crate) struct Args {
    /// All entries about this patient: his INS, all 15 characters; `-`: read it from standard input
    #[arg(long, value_name = "INS")]
    ins: Option<String>,
    /// All entries that name this address: who wrote, who was written to, whose mailbox it was, who signed in
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    address: Option<MailAddress>,
    /// What happened in this mailbox: what was put into it, who read it, what was deleted and changed
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    mailbox: Option<MailAddress>,
    /// All entries about this message: the `id=` of the reply that accepted it
    #[arg(long, value_name = "ID")]
    message: Option<String>,
    /// Recorded then or later (2026-03-14T12:00:00Z, or a day: 2026-03-14)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Recorded before that
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    #[command(flatten)]
    reveal: Reveal,
}

/// What is looked for.
#[derive(Debug)]
enum Wanted {
    /// A person, by the record's own list of what is about whom.
    Person(Person),
    /// A message, by the index of its entries.
    Message(MessageId),
    /// An address, through the whole record: nothing there is computed from it.
    Named(String),
    /// The same, of the mailbox alone.
    Mailbox(String),
}

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let (wanted, about) = args.wanted()?;
    let about = ("audit search", args.message.clone(), about.map(|address| address.reveal()));
    let sight = args.reveal.sight_of(globals, about, masker(globals)?)?;
    let format = globals.format();
    let (columns, widths) = if format == Format::Table { (SHOWN, WIDTHS) } else { (COLUMNS, &[][..]) };
    read(globals, |reading| async move {
        let rows = Rows::begin(std::io::stdout().lock(), format, columns, widths);
        let mut found = Found { args, sight, rows };
        search(&*reading.store, &wanted, &mut found).await?;
        found.rows.end()
    })
}

impl Args {
    /// What is looked for, and the address that it is about.
    fn wanted(&self) -> Result<(Wanted, Option<MailAddress>), Failure> {
        if let Some(patient) = &self.ins {
            let patient = checked_ins(&typed(patient)?)?;
            return Ok((Wanted::Person(Person::parse(patient.reveal())), Some(MailAddress::of_patient(&patient))));
        }
        if let Some(id) = &self.message {
            let unknown = || Failure::told(Exit::NotFound, "message-unknown", &[("id", id)]);
            return Ok((Wanted::Message(MessageId::parse(id).map_err(|_| unknown())?), None));
        }
        let (address, is_mailbox) = match (&self.mailbox, &self.address) {
            (Some(address), _) => (address, true),
            (None, Some(address)) => (address, false),
            (None, None) => return Err(Failure::defect("a search for nothing")),
        };
        // Whom the record knows as a person is found without reading all of it.
        let marked = Marked::address(address);
        let person = marked.pieces().iter().find_map(Piece::person).filter(|_| !is_mailbox).cloned();
        let named = if is_mailbox { Wanted::Mailbox } else { Wanted::Named };
        let wanted = person.map_or_else(|| named(address.key()), Wanted::Person);
        Ok((wanted, Some(address.clone())))
    }

    /// Is it of the time that is asked for?
    fn is_in_time(&self, event: &Event) -> bool {
        let Ok(at) = event.at.parse::<Timestamp>() else { return true };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// What is found, as it is printed.
struct Found<'a> {
    args: &'a Args,
    sight: Sight,
    rows: Rows<StdoutLock<'static>>,
}

/// All that is found, a page at a time: nothing is left out, and memory is that of a page.
async fn search(store: &dyn Store, wanted: &Wanted, found: &mut Found<'_>) -> Result<(), Failure> {
    match wanted {
        Wanted::Person(person) => {
            let mut next = 0;
            loop {
                let indexes = store.entries_about(person, next, PAGE).await?;
                let Some(last) = indexes.last() else { return Ok(()) };
                next = last.saturating_add(1);
                if !found.page(store.events_at(&indexes).await?, |_| true) {
                    return Ok(());
                }
            }
        }
        Wanted::Message(message) => {
            for indexes in store.entries_of(*message).await?.chunks(PAGE) {
                if !found.page(store.events_at(indexes).await?, |_| true) {
                    return Ok(());
                }
            }
            Ok(())
        }
        Wanted::Named(key) => through(store, found, |event| names(event, key)).await,
        Wanted::Mailbox(key) => through(store, found, |event| is_of(event, key)).await,
    }
}

/// Reads the whole record.
async fn through(store: &dyn Store, found: &mut Found<'_>, wanted: impl Fn(&Event) -> bool) -> Result<(), Failure> {
    let mut next = 0;
    loop {
        let page = store.events_from(next, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        next = last.index.saturating_add(1);
        if !found.page(page, &wanted) {
            return Ok(());
        }
    }
}

/// Does the event name this address anywhere?
fn names(event: &Event, key: &str) -> bool {
    [&event.sender, &event.recipient, &event.mailbox, &event.actor].into_iter().any(|text| holds(text.as_ref(), key))
}

/// Did it happen in this mailbox?
fn is_of(event: &Event, key: &str) -> bool {
    holds(event.mailbox.as_ref(), key) || event.kind == EventKind::Delivered && holds(event.recipient.as_ref(), key)
}

/// Is this one of the addresses of a text? Several stand there with commas between them.
fn holds(text: Option<&Marked>, key: &str) -> bool {
    let text = text.map(Marked::reveal).unwrap_or_default();
    text.split(", ").any(|part| MailAddress::parse(part).is_ok_and(|address| address.key() == key))
}

impl Found<'_> {
    /// Prints those of a page that are wanted; `false` if nobody can read any further ones.
    fn page(&mut self, page: Vec<Recorded>, wanted: impl Fn(&Event) -> bool) -> bool {
        let events = page.into_iter().filter_map(|one| Some((one.index, one.event?)));
        let mut events = events.filter(|(_, event)| self.args.is_in_time(event) && wanted(event));
        events.all(|(index, event)| {
            let event = event.map(|text| self.sight.marked(&text));
            self.rows.row(&members(index, &event))
        })
    }
}

/// One entry.
fn members(index: u64, event: &Event<String>) -> Map<String, Value> {
    let mut members = timeline::members(event);
    members.insert("schema_version".to_owned(), SCHEMA_VERSION.into());
    members.insert("entry".to_owned(), index.into());
    members.insert("message".to_owned(), event.message.map(|id| id.to_string()).into());
    members
}
