//! `pli queue`: what waits, and what an admin does with it.

use jiff::Timestamp;
use pli_store::{Attempt, QueueRow};
use serde_json::{Map, Value, json};

use super::reading::{Reading, masker, read};
use super::reveal::{Reveal, Sight};
use super::{Globals, runtime};
use crate::admin::queue::{Act, Ask, RowDone, rows_meant};
use crate::admin::queue_filter::{QueueFilter, RowState};
use crate::admin::{self, Answer, Request};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing, SCHEMA_VERSION};

/// What can be done with the queue.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// What waits for another server, oldest first; health identifiers are masked
    List {
        /// Which rows: an id, all, domain:, from:, to:, reason:, state:, message:, older:2h; all terms must hold
        #[arg(value_name = "FILTER")]
        filter: Vec<String>,
        #[command(flatten)]
        reveal: Reveal,
        /// Show the oldest so many only; without it, all
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// All about rows, with what was said in their last tries; health identifiers are masked
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Try now what waits for its turn
    Retry {
        #[command(flatten)]
        which: Which,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Tell what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Hold what waits, until it is released or dropped, or its time is over
    Hold(Decision),
    /// Deliver what is held, to its recipient
    Release(Decision),
    /// Give what waits or is held back to its sender, who gets a report
    Drop(Decision),
}

/// Which rows are meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Which rows: an id, all, domain:, from:, to:, reason:, state:, message:, older:2h; all terms must hold
    #[arg(value_name = "FILTER", required = true)]
    filter: Vec<String>,
}

/// What is decided on them.
#[derive(Debug, clap::Args)]
pub(crate) struct Decision {
    #[command(flatten)]
    which: Which,
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
        Command::List { filter, limit, reveal } => {
            let filter = QueueFilter::parse(&filter)?;
            let sight = reveal.sight(globals, "queue list", None, masker(globals)?)?;
            let listing = read(globals, |reading| list(reading, filter, limit.unwrap_or(usize::MAX), sight))?;
            output::print(&globals.format().list(&listing))
        }
        Command::Show { which, reveal } => {
            let filter = QueueFilter::parse(&which.filter)?;
            let one = filter.only_id().is_some();
            let sight = reveal.sight(globals, "queue show", None, masker(globals)?)?;
            let rows = read(globals, |reading| show(reading, filter, sight))?;
            output::print(&shown(globals.format(), &rows, one))
        }
        Command::Retry { which, reason, dry_run } => ask(globals, Act::Retry, which, reason, dry_run),
        Command::Hold(decision) => decide(globals, Act::Hold, decision),
        Command::Release(decision) => decide(globals, Act::Release, decision),
        Command::Drop(decision) => decide(globals, Act::Drop, decision),
    }
}

fn decide(globals: &Globals, act: Act, decision: Decision) -> Result<(), Failure> {
    ask(globals, act, decision.which, Some(decision.reason), decision.dry_run)
}

/// The node is asked, so that it turns to the rows at once: and it is the way in of a running node that what is released
/// goes.
fn ask(globals: &Globals, act: Act, which: Which, reason: Option<String>, dry_run: bool) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let request = Request::Queue(Ask { act, filter: which.filter, reason, dry_run });
    let answer = runtime::one_thread()?.block_on(admin::ask(&settings, request, None))?;
    let Answer::Queue(told) = answer else {
        return Err(Failure::defect("the node answers another question than was asked"));
    };
    let format = globals.format();
    let refused = told.rows.iter().filter(|row| row.outcome.is_none()).count();
    let rows: Vec<_> = told.rows.into_iter().map(|row| done(row, dry_run, format)).collect();
    let all = rows.len();
    match rows.as_slice() {
        [row] if told.one => output::print(&format.object(row))?,
        _ => output::print(&format.list(&Listing { columns: DONE, rows }))?,
    }
    if refused == 0 {
        return Ok(());
    }
    Err(Failure::told(Exit::Conflict, "queue-rows-refused", &[("refused", &refused), ("all", &all)]))
}

/// What a table and CSV show of what was done.
const DONE: &[&str] = &["id", "message", "destination", "outcome", "code", "text"];

fn done(row: RowDone, dry_run: bool, format: Format) -> Map<String, Value> {
    let refused = row.refused.map(Failure::from);
    let mut members = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": row.outcome.as_deref().unwrap_or("refused"),
        "id": row.id,
        "message": row.message,
        "destination": row.destination,
        "held": row.held,
        "dry_run": dry_run,
    });
    if let (Some(refused), Some(members)) = (refused, members.as_object_mut()) {
        members.insert("code".to_owned(), refused.code.into());
        members.insert("text".to_owned(), refused.what_in(format.language()).into());
    }
    members.as_object().cloned().unwrap_or_default()
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

async fn list(reading: Reading, filter: QueueFilter, limit: usize, sight: Sight) -> Result<Listing, Failure> {
    let now = reading.clock.now();
    let rows = filter.pick(reading.store.queue_rows(usize::MAX).await?, now)?;
    let rows = rows.iter().take(limit).map(|row| members(row, &sight, now)).collect();
    Ok(Listing { columns: COLUMNS, rows })
}

