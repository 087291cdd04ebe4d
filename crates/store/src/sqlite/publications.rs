//! What the state's directory is to be told.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::MailAddress;

use super::SqliteStore;
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::Result;
use crate::publications::{Publication, PublicationBacklog, PublicationOutcome, Publications};

/// Notes, in the transaction that changes a mailbox, that the directory may have to be told. `shown`: it should be there
/// now. A mailbox that should not, and that the directory has not been told of, needs no word.
pub(super) async fn note(tx: &mut Tx<'_>, address: &MailAddress, shown: bool, now: Timestamp) -> Result<()> {
    let text = if shown { NOTE } else { NOTE_IF_KNOWN };
    let key = address.key();
    tx.execute(sqlx::query(text).bind(key).bind(address.reveal()).bind(micros(now))).await.map(drop)
}

/// What failed before is tried at once: what has changed may be what was wrong.
const NOTE: &str = "INSERT INTO publications (address_key, address, changes, waits_since, next_at)
     VALUES (?1, ?2, 1, ?3, ?3)
     ON CONFLICT (address_key) DO UPDATE SET
        address = excluded.address, changes = changes + 1, next_at = excluded.next_at, attempts = 0,
        waits_since = iif(settled < changes, waits_since, excluded.waits_since)";
const NOTE_IF_KNOWN: &str = "UPDATE publications SET address = ?2, changes = changes + 1, next_at = ?3, attempts = 0,
        waits_since = iif(settled < changes, waits_since, ?3)
     WHERE address_key = ?1 AND (told IS NOT NULL OR settled < changes)";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT address_key, address, changes, settled < changes AS waits, waits_since, attempts, next_at, fault, told,
                told_at FROM publications ",
            $rest
        )
    };
}

#[async_trait]
impl Publications for SqliteStore {
    async fn waiting_publications(&self, limit: usize) -> Result<Vec<Publication>> {
        let sql = sqlx::query(select!("WHERE settled < changes ORDER BY next_at, waits_since LIMIT ?"));
        let rows = self.readers.all(sql.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await;
        let rows = rows.map_err(|error| database_error("what is to be published could not be read", error))?;
        rows.iter().map(|row| publication(Row::new(row, "publications"))).collect()
    }

    async fn publication_backlog(&self) -> Result<PublicationBacklog> {
        let sql = sqlx::query(
            "SELECT count(*) AS waiting, min(waits_since) AS oldest,
                (SELECT fault FROM publications WHERE settled < changes AND attempts > 0 ORDER BY waits_since LIMIT 1)
                    AS fault
             FROM publications WHERE settled < changes",
        );
        let row = self.readers.one(sql).await;
        let row = row.map_err(|error| database_error("what is to be published could not be counted", error))?;
        let Some(row) = &row else { return Ok(PublicationBacklog::default()) };
        let row = Row::new(row, "publications");
        Ok(PublicationBacklog {
            waiting: row.number("waiting")?,
            oldest_since: row.instant_if_any("oldest")?,
            fault: row.get("fault")?,
        })
    }

    async fn publication(&self, address: &MailAddress) -> Result<Option<Publication>> {
        let sql = sqlx::query(select!("WHERE address_key = ?"));
        let row = self.readers.one(sql.bind(address.key())).await;
        let row = row.map_err(|error| database_error("what is to be published could not be read", error))?;
        row.as_ref().map(|row| publication(Row::new(row, "publications"))).transpose()
    }

    async fn settle_publication(
        &self,
        tried: &Publication,
        outcome: PublicationOutcome,
        now: Timestamp,
        audit: Vec<Event>,
    ) -> Result<()> {
        self.write(Settle { tried: tried.clone(), outcome, now, audit: audit_rows(&audit) }).await
    }

    async fn hasten_publications(&self, addresses: &[MailAddress], now: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(Hasten { addresses: addresses.to_vec(), now, audit: audit_rows(&audit) }).await
    }
}

fn publication(row: Row<'_>) -> Result<Publication> {
    Ok(Publication {
        address: row.parse("address", MailAddress::parse)?,
        change: row.number("changes")?,
        waits: row.get("waits")?,
        waits_since: row.instant("waits_since")?,
        attempts: row.number("attempts")?,
        next_at: row.instant("next_at")?,
        fault: row.get("fault")?,
        told: row.get("told")?,
        told_at: row.instant_if_any("told_at")?,
    })
}

struct Settle {
    tried: Publication,
    outcome: PublicationOutcome,
    now: Timestamp,
    audit: AuditRows,
}

#[async_trait]
impl Write for Settle {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let change = i64::try_from(self.tried.change).unwrap_or(i64::MAX);
        let now = micros(self.now);
        match &self.outcome {
            PublicationOutcome::Told(told) => {
                let sql = sqlx::query(
                    "UPDATE publications SET settled = ?2, attempts = 0, fault = NULL, told = ?3, told_at = ?4
                     WHERE address_key = ?1",
                );
                tx.execute(sql.bind(self.tried.address.key()).bind(change).bind(told.as_deref()).bind(now)).await?;
            }
            PublicationOutcome::Later { next_at, fault, told } => {
                // What has changed meanwhile is not put off by a try that it was not in.
                let sql = sqlx::query(
                    "UPDATE publications SET told = ?3, fault = ?4,
                        attempts = iif(changes = ?2, attempts + 1, attempts),
                        next_at = iif(changes = ?2, ?5, next_at)
                     WHERE address_key = ?1",
                );
                let sql = sql.bind(self.tried.address.key()).bind(change).bind(told.as_deref());
                tx.execute(sql.bind(fault.as_str()).bind(micros(*next_at))).await?;
            }
        }
        tx.record(&self.audit);
        Ok(())
    }
}

struct Hasten {
    addresses: Vec<MailAddress>,
    now: Timestamp,
    audit: AuditRows,
}

#[async_trait]
impl Write for Hasten {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for address in &self.addresses {
            note(tx, address, true, self.now).await?;
        }
        tx.record(&self.audit);
        Ok(())
    }
}
