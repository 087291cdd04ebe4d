//! `pli report incidents`: the register of incidents (spec §8.4).

use jiff::Timestamp;
use pli_store::IncidentState;
use serde_json::{Map, Value};

use crate::admin::incident::{Ask, Change, Told, VersionTold};
use crate::admin::rows::Warning;
use crate::admin::{Answer, Request};
use crate::cli::Globals;
use crate::cli::asking::{Trial, ask, beside_the_point, members, plain_members, print_effect};
use crate::exit::Failure;
use crate::output::{self, Format, Listing};

/// What can be done with the register.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// All incidents, the newest first, as they stand
    List {
        /// Those that are open, alone
        #[arg(long)]
        open: bool,
    },
    /// One incident with all that was ever written of it, and who is still to be told
    Show {
        /// Its number
        #[arg(value_name = "NUMBER")]
        incident: u64,
    },
    /// Enter a new incident
    #[command(after_help = NOTES)]
    Open {
        /// What it is, in a line
        #[arg(long, value_name = "TEXT")]
        title: String,
        #[command(flatten)]
        known: Known,
        #[command(flatten)]
        trial: Trial,
    },
    /// Write a new version: what is given changes, the rest stays, and what was written before is kept
    #[command(after_help = NOTES)]
    Update {
        /// Its number
        #[arg(value_name = "NUMBER")]
        incident: u64,
        /// What it is, in a line
        #[arg(long, value_name = "TEXT")]
        title: Option<String>,
        /// It was closed, and goes on
        #[arg(long)]
        reopen: bool,
        #[command(flatten)]
        known: Known,
        #[command(flatten)]
        trial: Trial,
    },
    /// Close an incident: what was to be done is done
    #[command(after_help = NOTES)]
    Close {
        /// Its number
        #[arg(value_name = "NUMBER")]
        incident: u64,
        #[command(flatten)]
        known: Known,
        #[command(flatten)]
        trial: Trial,
    },
    /// Print every version of an incident, or of all: for the portal's form, an auditor, the archive
    Export {
        /// Its number; without it, all
        #[arg(value_name = "NUMBER")]
        incident: Option<u64>,
    },
}

/// What may be known of an incident.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Known {
    /// When we knew of it (RFC 3339); of a new one, now unless it is said
    #[arg(long, value_name = "TIME")]
    detected_at: Option<Timestamp>,
    /// When it began
    #[arg(long, value_name = "TIME")]
    started_at: Option<Timestamp>,
    /// When it ended
    #[arg(long, value_name = "TIME")]
    ended_at: Option<Timestamp>,
    /// What happened
    #[arg(long, value_name = "TEXT")]
    facts: Option<String>,
    /// What is concerned: services, domains, kinds of data
    #[arg(long, value_name = "TEXT")]
    scope: Option<String>,
    /// How many mailboxes are concerned
    #[arg(long, value_name = "COUNT")]
    mailboxes: Option<u64>,
    /// How many persons are concerned; none is ever named
    #[arg(long, value_name = "COUNT")]
    persons: Option<u64>,
    /// What was done, and will be
    #[arg(long, value_name = "TEXT")]
    measures: Option<String>,
    /// Indicators of compromise: addresses, names, digests
    #[arg(long, value_name = "TEXT")]
    compromise: Option<String>,
    /// When the CNIL was told
    #[arg(long, value_name = "TIME")]
    cnil_told_at: Option<Timestamp>,
    /// When the ANS was told, on its portal
    #[arg(long, value_name = "TIME")]
    ans_told_at: Option<Timestamp>,
}

const NOTES: &str = "\
Nothing is sent to anybody: a serious incident is told to the ANS without delay on its portal, and within 72 hours to the
CNIL if data of persons are concerned; --ans-told-at and --cnil-told-at remember when. What looks like a person's number in
a text is hidden. Every version is kept, and every change is on record. docs/incidents.md";

const COLUMNS: &[&str] = &["incident", "state", "detected_at", "ended_at", "mailboxes", "persons", "title"];

