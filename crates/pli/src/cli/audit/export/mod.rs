//! `pli audit export`: the record handed out: all of it as files that public tools check (`tree`), or entries of it in a
//! form for programs, people, a SIEM or an audit record repository.
//!
//! What is handed out is what was sealed when the command began. It is read in parts and written as it is read: memory does
//! not grow with the record.

mod atna;
mod csv;
mod jsonl;
mod selection;
mod shown;
mod sink;
mod syslog;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

use pli_audit::{SignedCheckpoint, VerifierKey};
use pli_store::{Recorded, Store};
use pli_types::Person;
use serde_json::{Map, Value, json};

use self::jsonl::Prover;
use self::selection::Selection;
use self::shown::{House, Shown};
use self::sink::{Page, Sink};
use super::own_key;
use super::source::Kept;
use crate::admin::Sight;
use crate::cli::Globals;
use crate::cli::reading::{masker, read};
use crate::cli::reveal::Reveal;
use crate::exit::{Exit, Failure};
use crate::output::{self, SCHEMA_VERSION};
use crate::syslog::{Road, SiemAt};

/// Entries that are read at a time.
const ENTRIES: usize = 256;

/// The most characters of what a reveal is told to be of.
const ASKED_CHARS_MAX: usize = 100;

/// What `export` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// As what: the whole record as files that public tools check, JSON lines with proofs, CSV, syslog, or IHE ATNA messages
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = Form::Tiles)]
    form: Form,
    /// The file to make; of the whole record the folder, which may be there already if it is empty
    #[arg(long, value_name = "PATH", required_unless_present = "to")]
    out: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Send syslog or ATNA messages to this receiver, over TLS (RFC 5425), instead of writing a file
    #[arg(long, value_name = "HOST:PORT", value_parser = SiemAt::parse, conflicts_with = "out")]
    to: Option<SiemAt>,
    /// PEM file with the authorities that the receiver's certificate must chain to, instead of the system's
    #[arg(long, value_name = "FILE", requires = "to")]
    ca: Option<PathBuf>,
    /// PEM file with the certificate that is shown to the receiver if it asks for one
    #[arg(long, value_name = "FILE", requires = "to", requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file with that certificate's key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    #[command(flatten)]
    reveal: Reveal,
}

const NOTES: &str = "\
What was sealed when the command began is handed out. Without --as it is the whole record, as files that public tools can
check, with persons sealed. In the other forms identifiers are masked unless --reveal says otherwise; a file is there once
it is whole.";

/// As what the record is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    // Plain comments: documentation would be printed with the help.
    // The whole record, as C2SP tlog-tiles lays it out.
    Tiles,
    // A JSON object a line: the entry, its bytes and a proof that stands alone.
    Jsonl,
    // For a spreadsheet.
    Csv,
    // RFC 5424, with structured data.
    Syslog,
    // A DICOM audit message a line; sent, it is the text of a syslog message.
    Atna,
}

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let told = match (args.form, &args.out) {
        (Form::Tiles, Some(folder)) if args.selection.is_all() && args.reveal.why().is_none() => {
            tree::export(globals, folder)?
        }
        (Form::Tiles, _) => return Err(Failure::told(Exit::Usage, "audit-export-whole", &[])),
        (Form::Jsonl | Form::Csv, None) => return Err(Failure::told(Exit::Usage, "audit-export-no-syslog", &[])),
        _ => entries(globals, args)?,
    };
    output::print(&globals.format().object(&told))?;
    let count = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or(0);
    match count("missing") + count("unproven") {
        0 => Ok(()),
        wrong => Err(Failure::told(Exit::Integrity, "audit-export-damaged", &[("wrong", &wrong)])),
    }
}

fn entries(globals: &Globals, args: &Args) -> Result<Map<String, Value>, Failure> {
    let (key, config) = (own_key(globals)?, globals.settings()?.config);
    let house = House {
        host: config.server.name.0.to_string(),
        record: key.name().to_owned(),
        enterprise: config.audit.enterprise_number,
    };
    // Before anybody is shown anything.
    let whom = format!("audit export{}", args.selection.told());
    let asked = if whom.chars().count() > ASKED_CHARS_MAX { "audit export" } else { &whom };
    let sight = args.reveal.sight(globals, asked, None, masker(globals)?)?;
    let handing = Handing { form: args.form, house, sight, count: Count::default() };
    read(globals, async |reading| {
        let kept = Kept::now(Arc::clone(&reading.store)).await?;
        let signed = kept.must_be_signed(&key)?;
        let sink = match (&args.to, &args.out) {
            (Some(at), _) => {
                let shown = args.certificate.clone().zip(args.key.clone());
                let road = Road::new(at.clone(), args.ca.as_deref(), shown, reading.clock)?;
                Sink::Siem(Box::new(road.open().await?))
            }
            (None, Some(path)) => Sink::File(Page::begin(path)?),
            (None, None) => return Err(Failure::told(Exit::Usage, "audit-export-no-syslog", &[])),
        };
        let size = signed.checkpoint().size();
        let (count, confirmed) = handing.hand_out(reading.store, signed, &args.selection, sink).await?;
        let to = args.to.as_ref().map(ToString::to_string);
        let out = args.out.as_ref().map(|path| path.display().to_string());
        Ok(told(&key, size, to.or(out).as_deref(), count, confirmed))
    })
}