async fn show(reading: Reading, filter: QueueFilter, sight: Sight) -> Result<Vec<Map<String, Value>>, Failure> {
    let now = reading.clock.now();
    let mut shown = Vec::new();
    for row in rows_meant(&*reading.store, &filter, now).await? {
        let mut members = members(&row, &sight, now);
        let attempts = reading.store.attempts(row.id).await?;
        members.insert(ATTEMPTS.to_owned(), attempts.iter().map(attempt).collect());
        shown.push(members);
    }
    Ok(shown)
}

/// The member that holds a row's last tries.
const ATTEMPTS: &str = "attempts_made";

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "at": attempt.at.to_string(),
        "server": attempt.server,
        "reason": attempt.reason,
        "detail": attempt.detail,
        "transcript": attempt.transcript,
    })
}

/// One row as an object, several as a list. People read each try as it was spoken.
fn shown(format: Format, rows: &[Map<String, Value>], one: bool) -> String {
    match (format, rows) {
        (Format::Table, _) => rows.iter().map(page).collect::<Vec<_>>().join("\n"),
        (_, [row]) if one => format.object(row),
        _ => format.list(&Listing { columns: COLUMNS, rows: rows.to_vec() }),
    }
}

fn page(row: &Map<String, Value>) -> String {
    let mut row = row.clone();
    let attempts = row.remove(ATTEMPTS).unwrap_or_default();
    let mut page = Format::Table.object(&row);
    for attempt in attempts.as_array().into_iter().flatten() {
        let text = |name: &str| attempt.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let number = attempt.get("number").and_then(Value::as_u64).unwrap_or_default();
        let (at, server, reason) = (text("at"), text("server"), text("reason"));
        let heading = format!("\n#{number}  {at}  {server}  {reason}\n");
        page += &heading;
        for line in attempt.get("transcript").and_then(Value::as_array).into_iter().flatten() {
            page += "    ";
            page += line.as_str().unwrap_or_default();
            page += "\n";
        }
    }
    page
}

fn members(row: &QueueRow, sight: &Sight, now: Timestamp) -> Map<String, Value> {
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "id": row.id.to_string(),
        "message": row.message.to_string(),
        "state": RowState::of(row, now).as_str(),
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
        "accepted_at": row.accepted_at.to_string(),
    });
    members.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pli_types::{Domain, MailAddress, Masker, MessageId, QueueId, ReversePath};

    use super::*;

    fn row(next_attempt_at: &str) -> QueueRow {
        QueueRow {
            id: QueueId::from_bytes([7; 16]),
            message: MessageId::from_bytes([9; 16]),
            sender: ReversePath::Address(MailAddress::parse("279035121518989@patient.mssante.fr").unwrap()),
            recipient: MailAddress::parse("dr.durand@cabinet.mssante.fr").unwrap(),
            destination: Domain::parse("cabinet.mssante.fr").unwrap(),
            attempts: 2,
            next_attempt_at: next_attempt_at.parse().unwrap(),
            leased: false,
            last_reason: Some("peer-unreachable".to_owned()),
            last_detail: None,
            returned: None,
            held: None,
            expires_at: "2026-11-27T12:00:00Z".parse().unwrap(),
            accepted_at: "2026-11-22T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_table_shows_the_message_to_trace_and_where_it_goes() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let rows = vec![members(&row("2026-11-22T12:30:00Z"), &Sight::masked(Masker::new(&[1; 32])), now)];
        let table = Format::Table.list(&Listing { columns: COLUMNS, rows });
        assert!(table.contains(&"09".repeat(16)), "{table}");
        assert!(table.lines().next().unwrap().contains("DESTINATION"), "{table}");
    }

    #[test]
    fn a_row_shows_what_the_contract_names_and_no_patient() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let members = members(&row("2026-11-22T12:30:00Z"), &Sight::masked(Masker::new(&[1; 32])), now);
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

    #[test]
    fn people_read_each_try_as_it_was_spoken_and_programs_get_it_as_lines() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut row = members(&row("2026-11-22T12:30:00Z"), &Sight::masked(Masker::new(&[1; 32])), now);
        let made = Attempt {
            number: 2,
            at: now,
            server: Some("mx.test[192.0.2.1]:25".to_owned()),
            reason: "peer-refused".to_owned(),
            detail: "450 later".to_owned(),
            transcript: vec!["> RCPT TO:<a@b.fr>".to_owned(), "< 450 later".to_owned()],
        };
        row.insert(ATTEMPTS.to_owned(), json!([attempt(&made)]));
        let page = shown(Format::Table, &[row.clone()], true);
        let told = "\n#2  2026-11-22T12:00:00Z  mx.test[192.0.2.1]:25  peer-refused\n    > RCPT TO:<a@b.fr>\n    < 450 later\n";
        assert!(page.ends_with(told), "{page}");
        let object: Value = serde_json::from_str(&shown(Format::Json, &[row.clone()], true)).unwrap();
        assert_eq!(object[ATTEMPTS][0]["transcript"][1], "< 450 later");
        let list: Value = serde_json::from_str(&shown(Format::Json, &[row], false)).unwrap();
        assert_eq!(list[0][ATTEMPTS][0]["number"], 2);
    }
}
