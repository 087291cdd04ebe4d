//! The way in, and the way out: `accept`, `claim_due` and what an admin sees. `settle` has a file of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Domain, MailAddress, MessageId, QueueId, Recipient, ReversePath};
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::held::{self, GiveBack, LetGo};
use super::intake::{AuditRows, Intake, audit_rows, notify_from};
use super::rows::{Row, database_error, json_ids, json_texts, micros};
use super::settle::Settle;
use super::tx::Tx;
use super::writer::Write;
use crate::seal::SealingWriter;
use crate::{
    BodyWriter, Change, HeldBacklog, Lease, NewMessage, Queue, QueueRow, Receipt, Release, Result, Settled, Settlement,
    StagedBody, StoreError,
};

#[async_trait]
impl Queue for SqliteStore {
    fn stage(&self, message: MessageId) -> Result<Box<dyn BodyWriter>> {
        self.writer()?;
        Ok(Box::new(SealingWriter::new(self.bodies.clone(), &self.master, message)?))
    }

    async fn staged(&self, body: &StagedBody, offset: u64, length: u64) -> Result<Bytes> {
        self.read_staged(&body.inner, offset, length).await
    }

    async fn accept(&self, message: NewMessage) -> Result<Receipt> {
        let id = message.id;
        self.write(Accept { intake: Arc::new(Intake::new(message)?) }).await?;
        Ok(Receipt { id })
    }