const ALL_COLUMNS: &[&str] = &[
    "incident",
    "version",
    "written_at",
    "author",
    "state",
    "title",
    "detected_at",
    "started_at",
    "ended_at",
    "facts",
    "scope",
    "mailboxes",
    "persons",
    "measures",
    "compromise",
    "cnil_until",
    "cnil_told_at",
    "ans_told_at",
];

/// Does it.
pub(super) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { open } => {
            let mut rows = list(globals)?;
            rows.retain(|row| !open || row.content.state == IncidentState::Open);
            output::print(&globals.format().list(&listing(COLUMNS, &rows)))
        }
        Command::Show { incident } => show(globals, incident),
        Command::Open { title, known, trial } => {
            let change = Change { title: Some(title), ..known.into() };
            change_it(globals, Ask::Open { change, dry_run: trial.dry_run })
        }
        Command::Update { incident, title, reopen, known, trial } => {
            let state = reopen.then_some(IncidentState::Open);
            let change = Change { title, state, ..known.into() };
            change_it(globals, Ask::Update { incident, change, dry_run: trial.dry_run })
        }
        Command::Close { incident, known, trial } => {
            let change = Change { state: Some(IncidentState::Closed), ..known.into() };
            change_it(globals, Ask::Update { incident, change, dry_run: trial.dry_run })
        }
        Command::Export { incident } => export(globals, incident),
    }
}

impl From<Known> for Change {
    fn from(known: Known) -> Self {
        Self {
            title: None,
            state: None,
            detected_at: known.detected_at,
            started_at: known.started_at,
            ended_at: known.ended_at,
            facts: known.facts,
            scope: known.scope,
            mailboxes: known.mailboxes,
            persons: known.persons,
            measures: known.measures,
            compromise: known.compromise,
            cnil_told_at: known.cnil_told_at,
            ans_told_at: known.ans_told_at,
        }
    }
}

fn list(globals: &Globals) -> Result<Vec<VersionTold>, Failure> {
    match ask(globals, Request::Incident(Ask::List), None)? {
        Answer::Incident(Told::List { rows }) => Ok(rows),
        _ => Err(beside_the_point()),
    }
}

fn versions(globals: &Globals, incident: u64) -> Result<(Vec<VersionTold>, Vec<Warning>), Failure> {
    match ask(globals, Request::Incident(Ask::Show { incident }), None)? {
        Answer::Incident(Told::Shown { versions, due }) => Ok((versions, due)),
        _ => Err(beside_the_point()),
    }
}

fn listing(columns: &'static [&'static str], rows: &[VersionTold]) -> Listing {
    Listing { columns, rows: rows.iter().map(members).collect() }
}

/// The last version, who is still to be told, and for people when the others were written.
fn show(globals: &Globals, incident: u64) -> Result<(), Failure> {
    let (versions, due) = versions(globals, incident)?;
    let last = versions.last().ok_or_else(beside_the_point)?;
    let format = globals.format();
    let mut object = members(last);
    let language = format.language();
    let due = due.iter().map(|due| serde_json::json!({"code": due.code, "text": due.text(language)})).collect();
    object.insert("due".to_owned(), due);
    let text = if format == Format::Table {
        let history = listing(&["version", "written_at", "author", "state", "title"], &versions);
        object.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        format!("{}\n{}", format.object(&object), format.list(&history))
    } else {
        let versions: Vec<Value> = versions.iter().map(|version| plain_members(version).into()).collect();
        object.insert("versions".to_owned(), versions.into());
        format.object(&object)
    };
    output::print(&text)
}

fn change_it(globals: &Globals, request: Ask) -> Result<(), Failure> {
    let Answer::Incident(Told::Done { outcome, version, due }) = ask(globals, Request::Incident(request), None)? else {
        return Err(beside_the_point());
    };
    let shown: Map<String, Value> = plain_members(&version);
    print_effect(globals, outcome, &[], &due, shown)
}

fn export(globals: &Globals, incident: Option<u64>) -> Result<(), Failure> {
    let mut all = Vec::new();
    match incident {
        Some(incident) => all.extend(versions(globals, incident)?.0),
        None => {
            for row in list(globals)?.iter().rev() {
                all.extend(versions(globals, row.incident)?.0);
            }
        }
    }
    output::print(&globals.format().list(&listing(ALL_COLUMNS, &all)))
}
