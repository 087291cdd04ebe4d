//! Entries: how they are decoded, `append` and `copy`.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use pli_audit::Event;
use pli_failpoint::failpoint;
use pli_types::{FolderId, MailboxId, MessageId, Uid, UidValidity};

use super::flags::{flag_bits, flags_from, keywords_text};
use super::folders::uid_validity;
use super::intake::{AuditRows, MessageRow, audit_rows, audit_rows_of, entry_message};
use super::mailboxes::take_space;
use super::rows::{Row, json_numbers, micros};
use super::tx::{EntryRow, Tx};
use super::writer::Write;
use crate::{Change, Entry, Flags, NewEntry, Result, StoreError};

/// From a row with the columns of `entries`; `recent` is the caller's to say.
pub(super) fn entry(row: Row<'_>) -> Result<Entry> {
    Ok(Entry {
        uid: row.number("uid").map(Uid)?,
        message: row.message("message_id")?,
        flags: flags_from(row)?,
        recent: false,
        internal_date: row.instant("internal_date")?,
        size: row.number("size")?,
    })
}

/// UIDs as JSON, for `json_each`.
pub(super) fn json_uids(uids: &[Uid]) -> String {
    json_numbers(uids.iter().map(|uid| uid.0))
}

/// A folder whose counters a write needs.
pub(super) struct Target {
    pub(super) mailbox: MailboxId,
    pub(super) uid_validity: UidValidity,
}

impl Target {
    pub(super) async fn find(tx: &mut Tx<'_>, folder: FolderId) -> Result<Self> {
        let sql = sqlx::query("SELECT id, mailbox_id, uid_validity FROM folders WHERE id = ? AND selectable");
        let row = tx.fetch_one(sql.bind(folder.0)).await?.ok_or(StoreError::NotFound("folder"))?;
        let row = Row::new(&row, "folders");
        Ok(Self { mailbox: row.mailbox("mailbox_id")?, uid_validity: uid_validity(row)? })
    }
}

/// Takes `count` UIDs of a folder; the first of them, and the modseq that the new entries have.
pub(super) async fn advance(tx: &mut Tx<'_>, folder: FolderId, count: u32) -> Result<(u32, i64)> {
    let sql = sqlx::query(
        "UPDATE folders SET uid_next = uid_next + ?, modseq = modseq + 1 WHERE id = ? RETURNING id, uid_next, modseq",
    );
    let rows = tx.change(sql.bind(count).bind(folder.0)).await?;
    let row = Row::new(rows.first().ok_or(StoreError::NotFound("folder"))?, "folders");
    Ok((row.number::<u32>("uid_next")?.saturating_sub(count), row.get("modseq")?))
}

/// The next modseq of a folder, for entries that change.
pub(super) async fn next_modseq(tx: &mut Tx<'_>, folder: FolderId) -> Result<i64> {
    advance(tx, folder, 0).await.map(|(_, modseq)| modseq)
}

pub(super) struct Append {
    folder: FolderId,
    message: Arc<MessageRow>,
    flags: Flags,
    internal_date: i64,
    audit: AuditRows,
}

impl Append {
    pub(super) fn new(folder: FolderId, new: NewEntry) -> Result<Self> {
        let (flags, internal_date) = (new.flags.clone(), micros(new.internal_date));
        let audit = audit_rows(&new.audit);
        Ok(Self { folder, message: Arc::new(entry_message(new)?), flags, internal_date, audit })
    }
}

#[async_trait]
impl Write for Append {
    type Output = (UidValidity, Uid);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(UidValidity, Uid)> {
        let target = Target::find(tx, self.folder).await?;
        take_space(tx, target.mailbox, self.message.size).await?;
        let (uid, modseq) = advance(tx, self.folder, 1).await?;
        let entry = EntryRow {
            folder: self.folder,
            uid,
            message: self.message.id,
            flags: flag_bits(&self.flags),
            keywords: keywords_text(&self.flags.keywords),
            internal_date: self.internal_date,
            size: self.message.size,
            modseq,
        };
        failpoint!("store.append.run", StoreError::unavailable("a failpoint"));
        tx.add_entry(Arc::clone(&self.message), entry);
        tx.record(&self.audit);
        tx.tell(Change::Folder(target.mailbox, self.folder));
        Ok((target.uid_validity, Uid(uid)))
    }
}

pub(super) struct Copy {
    pub(super) folder: FolderId,
    pub(super) uids: Vec<Uid>,
    pub(super) target: FolderId,
    pub(super) audit: Vec<Event>,
}

#[async_trait]
impl Write for Copy {
    type Output = (UidValidity, Vec<(Uid, Uid)>);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output> {
        let target = Target::find(tx, self.target).await?;
        let sql = sqlx::query(
            "SELECT uid, message_id, size FROM entries
             WHERE folder_id = ? AND uid IN (SELECT value FROM json_each(?)) ORDER BY uid",
        );
        let rows = tx.fetch(sql.bind(self.folder.0).bind(json_uids(&self.uids))).await?;
        let mut bytes = 0_i64;
        let (mut sources, mut messages) = (BTreeSet::new(), Vec::with_capacity(rows.len()));
        for row in &rows {
            let row = Row::new(row, "entries");
            bytes = bytes.saturating_add(row.get("size")?);
            sources.insert(row.number("uid").map(Uid)?);
            messages.push(message_of(row)?);
        }
        if sources.is_empty() {
            return Ok((target.uid_validity, Vec::new()));
        }
        take_space(tx, target.mailbox, bytes).await?;
        let count = u32::try_from(sources.len()).map_err(|_| StoreError::Conflict("too many messages to copy"))?;
        let (first, modseq) = advance(tx, self.target, count).await?;
        self.insert(tx, &sources, first, modseq).await?;
        tx.record(&audit_rows_of(&self.audit, &messages));
        tx.tell(Change::Folder(target.mailbox, self.target));
        Ok((target.uid_validity, sources.into_iter().zip((first..).map(Uid)).collect()))
    }
}

impl Copy {
    async fn insert(&self, tx: &mut Tx<'_>, sources: &BTreeSet<Uid>, first: u32, modseq: i64) -> Result<()> {
        let sql = sqlx::query(
            "INSERT INTO entries (folder_id, uid, message_id, flags, keywords, internal_date, size, modseq)
             SELECT ?1, ?2 + row_number() OVER (ORDER BY uid) - 1, message_id, flags, keywords, internal_date, size, ?3
             FROM entries WHERE folder_id = ?4 AND uid IN (SELECT value FROM json_each(?5))",
        );
        let uids = json_numbers(sources.iter().map(|uid| uid.0));
        let sql = sql.bind(self.target.0).bind(first).bind(modseq).bind(self.folder.0).bind(uids);
        tx.execute(sql).await.map(drop)
    }
}

/// The messages that rows with `message_id` name.
pub(super) fn message_of(row: Row<'_>) -> Result<MessageId> {
    row.message("message_id")
}
