//! What a session sees of a folder: its numbers, what lies in it, what changed; and who is told `\Recent`.
//!
//! `\Recent` makes reading a write. To keep long lists off the one writing connection, the writer only hands out
//! the range of UIDs that the caller is the first to hear of; the list is then read beside it, and read again
//! if the folder has changed in between.

use async_trait::async_trait;
use pli_types::{FolderId, Uid};
use sqlx::Connection;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::entries::entry;
use super::flags::SEEN;
use super::folders::{folder, uid_validity};
use super::readers::Readers;
use super::rows::{Row, database_error};
use super::tx::Tx;
use super::writer::Write;
use crate::{Entry, FolderChanges, FolderStatus, FolderView, Result, StoreError};

/// How often a list is read beside the writer before it is read by it.
const TRIES_MAX: usize = 4;

pub(super) async fn status(readers: &Readers, id: FolderId) -> Result<FolderStatus> {
    let sql = sqlx::query(
        "SELECT f.id, f.uid_next, f.uid_validity, count(e.uid) AS messages,
                count(e.uid) FILTER (WHERE e.uid > f.recent_taken) AS recent,
                count(e.uid) FILTER (WHERE NOT e.flags & ?) AS unseen
         FROM folders AS f LEFT JOIN entries AS e ON e.folder_id = f.id
         WHERE f.id = ? GROUP BY f.id",
    );
    let row = readers.one(sql.bind(SEEN).bind(id.0)).await.map_err(read_error)?;
    let row = row.ok_or(StoreError::NotFound("folder"))?;
    let row = Row::new(&row, "folders");
    Ok(FolderStatus {
        messages: row.number("messages")?,
        recent: row.number("recent")?,
        unseen: row.number("unseen")?,
        uid_next: row.number("uid_next").map(Uid)?,
        uid_validity: uid_validity(row)?,
    })
}

/// One statement, so that folder and entries are of one moment. A folder without entries gives one row.
const VIEW: &str = "SELECT f.id, f.name, f.special_use, f.selectable, f.uid_validity, f.uid_next, f.modseq,
        f.recent_taken, e.uid, e.message_id, e.flags, e.keywords, e.internal_date, e.size
     FROM folders AS f LEFT JOIN entries AS e ON e.folder_id = f.id
     WHERE f.id = ? ORDER BY e.uid";

/// As [`VIEW`], with what changed after a modseq. The index is named because the order by UID would otherwise lead
/// through the whole folder.
const CHANGED: &str = "SELECT f.id, f.uid_next, f.modseq, f.recent_taken,
        e.uid, e.message_id, e.flags, e.keywords, e.internal_date, e.size
     FROM folders AS f LEFT JOIN entries AS e INDEXED BY entries_by_modseq ON e.folder_id = f.id AND e.modseq > ?
     WHERE f.id = ? ORDER BY e.uid";

/// UIDs above the first and up to the second: this caller is the first to hear of them.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    after: u32,
    up_to: u32,
}

impl Recent {
    fn mark(self, entries: &mut [Entry]) {
        for entry in entries {
            entry.recent = entry.uid.0 > self.after && entry.uid.0 <= self.up_to;
        }
    }

    /// With what a further taking gave, which begins where this one ended.
    fn and(self, later: Self) -> Self {
        if self.after == self.up_to { later } else { Self { up_to: later.up_to.max(self.up_to), ..self } }
    }
}

impl SqliteStore {
    pub(super) async fn view(&self, folder: FolderId, take_recent: bool) -> Result<FolderView> {
        let mut recent = Recent::default();
        for _ in 0..TRIES_MAX {
            let rows = self.readers.all(sqlx::query(VIEW).bind(folder.0)).await.map_err(read_error)?;
            let (mut view, untaken) = folder_view(&rows)?;
            if !(take_recent && untaken) {
                recent.mark(&mut view.entries);
                return Ok(view);
            }
            let taken = self.write(TakeRecent { folder }).await?;
            recent = recent.and(taken.recent);
            if taken.modseq == view.modseq {
                recent.mark(&mut view.entries);
                return Ok(view);
            }
        }
        let (mut view, taken) = self.write(ViewTaking { folder }).await?;
        recent.and(taken).mark(&mut view.entries);
        Ok(view)
    }

