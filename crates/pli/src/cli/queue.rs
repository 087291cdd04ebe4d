//! `pli queue`: what waits, and what an admin decides on it.

use jiff::Timestamp;
use pli_store::QueueRow;
use serde_json::{Map, Value, json};

use super::reading::{Reading, masker, read};
use super::reveal::{Reveal, Sight};
use super::{Globals, runtime};
use crate::admin::{self, Answer, Request};
use crate::exit::Failure;
use crate::output::{self, Listing, SCHEMA_VERSION};

/// What can be done with the queue.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// What waits for another server, oldest first; health identifiers are masked
    List {
        #[command(flatten)]
        reveal: Reveal,
        /// Show the oldest so many only; without it, all
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// All about one row; health identifiers are masked
    Show {
        /// The row: an `id` of `pli queue list`
        id: String,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Deliver what is held, to its recipient
    Release {
        /// The row: an `id` of `pli queue list`
        id: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Tell what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Give what is held back to its sender, who gets a report
    Drop {
        /// The row: an `id` of `pli queue list`
        id: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Tell what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Try now what waits for its turn
    Retry {
        /// The row: an `id` of `pli queue list`
        id: String,
        /// Tell what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { limit, reveal } => {
            let sight = reveal.sight(globals, "queue list", None, masker(globals)?)?;
            let listing = read(globals, |reading| list(reading, limit.unwrap_or(usize::MAX), sight))?;
            output::print(&globals.format().list(&listing))
        }
        Command::Show { id, reveal } => {
            let sight = reveal.sight(globals, "queue show", None, masker(globals)?)?;
            let row = read(globals, |reading| show(reading, id, sight))?;
            output::print(&globals.format().object(&row))
        }
        Command::Release { id, reason, dry_run } => decide(globals, Request::QueueRelease { id, reason, dry_run }),
        Command::Drop { id, reason, dry_run } => decide(globals, Request::QueueDrop { id, reason, dry_run }),
        Command::Retry { id, dry_run } => retry(globals, id, dry_run),
    }
}

/// The node is asked: it is the way in of a running node that what is released goes.
fn decide(globals: &Globals, request: Request) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let answer = runtime::one_thread()?.block_on(admin::ask(&settings, request, None))?;
    let Answer::Decided(decided) = answer else {
        return Err(Failure::defect("the node answers another question than was asked"));
    };
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": decided.outcome,
        "id": decided.id,
        "message": decided.message,
        "held": decided.held,
        "dry_run": decided.dry_run,
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))
}

async fn show(reading: Reading, id: String, sight: Sight) -> Result<Map<String, Value>, Failure> {
    let row = admin::queue_row(&*reading.store, &id).await?;
    Ok(members(&row, &sight, reading.clock.now()))
}

/// The node is asked, so that it turns to the row at once.
fn retry(globals: &Globals, id: String, dry_run: bool) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let request = Request::QueueRetry { id, dry_run };
    let answer = runtime::one_thread()?.block_on(admin::ask(&settings, request, None))?;
    let Answer::Retry(retry) = answer else {
        return Err(Failure::defect("the node answers another question than was asked"));
    };
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": if retry.dry_run { "would-be-due" } else { "due" },
        "id": retry.id,
        "message": retry.message,
        "destination": retry.destination,
        "dry_run": retry.dry_run,
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))
}

/// What a table and CSV show: `last_detail`, the longest, ends the line.
const COLUMNS: &[&str] = &[
    "id",
    "message",
    "state",
    "sender",
    "recipient",
    "destination",
    "attempts",
    "next_attempt_at",
    "last_reason",
    "last_detail",
];

async fn list(reading: Reading, limit: usize, sight: Sight) -> Result<Listing, Failure> {
    let rows = reading.store.queue_rows(limit).await?;
    let now = reading.clock.now();
    Ok(Listing { columns: COLUMNS, rows: rows.iter().map(|row| members(row, &sight, now)).collect() })
}

