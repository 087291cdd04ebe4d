//! Mailboxes; the rest of [`Mailboxes`] is handed to the file of its subject.

use async_trait::async_trait;
use bytes::Bytes;
use pli_audit::Event;
use pli_types::{FolderId, MailAddress, MailboxId, MessageId, Uid, UidValidity};

use super::SqliteStore;
use super::entries::{Append, Copy};
use super::expunge::Expunge;
use super::flags::SetFlags;
use super::folders::{self, CreateFolder, DeleteFolder, FolderName, SetSubscribed};
use super::intake::audit_rows;
use super::mailbox_making::{AddMailbox, SetMailboxState};
use super::rename::RenameFolder;
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use super::views;
use crate::{
    Entry, FlagChange, Flags, Folder, FolderChanges, FolderStatus, FolderView, Mailbox, MailboxKind, MailboxState,
    Mailboxes, NewEntry, NewMailbox, Result, StoreError,
};

/// The columns that [`mailbox`] reads, of `mailboxes AS m`.
macro_rules! mailbox_columns {
    () => {
        "m.id AS mailbox_id, m.address, m.kind,
         CASE WHEN m.suspended_at IS NULL THEN m.state ELSE 'suspended' END AS state, m.quota_bytes, m.used_bytes"
    };
}

pub(super) use mailbox_columns;

#[async_trait]
impl Mailboxes for SqliteStore {
    async fn mailbox(&self, address: &MailAddress) -> Result<Option<Mailbox>> {
        let sql = sqlx::query(concat!("SELECT ", mailbox_columns!(), " FROM mailboxes AS m WHERE m.address_key = ?"));
        let row = self.readers.one(sql.bind(address.key())).await;
        let row = row.map_err(|error| database_error("a mailbox could not be read", error))?;
        row.as_ref().map(|row| mailbox(Row::new(row, "mailboxes"))).transpose()
    }

    async fn add_mailbox(&self, new: NewMailbox, audit: Vec<Event>) -> Result<MailboxId> {
        self.write(AddMailbox { new, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }

    async fn set_mailbox_state(&self, mailbox: MailboxId, state: MailboxState, audit: Vec<Event>) -> Result<()> {
        self.write(SetMailboxState { mailbox, state, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }

    async fn folders(&self, mailbox: MailboxId) -> Result<Vec<Folder>> {
        folders::list(&self.readers, mailbox).await
    }

    async fn create_folder(&self, mailbox: MailboxId, name: &str) -> Result<FolderId> {
        let name = FolderName::parse(name)?;
        self.write(CreateFolder { mailbox, name, now: self.clock.now().as_second() }).await
    }

    async fn delete_folder(&self, mailbox: MailboxId, name: &str, audit: Vec<Event>) -> Result<()> {
        let name = FolderName::parse(name)?;
        self.write(DeleteFolder { mailbox, name, audit }).await
    }

    async fn rename_folder(&self, mailbox: MailboxId, from: &str, to: &str) -> Result<()> {
        let (from, to) = (FolderName::parse(from)?, FolderName::parse(to)?);
        self.write(RenameFolder { mailbox, from, to, now: self.clock.now().as_second() }).await
    }

    async fn set_subscribed(&self, mailbox: MailboxId, name: &str, subscribed: bool) -> Result<()> {
        let name = FolderName::parse(name)?;
        self.write(SetSubscribed { mailbox, name, subscribed }).await
    }

    async fn subscriptions(&self, mailbox: MailboxId) -> Result<Vec<String>> {
        folders::subscriptions(&self.readers, mailbox).await
    }

    async fn folder_status(&self, folder: FolderId) -> Result<FolderStatus> {
        views::status(&self.readers, folder).await
    }

    async fn open_folder(&self, folder: FolderId, take_recent: bool) -> Result<FolderView> {
        self.view(folder, take_recent).await
    }

    async fn changes_since(&self, folder: FolderId, since: u64, take_recent: bool) -> Result<FolderChanges> {
        self.changes(folder, since, take_recent).await
    }

    async fn append(&self, folder: FolderId, new: NewEntry) -> Result<(UidValidity, Uid)> {
        self.write(Append::new(folder, new)?).await
    }

    async fn set_flags(
        &self,
        folder: FolderId,
        uids: &[Uid],
        change: FlagChange,
        flags: &Flags,
        audit: Vec<Event>,
    ) -> Result<Vec<Entry>> {
        let at = micros(self.clock.now());
        self.write(SetFlags { folder, uids: uids.to_vec(), change, flags: flags.clone(), at, audit }).await
    }

    async fn copy(
        &self,
        folder: FolderId,
        uids: &[Uid],
        target: FolderId,
        audit: Vec<Event>,
    ) -> Result<(UidValidity, Vec<(Uid, Uid)>)> {
        self.write(Copy { folder, uids: uids.to_vec(), target, audit }).await
    }

    async fn expunge(&self, folder: FolderId, uids: Option<&[Uid]>, audit: Vec<Event>) -> Result<Vec<Uid>> {
        self.write(Expunge { folder, uids: uids.map(<[Uid]>::to_vec), audit }).await
    }

    async fn body(&self, message: MessageId) -> Result<Bytes> {
        self.read_body(message, 0, u64::MAX).await
    }

    async fn body_range(&self, message: MessageId, offset: u64, length: u64) -> Result<Bytes> {
        self.read_body(message, offset, length).await
    }
}

/// From a row with the [`mailbox_columns`].
pub(super) fn mailbox(row: Row<'_>) -> Result<Mailbox> {
    let quota_bytes = match row.get::<Option<i64>>("quota_bytes")? {
        Some(_) => Some(row.number("quota_bytes")?),
        None => None,
    };
    Ok(Mailbox {
        id: row.mailbox("mailbox_id")?,
        address: row.parse("address", MailAddress::parse)?,
        kind: row.parse("kind", kind_from)?,
        state: row.parse("state", state_from)?,
        quota_bytes,
        used_bytes: row.number("used_bytes")?,
    })
}

/// Adds to what a mailbox holds; `MailboxFull` if its quota does not allow it.
pub(super) async fn take_space(tx: &mut Tx<'_>, mailbox: MailboxId, bytes: i64) -> Result<()> {
    let sql = sqlx::query(
        "UPDATE mailboxes SET used_bytes = used_bytes + ?1
         WHERE id = ?2 AND (quota_bytes IS NULL OR used_bytes + ?1 <= quota_bytes)",
    );
    match tx.execute(sql.bind(bytes).bind(mailbox.0)).await? {
        0 => Err(StoreError::MailboxFull),
        _ => Ok(()),
    }
}

/// Gives back what a mailbox held.
pub(super) async fn release_space(tx: &mut Tx<'_>, mailbox: MailboxId, bytes: i64) -> Result<()> {
    let sql = sqlx::query("UPDATE mailboxes SET used_bytes = max(0, used_bytes - ?) WHERE id = ?");
    tx.execute(sql.bind(bytes).bind(mailbox.0)).await.map(drop)
}

pub(super) fn kind_from(name: &str) -> std::result::Result<MailboxKind, &'static str> {
    MailboxKind::parse(name).ok_or("no such kind of mailbox")
}

fn state_from(name: &str) -> std::result::Result<MailboxState, &'static str> {
    match name {
        "open" => Ok(MailboxState::Open),
        "suspended" => Ok(MailboxState::Suspended),
        "closed" => Ok(MailboxState::Closed),
        _ => Err("no such state of a mailbox"),
    }
}
