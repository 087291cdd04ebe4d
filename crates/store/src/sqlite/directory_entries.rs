//! Our own entries of the directory.

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::MailboxId;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error, json_numbers};
use super::tx::Tx;
use super::writer::Write;
use super::{directory_words, records};
use crate::directory_entries::{DirectoryEntries, DirectoryEntry};
use crate::national::Search;
use crate::{MailboxRecord, Result, StoreError};

#[async_trait]
impl DirectoryEntries for SqliteStore {
    async fn directory_entries(&self, mailboxes: &[MailboxId]) -> Result<Vec<(MailboxId, DirectoryEntry)>> {
        let sql = sqlx::query(
            "SELECT mailbox_id, number, columns FROM directory_entries
             WHERE mailbox_id IN (SELECT value FROM json_each(?)) ORDER BY mailbox_id, number",
        );
        let rows = self.readers.all(sql.bind(json_numbers(mailboxes.iter().map(|mailbox| mailbox.0)))).await;
        let rows = rows.map_err(|error| database_error("the directory's entries could not be read", error))?;
        rows.iter().map(|row| entry(row_of(row))).collect()
    }

    async fn put_directory_entry(
        &self,
        mailbox: MailboxId,
        before: Option<&DirectoryEntry>,
        entry: DirectoryEntry,
        audit: Vec<Event>,
    ) -> Result<()> {
        let before = before.cloned();
        self.write(Put { mailbox, before, entry, audit: audit_rows(&audit) }).await
    }

    async fn remove_directory_entries(
        &self,
        mailbox: MailboxId,
        number: Option<u16>,
        audit: Vec<Event>,
    ) -> Result<u64> {
        self.write(Remove { mailbox, number, audit: audit_rows(&audit) }).await
    }

    async fn likely_mailboxes(&self, search: &Search) -> Result<Vec<MailboxId>> {
        directory_words::find(&self.readers, search).await
    }

    async fn records_of(&self, mailboxes: &[MailboxId]) -> Result<Vec<MailboxRecord>> {
        records::of_numbers(&self.readers, mailboxes).await
    }
}

fn row_of(row: &SqliteRow) -> Row<'_> {
    Row::new(row, "directory_entries").of("directory_entries", "mailbox_id")
}

fn entry(row: Row<'_>) -> Result<(MailboxId, DirectoryEntry)> {
    let columns = row.parse("columns", |text: &str| serde_json::from_str(text))?;
    Ok((row.mailbox("mailbox_id")?, DirectoryEntry { number: row.number("number")?, columns }))
}

/// The lines of a mailbox, within a transaction.
pub(super) async fn entries_of(tx: &mut Tx<'_>, mailbox: MailboxId) -> Result<Vec<DirectoryEntry>> {
    let sql = "SELECT mailbox_id, number, columns FROM directory_entries WHERE mailbox_id = ? ORDER BY number";
    let rows = tx.fetch(sqlx::query(sql).bind(mailbox.0)).await?;
    rows.iter().map(|row| entry(row_of(row)).map(|(_, entry)| entry)).collect()
}

struct Put {
    mailbox: MailboxId,
    before: Option<DirectoryEntry>,
    entry: DirectoryEntry,
    audit: AuditRows,
}

#[async_trait]
impl Write for Put {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let DirectoryEntry { number, columns } = &self.entry;
        let sql = "SELECT mailbox_id, number, columns FROM directory_entries WHERE mailbox_id = ? AND number = ?";
        let there = tx.fetch_one(sqlx::query(sql).bind(self.mailbox.0).bind(*number)).await?;
        let there = there.as_ref().map(|row| entry(row_of(row))).transpose()?.map(|(_, entry)| entry);
        if there != self.before {
            return Err(StoreError::Conflict("the directory's entry was changed meanwhile"));
        }
        let columns = serde_json::to_string(columns);
        let columns = columns.map_err(|error| StoreError::io("writing an entry of the directory", error.into()))?;
        let sql = sqlx::query(
            "INSERT INTO directory_entries (mailbox_id, number, columns) SELECT id, ?, ? FROM mailboxes WHERE id = ?
             ON CONFLICT (mailbox_id, number) DO UPDATE SET columns = excluded.columns",
        );
        if tx.execute(sql.bind(*number).bind(columns).bind(self.mailbox.0)).await? == 0 {
            return Err(StoreError::NotFound("mailbox"));
        }
        directory_words::renew_by_id(tx, self.mailbox).await?;
        tx.record(&self.audit);
        Ok(())
    }
}

struct Remove {
    mailbox: MailboxId,
    number: Option<u16>,
    audit: AuditRows,
}

#[async_trait]
impl Write for Remove {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = "DELETE FROM directory_entries WHERE mailbox_id = ?1 AND (?2 IS NULL OR number = ?2)";
        let removed = tx.execute(sqlx::query(sql).bind(self.mailbox.0).bind(self.number)).await?;
        if removed > 0 {
            directory_words::renew_by_id(tx, self.mailbox).await?;
            tx.record(&self.audit);
        }
        Ok(removed)
    }
}