    async fn claim_due(&self, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Lease>> {
        let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
        self.write(ClaimDue { now: micros(now), until: micros(until), limit }).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Settled> {
        let settlements = settlements.into_iter().map(Settle::one).collect::<Result<_>>()?;
        self.write(Settle { settlements }).await
    }

    async fn next_due_at(&self) -> Result<Option<Timestamp>> {
        let sql = sqlx::query("SELECT min(claimable_at) AS claimable_at FROM queue");
        let row = self.readers.one(sql).await.map_err(read_error)?;
        let Some(row) = row.as_ref().map(|row| Row::new(row, "queue")) else { return Ok(None) };
        match row.get::<Option<i64>>("claimable_at")? {
            Some(_) => row.instant("claimable_at").map(Some),
            None => Ok(None),
        }
    }

    async fn queue_rows(&self, limit: usize) -> Result<Vec<QueueRow>> {
        let sql = sqlx::query(
            "SELECT q.id, q.message_id, m.sender, q.recipient, q.destination, q.attempts, q.next_attempt_at,
                    q.leased AND q.claimable_at > ? AS leased, q.returned, q.held, q.expires_at,
                    coalesce(q.last_reason, q.returned, q.held) AS last_reason, q.last_detail
             FROM queue AS q JOIN messages AS m ON m.id = q.message_id
             ORDER BY q.seq LIMIT ?",
        );
        let rows = self.readers.all(sql.bind(micros(self.clock.now())).bind(row_limit(limit))).await;
        rows.map_err(read_error)?.iter().map(|row| shown_row(Row::new(row, "queue"))).collect()
    }

    async fn hasten(&self, destinations: &[Domain], now: Timestamp, audit: Vec<Event>) -> Result<usize> {
        if destinations.is_empty() {
            return Ok(0);
        }
        let destinations = json_texts(destinations.iter().map(Domain::as_str));
        self.write(Hasten { destinations, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn retry_now(&self, row: QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(RetryNow { row, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn release(&self, row: QueueId, release: Release, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(LetGo { row, release, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn drop_held(&self, row: QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(GiveBack { row, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn held_backlog(&self) -> Result<HeldBacklog> {
        held::backlog(&self.readers).await
    }
}

struct Accept {
    intake: Arc<Intake>,
}

#[async_trait]
impl Write for Accept {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.take_in(Arc::clone(&self.intake));
        Ok(())
    }
}

struct ClaimDue {
    now: i64,
    until: i64,
    limit: usize,
}

#[async_trait]
impl Write for ClaimDue {
    type Output = Vec<Lease>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Lease>> {
        // The oldest due rows say which groups (message, destination) come next; then all due rows of those.
        let sql = sqlx::query(
            "WITH due AS MATERIALIZED (
                 SELECT message_id, destination, min(claimable_at) AS since
                 FROM (SELECT message_id, destination, claimable_at FROM queue
                       WHERE claimable_at <= ?1 ORDER BY claimable_at LIMIT ?2)
                 GROUP BY message_id, destination)
             SELECT q.id, q.message_id, q.recipient, q.notify, q.orcpt, q.destination, q.attempts, q.expires_at,
                    q.delay_reported, q.lease_token, coalesce(q.returned, q.held) AS returned,
                    m.sender, m.parameters, m.accepted_at, m.size
             FROM due CROSS JOIN queue AS q ON q.message_id = due.message_id AND q.destination = due.destination
                  JOIN messages AS m ON m.id = q.message_id
             WHERE q.claimable_at <= ?1
             ORDER BY due.since, q.message_id, q.destination, q.seq",
        );
        let rows = tx.fetch(sql.bind(self.now).bind(row_limit(self.limit))).await?;
        let mut leases = rows.iter().map(lease).collect::<Result<Vec<_>>>()?;
        leases.truncate(whole_groups(&leases, self.limit));
        if !leases.is_empty() {
            let sql = sqlx::query(
                "UPDATE queue SET leased = 1, lease_token = lease_token + 1, claimable_at = ?
                 WHERE id IN (SELECT unhex(value) FROM json_each(?))",
            );
            let ids = json_ids(leases.iter().map(|lease| lease.row.as_bytes()));
            tx.execute(sql.bind(self.until).bind(ids)).await?;
        }
        Ok(leases)
    }
}

/// How many leases to take so that no group is cut: except the first one, if it alone is more than the limit.
fn whole_groups(leases: &[Lease], limit: usize) -> usize {
    let same = |a: &Lease, b: &Lease| a.message == b.message && a.destination == b.destination;
    let mut taken = 0;
    for group in leases.chunk_by(same) {
        if taken + group.len() > limit {
            return if taken == 0 { limit.min(group.len()) } else { taken };
        }
        taken += group.len();
    }
    taken
}

struct Hasten {
    /// As JSON.
    destinations: String,
    now: i64,
    audit: AuditRows,
}

#[async_trait]
impl Write for Hasten {
    type Output = usize;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<usize> {
        // A lease that has run out is due already.
        let sql = sqlx::query(
            "UPDATE queue SET next_attempt_at = ?1, claimable_at = ?1
             WHERE NOT leased AND held IS NULL AND claimable_at > ?1 AND destination IN (SELECT value FROM json_each(?2))",
        );
        let hastened = tx.execute(sql.bind(self.now).bind(self.destinations.as_str())).await?;
        if hastened > 0 {
            tx.record(&self.audit);
            tx.tell(Change::Queue);
        }
        Ok(usize::try_from(hastened).unwrap_or(usize::MAX))
    }
}

struct RetryNow {
    row: QueueId,
    now: i64,
    audit: AuditRows,
}

#[async_trait]
impl Write for RetryNow {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        // Whoever holds the row is trying right now: his lease is left alone.
        let sql = sqlx::query(
            "UPDATE queue SET next_attempt_at = ?1,
                claimable_at = CASE WHEN leased AND claimable_at > ?1 THEN claimable_at ELSE ?1 END
             WHERE id = ?2 AND held IS NULL",
        );
        if tx.execute(sql.bind(self.now).bind(&self.row.as_bytes()[..])).await? == 0 {
            return Err(StoreError::NotFound("queue row"));
        }
        tx.record(&self.audit);
        tx.tell(Change::Queue);
        Ok(())
    }
}

fn lease(row: &SqliteRow) -> Result<Lease> {
    let row = Row::new(row, "queue");
    let message = row.of("messages", "message_id");
    let recipient = Recipient {
        address: row.parse("recipient", MailAddress::parse)?,
        notify: notify_from(row.get("notify")?),
        orcpt: row.get("orcpt")?,
    };
    Ok(Lease {
        row: row.queue_id("id")?,
        // The token that the claim gives: one more than the last.
        token: row.number::<u64>("lease_token")? + 1,
        message: row.message("message_id")?,
        sender: message.parse("sender", reverse_path)?,
        parameters: message.parse("parameters", |text: &str| serde_json::from_str(text))?,
        recipient,
        destination: row.parse("destination", Domain::parse)?,
        attempts: row.number("attempts")?,
        accepted_at: message.instant("accepted_at")?,
        expires_at: row.instant("expires_at")?,
        delay_reported: row.get("delay_reported")?,
        size: message.number("size")?,
        returned: row.get("returned")?,
    })
}

fn shown_row(row: Row<'_>) -> Result<QueueRow> {
    Ok(QueueRow {
        id: row.queue_id("id")?,
        message: row.message("message_id")?,
        sender: row.of("messages", "message_id").parse("sender", reverse_path)?,
        recipient: row.parse("recipient", MailAddress::parse)?,
        destination: row.parse("destination", Domain::parse)?,
        attempts: row.number("attempts")?,
        next_attempt_at: row.instant("next_attempt_at")?,
        leased: row.get("leased")?,
        last_reason: row.get("last_reason")?,
        last_detail: row.get("last_detail")?,
        returned: row.get("returned")?,
        held: row.get("held")?,
        expires_at: row.instant("expires_at")?,
    })
}

fn reverse_path(text: &str) -> std::result::Result<ReversePath, pli_types::AddressError> {
    if text.is_empty() { Ok(ReversePath::Null) } else { MailAddress::parse(text).map(ReversePath::Address) }
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the queue could not be read", error)
}
