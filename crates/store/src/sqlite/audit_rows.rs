//! The record: rows are added with what they tell about, or on their own, and never changed.

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::MessageId;

use super::intake::{AuditRows, audit_rows};
use super::rows::database_error;
use super::tx::Tx;
use super::writer::Write;
use super::{SqliteStore, audit_subjects};
use crate::Result;

#[async_trait]
impl crate::AuditRows for SqliteStore {
    async fn append_audit(&self, events: Vec<Event>) -> Result<()> {
        self.write(AppendAudit { rows: audit_rows(&events) }).await
    }

    async fn events_of(&self, message: MessageId) -> Result<Vec<Event>> {
        let sql = sqlx::query("SELECT seq, event FROM audit WHERE message_id = ? ORDER BY seq");
        let rows = self.readers.all(sql.bind(&message.as_bytes()[..])).await;
        let rows = rows.map_err(|error| database_error("the record could not be read", error))?;
        audit_subjects::open(&self.readers, &self.master, &rows).await
    }
}

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
