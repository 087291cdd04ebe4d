//! The record: rows are added with what they tell about, or on their own, and never changed.

use async_trait::async_trait;
use pli_audit::{Event, Leaf};
use pli_types::{MessageId, Person};
use sqlx::sqlite::SqliteRow;

use super::audit_log::{self, number};
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error, json_numbers};
use super::tx::Tx;
use super::writer::Write;
use super::{SqliteStore, audit_subjects};
use crate::{AuditLog, Recorded, Result};

#[async_trait]
impl crate::AuditRows for SqliteStore {
    async fn append_audit(&self, events: Vec<Event>) -> Result<()> {
        self.write(AppendAudit { rows: audit_rows(&events) }).await
    }

    async fn events_of(&self, message: MessageId) -> Result<Vec<Event>> {
        let sql = sqlx::query("SELECT seq, event FROM audit WHERE message_id = ? ORDER BY seq");
        let rows = self.readers.all(sql.bind(&message.as_bytes()[..])).await;
        let rows = rows.map_err(|error| database_error("the record could not be read", error))?;
        let events = audit_subjects::open(&self.readers, &self.master, &rows).await?;
        Ok(events.into_iter().flatten().collect())
    }

    async fn events_from(&self, index: u64, limit: usize) -> Result<Vec<Recorded>> {
        let rows = self.rows_from(index, limit).await?;
        self.recorded_in(&rows).await
    }

    async fn events_at(&self, indexes: &[u64]) -> Result<Vec<Recorded>> {
        let numbers = json_numbers(indexes.iter().map(|index| number(index.saturating_add(1))));
        let sql = "SELECT seq, event FROM audit WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq";
        let rows = self.audit_rows(sqlx::query(sql).bind(numbers)).await?;
        self.recorded_in(&rows).await
    }

    async fn entries_about(&self, person: &Person, from: u64, limit: usize) -> Result<Vec<u64>> {
        let digest = self.master.subject_digest(person);
        let Some(subject) = audit_subjects::of_digest(&self.readers, &digest).await? else { return Ok(Vec::new()) };
        // Read first: what is sealed meanwhile is in both, and counts as not sealed.
        let sealed = self.sealed().await?.map_or(0, |sealed| sealed.size);
        let sql =
            sqlx::query("SELECT seq FROM audit_about WHERE subject = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?");
        let sql = sql.bind(&subject.0[..]).bind(number(from)).bind(number(sealed));
        let rows = self.audit_rows(sql.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
        let found = rows.iter().map(|row| audit_log::index(Row::new(row, "audit_about")));
        let mut found = found.collect::<Result<Vec<u64>>>()?;
        let mut next = from.max(sealed);
        while found.len() < limit {
            let rows = self.entries_from(next, SCANNED).await?;
            let Some((last, _)) = rows.last() else { break };
            next = last.saturating_add(1);
            let about = |bytes: &[u8]| Leaf::parse(bytes).is_ok_and(|leaf| leaf.subjects().any(|id| id == subject));
            found.extend(rows.iter().filter(|(_, bytes)| about(bytes)).map(|(index, _)| *index));
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl SqliteStore {
    async fn recorded_in(&self, rows: &[SqliteRow]) -> Result<Vec<Recorded>> {
        let events = audit_subjects::open(&self.readers, &self.master, rows).await?;
        let recorded = |(row, event)| Ok(Recorded { index: audit_log::index(Row::new(row, "audit"))?, event });
        rows.iter().zip(events).map(recorded).collect()
    }
}

/// Rows that are not sealed, looked through at a time.
const SCANNED: usize = 1000;

struct AppendAudit {
    rows: AuditRows,
}

#[async_trait]
impl Write for AppendAudit {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.record(&self.rows);
        Ok(())
    }
}
