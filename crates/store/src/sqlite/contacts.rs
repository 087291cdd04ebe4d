//! [`Contacts`]: reading, and an admin's hand. What messages do is in `contact_turns`.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{ContactTurn, Ins, MailAddress, MailboxId, MessageId, Relation};

use super::SqliteStore;
use super::contact_turns::{self, TurnRow, relation};
use super::intake::{AuditRows, audit_rows};
use super::received::{Forget, message_id_digest, received_message};
use super::rows::{Row, database_error, some};
use super::space_rows::key_of;
use super::tx::Tx;
use super::writer::Write;
use crate::{ContactEvent, ContactRecord, Contacts, ReceivedMessage, Result, StoreError};

// The first column names a row that does not decode: never the patient.

#[async_trait]
impl Contacts for SqliteStore {
    async fn contact(&self, patient: &Ins, contact: &MailAddress) -> Result<Option<ContactRecord>> {
        let sql = sqlx::query(
            "SELECT since, address, relation, opened_by, unanswerable_at FROM contacts
             WHERE patient = ? AND address_key = ?",
        );
        let row = self.readers.one(sql.bind(key_of(patient)).bind(contact.key())).await.map_err(read_error)?;
        row.map(|row| record(patient, Row::new(&row, "contacts"))).transpose()
    }

    async fn contacts(&self, patient: &Ins, after: Option<&MailAddress>, limit: usize) -> Result<Vec<ContactRecord>> {
        let sql = sqlx::query(
            "SELECT since, address, relation, opened_by, unanswerable_at FROM contacts
             WHERE patient = ? AND address_key > ? ORDER BY address_key LIMIT ?",
        );
        let sql = sql.bind(key_of(patient)).bind(after.map(MailAddress::key).unwrap_or_default());
        let rows = self.readers.all(sql.bind(row_limit(limit))).await.map_err(read_error)?;
        rows.iter().map(|row| record(patient, Row::new(row, "contacts"))).collect()
    }

    async fn contact_history(&self, patient: &Ins, contact: &MailAddress) -> Result<Vec<ContactEvent>> {
        let sql = sqlx::query(
            "SELECT seq, turn, by, at, message_id FROM contact_events
             WHERE patient = ? AND address_key = ? ORDER BY seq",
        );
        let rows = self.readers.all(sql.bind(key_of(patient)).bind(contact.key())).await.map_err(read_error)?;
        rows.iter().map(|row| event(patient, contact, Row::new(row, "contact_events"))).collect()
    }

    async fn close_contact(
        &self,
        patient: &Ins,
        contact: &MailAddress,
        by: &MailAddress,
        at: Timestamp,
        audit: Vec<Event>,
    ) -> Result<bool> {
        let (patient, contact, by) = (patient.clone(), contact.clone(), by.clone());
        let closed = ContactEvent { patient, contact, turn: ContactTurn::ClosedByAdmin, by, at, message: None };
        self.write(Close { key: closed.contact.key(), turn: TurnRow::new(&closed), audit: audit_rows(&audit) }).await
    }

    async fn received(&self, mailbox: MailboxId, message_id: &str) -> Result<Option<ReceivedMessage>> {
        let sql = sqlx::query(
            "SELECT message_id, received_at, author, reply_to, answerable, receipt_to FROM received
             WHERE mailbox_id = ? AND digest = ?",
        );
        let digest = message_id_digest(message_id);
        let row = self.readers.one(sql.bind(mailbox.0).bind(&digest[..])).await.map_err(read_error)?;
        row.map(|row| received_message(Row::new(&row, "received"))).transpose()
    }

    async fn forget_received(&self, before: Timestamp, limit: usize) -> Result<u64> {
        self.write(Forget { before, limit: row_limit(limit) }).await
    }
}

fn record(patient: &Ins, row: Row<'_>) -> Result<ContactRecord> {
    Ok(ContactRecord {
        patient: patient.clone(),
        contact: row.parse("address", MailAddress::parse)?,
        relation: relation(row)?,
        since: row.instant("since")?,
        opened_by: row.parse("opened_by", some(MailAddress::parse))?,
        unanswerable_at: row.instant_if_any("unanswerable_at")?,
    })
}

fn event(patient: &Ins, contact: &MailAddress, row: Row<'_>) -> Result<ContactEvent> {
    let message = row.parse("message_id", |bytes: Option<&[u8]>| {
        bytes.map(|bytes| bytes.try_into().map(MessageId::from_bytes)).transpose()
    })?;
    Ok(ContactEvent {
        patient: patient.clone(),
        contact: contact.clone(),
        turn: row.parse("turn", |name: &str| ContactTurn::parse(name).ok_or("there is no such turn"))?,
        by: row.parse("by", MailAddress::parse)?,
        at: row.instant("at")?,
        message,
    })
}

struct Close {
    key: String,
    turn: TurnRow,
    audit: AuditRows,
}

#[async_trait]
impl Write for Close {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = sqlx::query("SELECT since, relation FROM contacts WHERE patient = ? AND address_key = ?");
        let row = tx.fetch_one(sql.bind(self.turn.patient()).bind(self.key.as_str())).await?;
        let row = row.ok_or(StoreError::NotFound("contact"))?;
        if relation(Row::new(&row, "contacts"))? == Relation::Closed {
            return Ok(false);
        }
        contact_turns::settle(tx, &[&self.turn]).await?;
        tx.record(&self.audit);
        Ok(true)
    }
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the contacts could not be read", error)
}