fn members(row: &QueueRow, sight: &Sight, now: Timestamp) -> Map<String, Value> {
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "id": row.id.to_string(),
        "message": row.message.to_string(),
        "state": state(row, now),
        "sender": sight.path(&row.sender),
        "recipient": sight.address(&row.recipient),
        "destination": row.destination.as_str(),
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at.to_string(),
        "last_reason": row.last_reason,
        "last_detail": row.last_detail,
        "held": row.held,
        "returned": row.returned,
        "expires_at": row.expires_at.to_string(),
    });
    members.as_object().cloned().unwrap_or_default()
}

/// `held`: an admin says what becomes of it; `returned`: it goes back to its sender, who waits for the report; `due`: it is its turn, or somebody is trying right
/// now; `waiting`: its time has not come.
fn state(row: &QueueRow, now: Timestamp) -> &'static str {
    if row.held.is_some() {
        "held"
    } else if row.returned.is_some() {
        "returned"
    } else if row.leased || row.next_attempt_at <= now {
        "due"
    } else {
        "waiting"
    }
}

#[cfg(test)]
mod tests {
    use pli_types::{Domain, MailAddress, Masker, MessageId, QueueId, ReversePath};

    use super::*;

    fn row(next_attempt_at: &str, leased: bool) -> QueueRow {
        QueueRow {
            id: QueueId::from_bytes([7; 16]),
            message: MessageId::from_bytes([9; 16]),
            sender: ReversePath::Address(MailAddress::parse("279035121518989@patient.mssante.fr").unwrap()),
            recipient: MailAddress::parse("dr.durand@cabinet.mssante.fr").unwrap(),
            destination: Domain::parse("cabinet.mssante.fr").unwrap(),
            attempts: 2,
            next_attempt_at: next_attempt_at.parse().unwrap(),
            leased,
            last_reason: Some("peer-unreachable".to_owned()),
            last_detail: None,
            returned: None,
            held: None,
            expires_at: "2026-11-27T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_row_is_due_when_its_time_has_come_or_somebody_tries_it() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        assert_eq!(state(&row("2026-11-22T12:00:01Z", false), now), "waiting");
        assert_eq!(state(&row("2026-11-22T12:00:00Z", false), now), "due");
        assert_eq!(state(&row("2026-11-22T12:10:00Z", true), now), "due");
        let back = QueueRow { returned: Some("patient-unknown".to_owned()), ..row("2026-11-22T12:00:00Z", false) };
        assert_eq!(state(&back, now), "returned");
        let held = QueueRow { held: Some("document-other-patient".to_owned()), ..row("2026-11-27T12:00:00Z", false) };
        assert_eq!(state(&held, now), "held");
    }

    #[test]
    fn a_table_shows_the_message_to_trace_and_where_it_goes() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let rows = vec![members(&row("2026-11-22T12:30:00Z", false), &Sight::masked(Masker::new(&[1; 32])), now)];
        let table = output::Format::Table.list(&Listing { columns: COLUMNS, rows });
        assert!(table.contains(&"09".repeat(16)), "{table}");
        assert!(table.lines().next().unwrap().contains("DESTINATION"), "{table}");
    }

    #[test]
    fn a_row_shows_what_the_contract_names_and_no_patient() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let members = members(&row("2026-11-22T12:30:00Z", false), &Sight::masked(Masker::new(&[1; 32])), now);
        let text = Value::Object(members.clone()).to_string();
        assert!(!text.contains("279035121518989"), "{text}");
        assert!(members["sender"].as_str().unwrap().starts_with("ins-"), "{text}");
        assert_eq!(members["recipient"], "dr.durand@cabinet.mssante.fr");
        assert_eq!(members["id"], "07".repeat(16));
        assert_eq!(members["message"], "09".repeat(16));
        assert_eq!(members["next_attempt_at"], "2026-11-22T12:30:00Z");
        assert_eq!(members["attempts"], 2);
        assert_eq!(members["last_reason"], "peer-unreachable");
    }
}
