//! `rename_folder`: a folder with all below it, or what lies in INBOX (RFC 3501 §6.3.5).

use async_trait::async_trait;
use pli_types::{FolderId, MailboxId};

use super::folders::{self, FolderName};
use super::rows::Row;
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, Result, StoreError};

pub(super) struct RenameFolder {
    pub(super) mailbox: MailboxId,
    pub(super) from: FolderName,
    pub(super) to: FolderName,
    /// Seconds since 1970.
    pub(super) now: i64,
}

#[async_trait]
impl Write for RenameFolder {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let folder = folders::find(tx, self.mailbox, &self.from).await?;
        if self.to.is_below(&self.from) {
            return Err(StoreError::Conflict("a folder cannot be moved below itself"));
        }
        // Made with all levels above it, and refused if the name is taken.
        let target = folders::create(tx, self.mailbox, &self.to, self.now).await?;
        if self.from.is_inbox() {
            move_entries(tx, self.mailbox, folder, target).await
        } else {
            self.move_names(tx, target).await
        }
    }
}

impl RenameFolder {
    /// The folder takes the place of the one just made; what is below it follows.
    async fn move_names(&self, tx: &mut Tx<'_>, target: FolderId) -> Result<()> {
        tx.execute(sqlx::query("DELETE FROM folders WHERE id = ?").bind(target.0)).await?;
        let (from, to) = (self.from.as_str(), self.to.as_str());
        let longest = sqlx::query(
            "SELECT max(length(CAST(name AS BLOB))) AS bytes FROM folders
             WHERE mailbox_id = ?1 AND (name = ?2 OR (name > ?2 || '/' AND name < ?2 || '0'))",
        );
        let row = tx.fetch_one(longest.bind(self.mailbox.0).bind(from)).await?.ok_or(StoreError::NotFound("folder"))?;
        let longest: usize = Row::new(&row, "folders").number("bytes")?;
        if longest.saturating_sub(from.len()) + to.len() > folders::NAME_BYTES_MAX {
            return Err(StoreError::Conflict("the name of a folder below it would have more than 255 bytes"));
        }
        let sql = sqlx::query(
            "UPDATE folders SET name = ?3 || substr(name, length(?2) + 1)
             WHERE mailbox_id = ?1 AND (name = ?2 OR (name > ?2 || '/' AND name < ?2 || '0'))",
        );
        tx.execute(sql.bind(self.mailbox.0).bind(from).bind(to)).await.map(drop)
    }
}

/// INBOX stays, empty; what lay in it gets new UIDs in the new folder, in the same order.
async fn move_entries(tx: &mut Tx<'_>, mailbox: MailboxId, inbox: FolderId, target: FolderId) -> Result<()> {
    for sql in [
        "INSERT INTO entries (folder_id, uid, message_id, flags, keywords, internal_date, size, modseq)
         SELECT ?2, row_number() OVER (ORDER BY uid), message_id, flags, keywords, internal_date, size, 1
         FROM entries WHERE folder_id = ?1",
        "UPDATE folders SET uid_next = 1 + (SELECT count(*) FROM entries WHERE folder_id = ?1) WHERE id = ?2",
        "UPDATE folders SET modseq = modseq + 1 WHERE id = ?1",
        "INSERT INTO vanished (folder_id, modseq, uid)
         SELECT folder_id, (SELECT modseq FROM folders WHERE id = ?1), uid FROM entries WHERE folder_id = ?1",
        "DELETE FROM entries WHERE folder_id = ?1",
    ] {
        tx.execute(sqlx::query(sql).bind(inbox.0).bind(target.0)).await?;
    }
    tx.tell(Change::Folder(mailbox, inbox));
    Ok(())
}
