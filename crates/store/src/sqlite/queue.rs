//! The way in, and the way out: `accept`, `claim_due` and what an admin sees. `settle` has a file of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Domain, MailAddress, MessageId, QueueId};

use super::SqliteStore;
use super::arrivals;
use super::attempts;
use super::claim::{ClaimDue, reverse_path, row_limit};
use super::depth;
use super::held::{self, Abandon, GiveBack, Hold, LetGo};
use super::intake::{AuditRows, Intake, audit_rows};
use super::rows::{Row, database_error, json_texts, micros};
use super::settle::Settle;
use super::tx::Tx;
use super::writer::Write;
use crate::seal::SealingWriter;
use crate::{
    Attempt, BodyWriter, Change, HeldBacklog, Lease, NewMessage, Queue, QueueBacklog, QueueRow, Receipt, Release,
    Result, Settled, Settlement, StagedBody, StoreError,
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

    async fn claim_turns(&self, now: Timestamp, lease: Duration, limit: usize, sated: &[Domain]) -> Result<Vec<Lease>> {
        let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
        let sated = json_texts(sated.iter().map(Domain::as_str));
        self.write(ClaimDue { now: micros(now), until: micros(until), limit, sated }).await
    }

    async fn unclaim(&self, leases: &[Lease]) -> Result<()> {
        if leases.is_empty() {
            return Ok(());
        }
        self.write(Unclaim { leases: leases.iter().map(|lease| (lease.row, lease.token)).collect() }).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Settled> {
        let settlements = settlements.into_iter().map(Settle::one).collect::<Result<_>>()?;
        self.write(Settle { settlements, now: micros(self.clock.now()) }).await
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
                    coalesce(q.last_reason, q.returned, q.held) AS last_reason, q.last_detail, m.accepted_at
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

    async fn wake(&self, destination: &Domain, now: Timestamp, limit: usize) -> Result<usize> {
        self.write(Wake { destination: destination.as_str().to_owned(), now: micros(now), limit }).await
    }

    async fn attempts(&self, row: QueueId) -> Result<Vec<Attempt>> {
        attempts::of_row(&self.readers, row).await
    }

    async fn retry_now(&self, row: QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(RetryNow { row, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn release(&self, row: QueueId, release: Release, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(LetGo { row, release, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn hold(&self, row: QueueId, reason: &str, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(Hold { row, reason: reason.to_owned(), now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn drop_waiting(&self, row: QueueId, reason: &str, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(Abandon { row, reason: reason.to_owned(), now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn drop_held(&self, row: QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(GiveBack { row, now: micros(now), audit: audit_rows(&audit) }).await
    }

    async fn forget_arrivals(&self, now: Timestamp, limit: usize) -> Result<u64> {
        self.write(arrivals::Forget { now, limit: row_limit(limit) }).await
    }

    async fn held_backlog(&self) -> Result<HeldBacklog> {
        held::backlog(&self.readers).await
    }

    async fn queue_backlog(&self, now: Timestamp) -> Result<QueueBacklog> {
        depth::backlog(&self.readers, now).await
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
            "UPDATE queue SET next_attempt_at = ?1, claimable_at = ?1, asked = 1
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
            "UPDATE queue SET next_attempt_at = ?1, asked = CASE WHEN leased AND claimable_at > ?1 THEN asked ELSE 1 END,
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

struct Unclaim {
    /// Rows and their tokens.
    leases: Vec<(QueueId, u64)>,
}

#[async_trait]
impl Write for Unclaim {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for (row, token) in &self.leases {
            let sql = sqlx::query(
                "UPDATE queue SET leased = 0, claimable_at = next_attempt_at WHERE id = ? AND leased AND lease_token = ?",
            );
            tx.execute(sql.bind(&row.as_bytes()[..]).bind(i64::try_from(*token).unwrap_or(-1))).await?;
        }
        Ok(())
    }
}

struct Wake {
    destination: String,
    now: i64,
    limit: usize,
}

#[async_trait]
impl Write for Wake {
    type Output = usize;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<usize> {
        let sql = sqlx::query(
            "UPDATE queue SET next_attempt_at = ?1, claimable_at = ?1
             WHERE seq IN (SELECT seq FROM queue WHERE destination = ?2 AND claimable_at > ?1 AND NOT leased
                              AND held IS NULL AND returned IS NULL LIMIT ?3)",
        );
        let sql = sql.bind(self.now).bind(self.destination.as_str()).bind(row_limit(self.limit));
        let woken = tx.execute(sql).await?;
        if woken > 0 {
            tx.tell(Change::Queue);
        }
        Ok(usize::try_from(woken).unwrap_or(usize::MAX))
    }
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
        accepted_at: row.of("messages", "message_id").instant("accepted_at")?,
    })
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the queue could not be read", error)
}