/// What is told of it.
fn told(key: &VerifierKey, size: u64, to: Option<&str>, count: Count, confirmed: Option<bool>) -> Map<String, Value> {
    let told = json!({
        "schema_version": SCHEMA_VERSION,
        "to": to,
        "entries": count.entries,
        "pruned": count.pruned,
        "missing": count.missing,
        "unproven": count.unproven,
        "confirmed": confirmed,
        "tree_size": size,
        "key": key.to_string(),
        "key_fingerprint": key.fingerprint(),
    });
    told.as_object().cloned().unwrap_or_default()
}

/// How many entries.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Were handed out.
    entries: u64,
    /// Were looked at and are pruned: nobody can tell whether they were asked for.
    pruned: u64,
    /// Should be there.
    missing: u64,
    /// Were handed out although they do not fit what was signed.
    unproven: u64,
}

/// Hands out entries.
struct Handing {
    form: Form,
    house: House,
    sight: Sight,
    count: Count,
}

impl Handing {
    async fn hand_out(
        mut self,
        store: Arc<dyn Store>,
        signed: SignedCheckpoint,
        selection: &Selection,
        mut sink: Sink,
    ) -> Result<(Count, Option<bool>), Failure> {
        let mut walk = Walk { next: 0, size: signed.checkpoint().size(), person: selection.person() };
        let prover = Prover::new(Arc::clone(&store), signed);
        if self.form == Form::Csv {
            sink.put(csv::HEADER).await?;
        }
        while let Some(step) = walk.step(&*store).await? {
            self.count.missing += step.missing;
            self.part(&prover, step.entries, selection, &mut sink).await?;
        }
        Ok((self.count, sink.end().await?))
    }

    async fn part(
        &mut self,
        prover: &Prover,
        entries: Vec<Recorded>,
        selection: &Selection,
        sink: &mut Sink,
    ) -> Result<(), Failure> {
        let mut wanted = Vec::new();
        for Recorded { index, event } in entries {
            match event {
                Some(event) if selection.takes(&event) => wanted.push(Shown::new(index, event, &self.sight)),
                Some(_) => {}
                None => self.count.pruned += 1,
            }
        }
        self.count.entries += wanted.len() as u64;
        let indexes: Vec<u64> = wanted.iter().map(|shown| shown.index).collect();
        for (shown, proven) in wanted.iter().zip(prover.prove(&indexes).await?) {
            self.count.unproven += u64::from(!proven.holds());
            let text = match (self.form, &sink) {
                (Form::Jsonl, _) => jsonl::line(shown, &proven),
                (Form::Atna, Sink::File(_)) => atna::message(&self.house, shown),
                (Form::Atna, Sink::Siem(_)) => atna::in_syslog(&self.house, shown),
                (Form::Syslog, _) => syslog::message(&self.house, shown),
                _ => csv::line(shown),
            };
            sink.put(&text).await?;
        }
        Ok(())
    }
}

/// The way through the record, as far as it was signed.
struct Walk {
    next: u64,
    size: u64,
    /// Only what is about him.
    person: Option<Person>,
}

/// A part of it.
struct Step {
    entries: Vec<Recorded>,
    missing: u64,
}

impl Walk {
    async fn step(&mut self, store: &dyn Store) -> Result<Option<Step>, Failure> {
        if self.next >= self.size {
            return Ok(None);
        }
        match self.person.clone() {
            Some(person) => self.about(&person, store).await.map(Some),
            None => self.all(store).await.map(Some),
        }
    }

    async fn all(&mut self, store: &dyn Store) -> Result<Step, Failure> {
        let mut entries = store.events_from(self.next, ENTRIES).await?;
        let last_part = entries.len() < ENTRIES;
        entries.retain(|recorded| recorded.index < self.size);
        let next = if last_part { self.size } else { entries.last().map_or(self.size, |last| last.index + 1) };
        let missing = (next - self.next).saturating_sub(entries.len() as u64);
        self.next = next;
        Ok(Step { entries, missing })
    }

    async fn about(&mut self, person: &Person, store: &dyn Store) -> Result<Step, Failure> {
        let indexes = store.entries_about(person, self.next, ENTRIES).await?;
        let last_part = indexes.len() < ENTRIES;
        let mut entries = Vec::with_capacity(indexes.len());
        for index in indexes.iter().copied().filter(|index| *index < self.size) {
            entries.extend(store.events_from(index, 1).await?.into_iter().filter(|recorded| recorded.index == index));
        }
        self.next = if last_part { self.size } else { indexes.last().map_or(self.size, |last| last + 1) };
        Ok(Step { entries, missing: 0 })
    }
}
