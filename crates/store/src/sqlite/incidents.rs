//! [`Incidents`]: rows that are added, and never changed.

use async_trait::async_trait;
use pli_audit::Event;

use super::SqliteStore;
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::{IncidentVersion, Incidents, Result, StoreError};

#[async_trait]
impl Incidents for SqliteStore {
    async fn incidents(&self, limit: usize) -> Result<Vec<IncidentVersion>> {
        let sql = sqlx::query(
            "SELECT incident, version, written_at, author, content FROM incidents AS i
             WHERE version = (SELECT max(version) FROM incidents WHERE incident = i.incident)
             ORDER BY incident DESC LIMIT ?",
        );
        let rows = self.readers.all(sql.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await.map_err(unread)?;
        rows.iter().map(|row| version(Row::new(row, "incidents"))).collect()
    }

    async fn incident(&self, number: u64) -> Result<Vec<IncidentVersion>> {
        let sql = sqlx::query(
            "SELECT incident, version, written_at, author, content FROM incidents WHERE incident = ? ORDER BY version",
        );
        let rows = self.readers.all(sql.bind(whole(number))).await.map_err(unread)?;
        rows.iter().map(|row| version(Row::new(row, "incidents"))).collect()
    }

    async fn write_incident(&self, version: IncidentVersion, audit: Vec<Event>) -> Result<bool> {
        self.write(WriteVersion { version, audit: audit_rows(&audit) }).await
    }
}

fn unread(error: sqlx::Error) -> StoreError {
    database_error("the register of incidents could not be read", error)
}

fn version(row: Row<'_>) -> Result<IncidentVersion> {
    Ok(IncidentVersion {
        incident: row.number("incident")?,
        version: row.number("version")?,
        written_at: row.instant("written_at")?,
        author: row.get("author")?,
        content: row.parse("content", |content: &str| serde_json::from_str(content))?,
    })
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

struct WriteVersion {
    version: IncidentVersion,
    audit: AuditRows,
}

#[async_trait]
impl Write for WriteVersion {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let IncidentVersion { incident, version, written_at, author, content } = &self.version;
        let content = serde_json::to_string(content)
            .map_err(|_| StoreError::Conflict("an incident that cannot be written down"))?;
        let sql = sqlx::query(
            "INSERT INTO incidents (incident, version, written_at, author, content)
             SELECT ?1, ?2, ?3, ?4, ?5 WHERE CASE ?2
                 WHEN 1 THEN ?1 = 1 + (SELECT coalesce(max(incident), 0) FROM incidents)
                 ELSE ?2 = 1 + (SELECT max(version) FROM incidents WHERE incident = ?1) END",
        );
        let sql = sql.bind(whole(*incident)).bind(whole(*version)).bind(micros(*written_at)).bind(author.as_str());
        let written = tx.execute(sql.bind(content)).await? > 0;
        if written {
            tx.record(&self.audit);
        }
        Ok(written)
    }
}