    pub(super) async fn changes(&self, folder: FolderId, since: u64, take_recent: bool) -> Result<FolderChanges> {
        let head = sqlx::query("SELECT id, modseq, uid_next, recent_taken FROM folders WHERE id = ?");
        let row = self.readers.one(head.bind(folder.0)).await.map_err(read_error)?;
        let row = row.ok_or(StoreError::NotFound("folder"))?;
        let row = Row::new(&row, "folders");
        if row.number::<u64>("modseq")? == since {
            return Ok(FolderChanges { modseq: since, changed: Vec::new(), vanished: Vec::new() });
        }
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        if take_recent && has_untaken(row)? {
            return self.write(ChangesTaking { folder, since }).await;
        }
        let mut reader = self.readers.take().await.map_err(read_error)?;
        let mut snapshot = reader.connection.begin().await.map_err(read_error)?;
        let changed = sqlx::query(CHANGED).bind(since).bind(folder.0).fetch_all(&mut *snapshot).await;
        let changed = changed.map_err(read_error)?;
        let vanished = sqlx::query(VANISHED).bind(folder.0).bind(since).fetch_all(&mut *snapshot).await;
        let vanished = vanished.map_err(read_error)?;
        snapshot.rollback().await.map_err(read_error)?;
        self.readers.give_back(reader);
        folder_changes(&changed, &vanished)
    }
}

const VANISHED: &str = "SELECT uid FROM vanished WHERE folder_id = ? AND modseq > ? ORDER BY uid";

struct TakeRecent {
    folder: FolderId,
}

struct Taken {
    recent: Recent,
    modseq: u64,
}

#[async_trait]
impl Write for TakeRecent {
    type Output = Taken;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Taken> {
        let sql = sqlx::query("SELECT id, modseq, uid_next, recent_taken FROM folders WHERE id = ?");
        let row = tx.fetch_one(sql.bind(self.folder.0)).await?.ok_or(StoreError::NotFound("folder"))?;
        let row = Row::new(&row, "folders");
        let after: u32 = row.number("recent_taken")?;
        let up_to = row.number::<u32>("uid_next")?.saturating_sub(1).max(after);
        if up_to > after {
            let sql = sqlx::query("UPDATE folders SET recent_taken = ? WHERE id = ?");
            tx.execute(sql.bind(up_to).bind(self.folder.0)).await?;
        }
        Ok(Taken { recent: Recent { after, up_to }, modseq: row.number("modseq")? })
    }
}

/// The whole list by the writer, for a folder that never stands still.
struct ViewTaking {
    folder: FolderId,
}

#[async_trait]
impl Write for ViewTaking {
    type Output = (FolderView, Recent);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(FolderView, Recent)> {
        let taken = TakeRecent { folder: self.folder }.run(tx).await?;
        let rows = tx.fetch(sqlx::query(VIEW).bind(self.folder.0)).await?;
        Ok((folder_view(&rows)?.0, taken.recent))
    }
}

struct ChangesTaking {
    folder: FolderId,
    since: i64,
}

#[async_trait]
impl Write for ChangesTaking {
    type Output = FolderChanges;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<FolderChanges> {
        let taken = TakeRecent { folder: self.folder }.run(tx).await?;
        let changed = tx.fetch(sqlx::query(CHANGED).bind(self.since).bind(self.folder.0)).await?;
        let vanished = tx.fetch(sqlx::query(VANISHED).bind(self.folder.0).bind(self.since)).await?;
        let mut told = folder_changes(&changed, &vanished)?;
        taken.recent.mark(&mut told.changed);
        Ok(told)
    }
}

/// The view, and whether it has entries that nobody has been told of.
fn folder_view(rows: &[SqliteRow]) -> Result<(FolderView, bool)> {
    let head = Row::new(rows.first().ok_or(StoreError::NotFound("folder"))?, "folders");
    let view = FolderView {
        folder: folder(head)?,
        uid_next: head.number("uid_next").map(Uid)?,
        modseq: head.number("modseq")?,
        entries: entries(rows)?,
    };
    Ok((view, has_untaken(head)?))
}

fn folder_changes(changed: &[SqliteRow], vanished: &[SqliteRow]) -> Result<FolderChanges> {
    let head = Row::new(changed.first().ok_or(StoreError::NotFound("folder"))?, "folders");
    let uid = |row| Row::new(row, "vanished").number("uid").map(Uid);
    Ok(FolderChanges {
        modseq: head.number("modseq")?,
        changed: entries(changed)?,
        vanished: vanished.iter().map(uid).collect::<Result<_>>()?,
    })
}

/// The joined entries: none for the one row of a folder without.
fn entries(rows: &[SqliteRow]) -> Result<Vec<Entry>> {
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let row = Row::new(row, "folders").of("entries", "uid");
        if row.get::<Option<i64>>("uid")?.is_some() {
            out.push(entry(row)?);
        }
    }
    Ok(out)
}

fn has_untaken(head: Row<'_>) -> Result<bool> {
    Ok(head.number::<u32>("uid_next")?.saturating_sub(1) > head.number("recent_taken")?)
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the folder could not be read", error)
}
