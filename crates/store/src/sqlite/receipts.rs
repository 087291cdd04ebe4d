//! [`Receipts`], and how a receipt comes to be owed.

use std::sync::Arc;

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{MailAddress, MailboxId, MessageId};

use super::SqliteStore;
use super::intake::{AuditRows, Intake, audit_rows};
use super::rows::{Row, database_error, json_ids};
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, DueReceipt, NewMessage, ReceiptId, Receipts, Result};

#[async_trait]
impl Receipts for SqliteStore {
    async fn receipts_due(&self, after: Option<ReceiptId>, limit: usize) -> Result<Vec<DueReceipt>> {
        // By the index that those leave who are done: the table grows, what is read does not.
        let sql = sqlx::query(
            "SELECT r.id, r.message_id, r.receipt_to, r.opened_at, m.address
             FROM receipts AS r INDEXED BY receipts_due JOIN mailboxes AS m ON m.id = r.mailbox_id
             WHERE r.message_id IS NOT NULL AND r.id > ? ORDER BY r.id LIMIT ?",
        );
        let sql = sql.bind(after.map_or(0, |after| after.0)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.readers.all(sql).await;
        let rows = rows.map_err(|error| database_error("the receipts that are owed could not be read", error))?;
        rows.iter().map(|row| due(Row::new(row, "receipts"))).collect()
    }

    async fn settle_receipt(&self, id: ReceiptId, report: Option<NewMessage>, audit: Vec<Event>) -> Result<bool> {
        let report = report.map(|report| Intake::new(report).map(Arc::new)).transpose()?;
        self.write(Settle { id, report, audit: audit_rows(&audit) }).await
    }
}

fn due(row: Row<'_>) -> Result<DueReceipt> {
    Ok(DueReceipt {
        id: ReceiptId(row.get("id")?),
        message: row.message("message_id")?,
        reader: row.parse("address", MailAddress::parse)?,
        receipt_to: row.parse("receipt_to", MailAddress::parse)?,
        opened_at: row.instant("opened_at")?,
    })
}

/// Notes that these were opened for the first time, or for the first time again.
pub(super) async fn opened(tx: &mut Tx<'_>, mailbox: MailboxId, messages: &[MessageId], at: i64) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let sql = sqlx::query(
        "INSERT INTO receipts (mailbox_id, digest, opened_at, message_id, receipt_to)
         SELECT mailbox_id, digest, ?1, message_id, receipt_to FROM received
         WHERE mailbox_id = ?2 AND message_id IN (SELECT unhex(value) FROM json_each(?3)) AND receipt_to IS NOT NULL
             AND EXISTS (SELECT 1 FROM mailboxes WHERE id = ?2 AND kind = 'PATIENT')
         ON CONFLICT DO NOTHING",
    );
    let ids = json_ids(messages.iter().map(MessageId::as_bytes));
    if tx.execute(sql.bind(at).bind(mailbox.0).bind(ids)).await? > 0 {
        tx.tell(Change::Receipts);
    }
    Ok(())
}

/// Forgets all receipts of a mailbox that goes; the messages that were kept for them.
pub(super) async fn forget_all(tx: &mut Tx<'_>, mailbox: MailboxId) -> Result<Vec<MessageId>> {
    let sql =
        sqlx::query("DELETE FROM receipts WHERE mailbox_id = ? RETURNING id, message_id IS NULL AS done, message_id");
    let rows = tx.change(sql.bind(mailbox.0)).await?;
    let mut kept = Vec::new();
    for row in rows.iter().map(|row| Row::new(row, "receipts")) {
        if !row.get::<bool>("done")? {
            kept.push(row.message("message_id")?);
        }
    }
    Ok(kept)
}

struct Settle {
    id: ReceiptId,
    report: Option<Arc<Intake>>,
    audit: AuditRows,
}

#[async_trait]
impl Write for Settle {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let due = sqlx::query("SELECT id, message_id FROM receipts WHERE id = ? AND message_id IS NOT NULL");
        let Some(row) = tx.fetch_one(due.bind(self.id.0)).await? else { return Ok(false) };
        let message = Row::new(&row, "receipts").message("message_id")?;
        let done = sqlx::query("UPDATE receipts SET message_id = NULL, receipt_to = NULL WHERE id = ?");
        tx.execute(done.bind(self.id.0)).await?;
        if let Some(report) = &self.report {
            tx.take_in(Arc::clone(report));
        }
        tx.record(&self.audit);
        tx.drop_unreferenced(&[message]).await?;
        Ok(true)
    }
}
