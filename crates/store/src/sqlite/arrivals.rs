//! Messages that come again: [`merge`] leaves out of a batch those recipients who have a message already.
//!
//! Who it is that has it is never decided before the write: two repeats may stand in one batch, and one of two batches may
//! fail. The rows of `arrivals` are written first, and what was there before says who is left out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_types::{MailAddress, Marked, MessageId};
use serde_json::json;

use super::intake::{AuditRow, AuditRows, Intake, RelayRow, audit_rows};
use super::rows::{Row, hex, micros};
use super::space_rows::key_of;
use super::tx::Tx;
use super::writer::Write;
use crate::{Arrival, Repeated, Result, Returned, Target};

/// Enough of a digest to tell the recipients of one message from each other.
const TARGET_BYTES: usize = 16;

/// An [`Arrival`] as rows of `arrivals`.
pub(super) struct ArrivalRows {
    pub(super) key: [u8; 32],
    until: i64,
    recipients: Vec<RecipientRow>,
}

/// One recipient, or the confirmation that is owed for one.
struct RecipientRow {
    digest: [u8; TARGET_BYTES],
    way: Way,
    target: Target,
    /// Key of his space.
    patient: Option<i64>,
    event: Event,
}

impl ArrivalRows {
    /// `rows` are those of the same message.
    pub(super) fn new(arrival: Arrival, rows: &[RelayRow]) -> Self {
        let Arrival { key, until, recipients } = arrival;
        let row = |repeated: Repeated| {
            let Repeated { target, patient, event } = repeated;
            let (way, name) = match target {
                Target::Mailbox(mailbox) => (Way::Mailbox, mailbox.to_string()),
                Target::Row(id) => {
                    let row = rows.iter().find(|row| row.id == *id.as_bytes())?;
                    (Way::of(row), row.recipient.clone())
                }
            };
            let digest = target_digest(&key, way, &name);
            Some(RecipientRow { digest, way, target, patient: patient.as_ref().map(key_of), event })
        };
        Self { key, until: micros(until), recipients: recipients.into_iter().filter_map(row).collect() }
    }
}

/// A recipient is looked for under the way that the message takes: one whose mail was held, and is taken now, has not got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mailbox,
    Relay,
    Return,
    Hold,
    /// Beside [`Way::Mailbox`]: its sender is told that it is there.
    Confirmation,
}

impl Way {
    fn of(row: &RelayRow) -> Self {
        match (row.returned.as_deref(), &row.held) {
            (Some(Returned::DELIVERED), _) => Self::Confirmation,
            (Some(_), _) => Self::Return,
            (None, Some(_)) => Self::Hold,
            (None, None) => Self::Relay,
        }
    }
}

fn target_digest(key: &[u8], way: Way, name: &str) -> [u8; TARGET_BYTES] {
    let mut digest = Context::new(&SHA256);
    digest.update(key);
    digest.update(&[way as u8]);
    digest.update(name.as_bytes());
    let whole = digest.finish();
    std::array::from_fn(|position| whole.as_ref().get(position).copied().unwrap_or_default())
}

/// The messages as they are to be taken in, without the recipients who have them by an earlier one.
pub(super) async fn merge(tx: &mut Tx<'_>, mut intakes: Vec<Arc<Intake>>) -> Result<Vec<Arc<Intake>>> {
    let known = intakes.iter().filter_map(|intake| Some((intake, intake.message.as_ref()?, intake.arrival.as_ref()?)));
    let rows: Vec<_> = known
        .flat_map(|(_, message, arrival)| arrival.recipients.iter().map(move |recipient| (message, arrival, recipient)))
        .map(|(message, arrival, recipient)| {
            let [key, target, id] = [&arrival.key[..], &recipient.digest, &message.id].map(hex);
            json!([key, target, id, message.accepted_at, arrival.until])
        })
        .collect();
    if rows.is_empty() {
        return Ok(intakes);
    }
    let written = tx.begin_with(BEGIN_AND_WRITE, WRITE, json!(rows).to_string()).await?;
    let written: HashSet<Place> =
        written.iter().map(|row| Place::of(Row::new(row, "arrivals"))).collect::<Result<_>>()?;
    let fresh = |message: &[u8; 16], arrival: &ArrivalRows, recipient: &RecipientRow| {
        written.contains(&Place { key: arrival.key, target: recipient.digest, message: *message })
    };
    for intake in &mut intakes {
        let (Some(message), Some(arrival)) = (&intake.message, &intake.arrival) else { continue };
        if arrival.recipients.iter().all(|recipient| fresh(&message.id, arrival, recipient)) {
            continue;
        }
        let firsts = firsts(tx, arrival).await?;
        let out = arrival.recipients.iter().filter(|recipient| !fresh(&message.id, arrival, recipient));
        let out: Vec<LeftOut<'_>> =
            out.filter_map(|recipient| Some(LeftOut { recipient, first: *firsts.get(&recipient.digest)? })).collect();
        if let Some(one) = out.first() {
            let recipients = out.iter().filter(|out| out.is_recipient()).count();
            tx.effects.merged.push((MessageId::from_bytes(message.id), one.first, recipients));
            let rest = intake.without(&out);
            tx.replace_audit(&intake.audit, &rest.audit);
            *intake = Arc::new(rest);
        }
    }
    Ok(intakes)
}

/// Returns what was not there, or not any more.
macro_rules! write_arrivals {
    ($begin:literal) => {
        concat!(
            $begin,
            "INSERT INTO arrivals (key, target, message_id, at, until)
             SELECT unhex(value ->> 0), unhex(value ->> 1), unhex(value ->> 2), value ->> 3, value ->> 4
             FROM json_each(?1) WHERE true
             ON CONFLICT (key, target) DO UPDATE
                SET message_id = excluded.message_id, at = excluded.at, until = excluded.until
                WHERE arrivals.until <= excluded.at
             RETURNING key, target, message_id"
        )
    };
}

