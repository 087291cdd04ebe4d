//! [`Watches`]: what is waited for, held against what stands in the story.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_failpoint::failpoint;
use pli_types::{MailAddress, MessageId, Recipient, ReversePath};

use super::SqliteStore;
use super::bulk::{Bulk, Sql};
use super::intake::{AuditRows, Intake, MessageRow, RelayRow, audit_rows, notify_bits, notify_from, relay_row};
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, DueWatch, NewMessage, NewWatch, OverdueBacklog, PartyState, Relay, Result, WatchId, Watches};

/// The number of what has become of the message with the one whom a watch `w` waits for ([`PartyState`]). What failed has
/// one above all that can be waited for: its sender is told by its own report. So has what is forgotten.
macro_rules! reached {
    () => {
        "coalesce((SELECT max(p.state) FROM story_parties AS p
             WHERE p.message_id = w.message_id AND p.recipient_key = w.party), 7)"
    };
}

#[async_trait]
impl Watches for SqliteStore {
    async fn watches_due(&self, now: Timestamp, limit: usize) -> Result<Vec<DueWatch>> {
        let sql = sqlx::query(concat!(
            "SELECT id, message_id, sender, recipient, notify, orcpt, header_id, accepted_at, state, due_at,
                resend AND EXISTS (SELECT 1 FROM messages WHERE id = w.message_id)
                    AND NOT EXISTS (SELECT 1 FROM queue WHERE message_id = w.message_id AND recipient = w.recipient)
                    AS resend
             FROM watches AS w INDEXED BY watches_due
             WHERE ended_at IS NULL AND due_at <= ? AND state > ",
            reached!(),
            " ORDER BY due_at, id LIMIT ?"
        ));
        let sql = sql.bind(micros(now)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.readers.all(sql).await;
        let rows = rows.map_err(|error| database_error("what is late could not be read", error))?;
        rows.iter().map(|row| due(Row::new(row, "watches"))).collect()
    }

    async fn next_watch_at(&self) -> Result<Option<Timestamp>> {
        let sql = sqlx::query("SELECT min(due_at) AS due_at FROM watches WHERE ended_at IS NULL");
        let row = self.readers.one(sql).await;
        let row = row.map_err(|error| database_error("the next deadline could not be read", error))?;
        row.as_ref().map_or(Ok(None), |row| Row::new(row, "watches").instant_if_any("due_at"))
    }

    async fn settle_watch(
        &self,
        id: WatchId,
        alert: Option<NewMessage>,
        resend: Option<Relay>,
        now: Timestamp,
        audit: Vec<Event>,
    ) -> Result<bool> {
        let alert = alert.map(|alert| Intake::new(alert).map(Arc::new)).transpose()?;
        let resend = resend.map(|relay| relay_row(&relay, micros(now)));
        self.write(Settle { id, alert, resend, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn forget_watches(&self, now: Timestamp, ended_before: Timestamp) -> Result<u64> {
        self.write(Forget { now: micros(now), ended_before: micros(ended_before) }).await
    }

    async fn overdue(&self) -> Result<OverdueBacklog> {
        let sql = sqlx::query(concat!(
            "SELECT count(*) AS waiting, min(due_at) AS due_at FROM watches AS w
             WHERE ended_at IS NOT NULL AND state > ",
            reached!()
        ));
        let row = self.readers.one(sql).await;
        let row = row.map_err(|error| database_error("what is late could not be read", error))?;
        let Some(row) = row.as_ref().map(|row| Row::new(row, "watches")) else { return Ok(OverdueBacklog::default()) };
        Ok(OverdueBacklog { waiting: row.number("waiting")?, first_due_at: row.instant_if_any("due_at")? })
    }
}

fn due(row: Row<'_>) -> Result<DueWatch> {
    Ok(DueWatch {
        id: WatchId(row.get("id")?),
        message: row.message("message_id")?,
        sender: row.parse("sender", MailAddress::parse)?,
        recipient: Recipient {
            address: row.parse("recipient", MailAddress::parse)?,
            notify: notify_from(row.get("notify")?),
            orcpt: row.get("orcpt")?,
        },
        message_id: row.get("header_id")?,
        accepted_at: row.instant("accepted_at")?,
        state: state(row)?,
        due_at: row.instant("due_at")?,
        resend: row.get("resend")?,
    })
}

fn state(row: Row<'_>) -> Result<PartyState> {
    let number: usize = row.number("state")?;
    PartyState::ALL.get(number).copied().ok_or_else(|| row.corrupt("state", "no such state"))
}

/// A [`NewWatch`] as a row.
#[derive(Clone)]
pub(super) struct WatchRow {
    party: [u8; 16],
    sender: String,
    recipient: String,
    notify: i64,
    orcpt: Option<String>,
    header_id: Option<String>,
    state: PartyState,
    due_at: i64,
    resend: bool,
}

impl WatchRow {
    /// None if nobody could be told.
    pub(super) fn new(watch: &NewWatch, sender: &ReversePath) -> Option<Self> {
        Some(Self {
            party: *watch.party.as_bytes(),
            sender: sender.address()?.reveal(),
            recipient: watch.recipient.address.reveal(),
            notify: notify_bits(watch.recipient.notify),
            orcpt: watch.recipient.orcpt.clone(),
            header_id: watch.message_id.clone(),
            state: watch.state,
            due_at: micros(watch.due_at),
            resend: watch.resend,
        })
    }
}

/// Those of a batch, each with its message.
pub(super) fn rows_of(intakes: &[Arc<Intake>]) -> Vec<(&MessageRow, &WatchRow)> {
    let messages = intakes.iter().filter_map(|intake| Some((intake.message.as_deref()?, &intake.watches)));
    messages.flat_map(|(message, rows)| rows.iter().map(move |row| (message, row))).collect()
}

pub(super) static WATCHES: Bulk = Bulk::new(
    "INSERT INTO watches (message_id, party, sender, recipient, notify, orcpt, header_id, accepted_at, state, due_at, resend)",
    11,
);

pub(super) fn bind_watch<'r>(sql: Sql<'r>, (message, row): &(&'r MessageRow, &'r WatchRow)) -> Sql<'r> {
    sql.bind(&message.id[..])
        .bind(&row.party[..])
        .bind(row.sender.as_str())
        .bind(row.recipient.as_str())
        .bind(row.notify)
        .bind(row.orcpt.as_deref())
        .bind(row.header_id.as_deref())
        .bind(message.accepted_at)
        .bind(row.state as i64)
        .bind(row.due_at)
        .bind(row.resend)
}

struct Settle {
    id: WatchId,
    alert: Option<Arc<Intake>>,
    resend: Option<RelayRow>,
    now: i64,
    audit: AuditRows,
}

#[async_trait]
impl Write for Settle {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = sqlx::query(concat!(
            "UPDATE watches AS w SET ended_at = ?, resend = 0 WHERE id = ? AND ended_at IS NULL AND state > ",
            reached!(),
            " RETURNING id, message_id"
        ));
        let ended = tx.change(sql.bind(self.now).bind(self.id.0)).await?;
        let Some(row) = ended.first() else { return Ok(false) };
        let message = Row::new(row, "watches").message("message_id")?;
        if let Some(alert) = &self.alert {
            tx.take_in(Arc::clone(alert));
        }
        if let Some(resend) = &self.resend {
            add_way(tx, message, resend).await?;
        }
        tx.record(&self.audit);
        tx.drop_unreferenced(&[message]).await?;
        failpoint!("store.watch.run", crate::StoreError::unavailable("a failpoint"));
        Ok(true)
    }
}

/// The message goes to one recipient once more, as long as it is there.
async fn add_way(tx: &mut Tx<'_>, message: MessageId, row: &RelayRow) -> Result<()> {
    let sql = sqlx::query(
        "INSERT INTO queue (id, message_id, recipient, notify, orcpt, destination, next_attempt_at, claimable_at, expires_at)
         SELECT ?1, id, ?2, ?3, ?4, ?5, ?6, ?6, ?7 FROM messages WHERE id = ?8",
    );
    let sql = sql.bind(&row.id[..]).bind(row.recipient.as_str()).bind(row.notify).bind(row.orcpt.as_deref());
    let sql = sql.bind(row.destination.as_str()).bind(row.due_at).bind(row.expires_at).bind(&message.as_bytes()[..]);
    if tx.execute(sql).await? > 0 {
        tx.tell(Change::Queue);
    }
    Ok(())
}

struct Forget {
    now: i64,
    ended_before: i64,
}

#[async_trait]
impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = sqlx::query(concat!(
            "DELETE FROM watches AS w WHERE (ended_at IS NULL AND due_at <= ?1 OR ended_at IS NOT NULL)
                AND (ended_at < ?2 OR state <= ",
            reached!(),
            ") RETURNING id, message_id, resend"
        ));
        let rows = tx.change(sql.bind(self.now).bind(self.ended_before)).await?;
        let mut kept = Vec::new();
        for row in rows.iter().map(|row| Row::new(row, "watches")) {
            if row.get::<bool>("resend")? {
                kept.push(row.message("message_id")?);
            }
        }
        tx.drop_unreferenced(&kept).await?;
        Ok(rows.len() as u64)
    }
}
