//! `expunge`: entries go, their UIDs are told to whoever has the folder open, bodies go with the last reference.

use async_trait::async_trait;
use pli_audit::Event;
use pli_failpoint::failpoint;
use pli_types::{FolderId, MessageId, Uid};
use sqlx::sqlite::SqliteRow;

use super::entries::{Target, json_uids, message_of, next_modseq};
use super::flags::DELETED;
use super::intake::audit_rows_of;
use super::mailboxes::release_space;
use super::rows::Row;
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, Result};

pub(super) struct Expunge {
    pub(super) folder: FolderId,
    pub(super) uids: Option<Vec<Uid>>,
    pub(super) audit: Vec<Event>,
}

#[async_trait]
impl Write for Expunge {
    type Output = Vec<Uid>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Uid>> {
        let target = Target::find(tx, self.folder).await?;
        let gone = match &self.uids {
            None => {
                let sql = sqlx::query(
                    "DELETE FROM entries WHERE folder_id = ? AND flags & ? RETURNING uid, message_id, size",
                );
                tx.change(sql.bind(self.folder.0).bind(DELETED)).await?
            }
            Some(uids) => {
                let sql = sqlx::query(
                    "DELETE FROM entries
                     WHERE folder_id = ? AND flags & ? AND uid IN (SELECT value FROM json_each(?))
                     RETURNING uid, message_id, size",
                );
                tx.change(sql.bind(self.folder.0).bind(DELETED).bind(json_uids(uids))).await?
            }
        };
        if gone.is_empty() {
            // Nothing was deleted, and the record must not say so.
            return Ok(Vec::new());
        }
        let mut uids =
            gone.iter().map(|row| Row::new(row, "entries").number("uid").map(Uid)).collect::<Result<Vec<_>>>()?;
        uids.sort_unstable();
        let (messages, bytes) = references(&gone)?;
        let modseq = next_modseq(tx, self.folder).await?;
        let vanished =
            sqlx::query("INSERT INTO vanished (folder_id, modseq, uid) SELECT ?, ?, value FROM json_each(?)");
        tx.execute(vanished.bind(self.folder.0).bind(modseq).bind(json_uids(&uids))).await?;
        release_space(tx, target.mailbox, bytes).await?;
        failpoint!("store.expunge.run", crate::StoreError::unavailable("a failpoint"));
        tx.drop_unreferenced(&messages).await?;
        tx.record(&audit_rows_of(&self.audit, &messages));
        tx.tell(Change::Folder(target.mailbox, self.folder));
        Ok(uids)
    }
}

/// What deleted entries referred to: the messages, and the bytes that they held.
pub(super) fn references(gone: &[SqliteRow]) -> Result<(Vec<MessageId>, i64)> {
    let mut messages = Vec::with_capacity(gone.len());
    let mut bytes = 0_i64;
    for row in gone {
        let row = Row::new(row, "entries");
        messages.push(message_of(row)?);
        bytes = bytes.saturating_add(row.get("size")?);
    }
    Ok((messages, bytes))
}