const WRITE: &str = write_arrivals!("");
const BEGIN_AND_WRITE: &str = write_arrivals!("BEGIN IMMEDIATE;");

/// A row that was written, and for which message.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    key: [u8; 32],
    target: [u8; TARGET_BYTES],
    message: [u8; 16],
}

impl Place {
    fn of(row: Row<'_>) -> Result<Self> {
        Ok(Self { key: bytes(row, "key")?, target: bytes(row, "target")?, message: bytes(row, "message_id")? })
    }
}

fn bytes<const N: usize>(row: Row<'_>, column: &'static str) -> Result<[u8; N]> {
    row.parse(column, |bytes: &[u8]| <[u8; N]>::try_from(bytes))
}

/// By which message each recipient has it.
async fn firsts(tx: &mut Tx<'_>, arrival: &ArrivalRows) -> Result<HashMap<[u8; TARGET_BYTES], MessageId>> {
    let sql = sqlx::query("SELECT key, target, message_id FROM arrivals WHERE key = ?");
    let rows = tx.fetch(sql.bind(&arrival.key[..])).await?;
    let first = |row: Row<'_>| Ok((bytes(row, "target")?, row.message("message_id")?));
    rows.iter().map(|row| first(Row::new(row, "arrivals"))).collect()
}

/// A recipient who has it already, and by which message.
struct LeftOut<'a> {
    recipient: &'a RecipientRow,
    first: MessageId,
}

impl LeftOut<'_> {
    /// Is it himself who is left out, and not a confirmation alone?
    fn is_recipient(&self) -> bool {
        self.recipient.way != Way::Confirmation
    }
}

impl Intake {
    /// The same, but for those who have it. If nobody is left, its record is all that is kept.
    fn without(&self, out: &[LeftOut<'_>]) -> Self {
        let is_out = |target: Target| out.iter().any(|out| out.recipient.target == target);
        let deliveries: Vec<_> =
            self.deliveries.iter().copied().filter(|mailbox| !is_out(Target::Mailbox(*mailbox))).collect();
        let relays: Vec<RelayRow> =
            self.relays.iter().filter(|row| !is_out(Target::Row(row.queue_id()))).cloned().collect();
        let all = self.arrival.iter().flat_map(|arrival| &arrival.recipients);
        let stays: HashSet<i64> =
            all.filter(|recipient| !is_out(recipient.target)).filter_map(|recipient| recipient.patient).collect();
        let nobody = deliveries.is_empty() && relays.is_empty();
        Self {
            message: self.message.clone().filter(|_| !nobody),
            turns: self.turns.iter().filter(|turn| stays.contains(&turn.patient())).cloned().collect(),
            audit: record_of(&self.audit, out),
            keywords: self.keywords.clone(),
            correspondence: self.correspondence.clone(),
            arrival: None,
            story: self.story.as_ref().map(|story| story.without(is_out)),
            reported: self.reported.clone(),
            // Who is out is not in the story: nobody waits for him by this one.
            watches: self.watches.clone(),
            deliveries,
            relays,
        }
    }
}

/// The record of a repeat: nothing reached those who have it, and by which message they have it.
fn record_of(audit: &AuditRows, out: &[LeftOut<'_>]) -> AuditRows {
    let recipients = || out.iter().filter(|out| out.is_recipient());
    let is_of = |row: &AuditRow| recipients().any(|out: &LeftOut<'_>| out.recipient.event.recipient == row.recipient);
    let says_otherwise = |row: &AuditRow| matches!(row.kind, EventKind::Delivered | EventKind::Held) && is_of(row);
    let duplicates: Vec<Event> = recipients()
        .map(|out| Event {
            detail: Some(Marked::plain(format!("the same as {}", out.first))),
            ..out.recipient.event.clone()
        })
        .collect();
    let rest = audit.iter().filter(|row| !says_otherwise(row)).cloned();
    rest.chain(audit_rows(&duplicates).iter().cloned()).collect()
}

/// A recipient whom a message did not reach after all has not got it: the same again is for him.
pub(super) async fn forget_recipient(tx: &mut Tx<'_>, message: MessageId, recipient: &MailAddress) -> Result<()> {
    let sql = sqlx::query("SELECT id, arrival FROM messages WHERE id = ? AND arrival IS NOT NULL");
    let Some(row) = tx.fetch_one(sql.bind(&message.as_bytes()[..])).await? else { return Ok(()) };
    let key: [u8; 32] = bytes(Row::new(&row, "messages"), "arrival")?;
    let name = recipient.reveal();
    let digest = |way| target_digest(&key, way, &name);
    let [relay, returned, held] = [Way::Relay, Way::Return, Way::Hold].map(digest);
    let sql = sqlx::query("DELETE FROM arrivals WHERE key = ? AND message_id = ? AND target IN (?, ?, ?)");
    let sql = sql.bind(&key[..]).bind(&message.as_bytes()[..]);
    tx.execute(sql.bind(&relay[..]).bind(&returned[..]).bind(&held[..])).await.map(drop)
}

/// `forget_arrivals`.
pub(super) struct Forget {
    pub(super) now: Timestamp,
    pub(super) limit: i64,
}

#[async_trait]
impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = sqlx::query(
            "DELETE FROM arrivals WHERE (key, target) IN
                (SELECT key, target FROM arrivals WHERE until <= ? ORDER BY until LIMIT ?)",
        );
        tx.execute(sql.bind(micros(self.now)).bind(self.limit)).await
    }
}
