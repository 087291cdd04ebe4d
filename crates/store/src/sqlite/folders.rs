//! Folders: their names, making and removing them, subscriptions.

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{FolderId, MailboxId, MessageId, UidValidity};

use super::expunge::references;
use super::intake::audit_rows_of;
use super::mailboxes::release_space;
use super::readers::Readers;
use super::rows::{Row, database_error};
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, Folder, Result, SpecialUse, StoreError};

/// Bytes of a whole name; the limit of most other servers too.
pub(super) const NAME_BYTES_MAX: usize = 255;
/// Folders of one mailbox, and its subscriptions: each is listed whole.
const FOLDERS_MAX: i64 = 1000;

/// A folder's whole name, well-formed: levels parted by `/`, none of them empty, INBOX in upper case
/// (RFC 3501 §5.1: its case does not matter).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FolderName(String);

impl FolderName {
    /// A trailing `/` says that children will follow, and is no part of the name (RFC 3501 §6.3.3).
    pub(super) fn parse(name: &str) -> Result<Self> {
        let name = name.strip_suffix('/').unwrap_or(name);
        if name.len() > NAME_BYTES_MAX {
            return Err(StoreError::Conflict("a folder's name has at most 255 bytes"));
        }
        if name.split('/').any(str::is_empty) {
            return Err(StoreError::Conflict("a folder's name has no empty level"));
        }
        if name.chars().any(char::is_control) {
            return Err(StoreError::Conflict("a folder's name has no control characters"));
        }
        let (first, rest) = name.split_once('/').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let first = if first.eq_ignore_ascii_case("INBOX") { "INBOX" } else { first };
        Ok(Self(rest.map_or_else(|| first.to_owned(), |rest| format!("{first}/{rest}"))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// Is this one below the other?
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The levels above, the highest first.
    fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }
}

pub(super) async fn list(readers: &Readers, mailbox: MailboxId) -> Result<Vec<Folder>> {
    let sql = sqlx::query(
        "SELECT id, name, special_use, selectable, uid_validity FROM folders
         WHERE mailbox_id = ? ORDER BY name <> 'INBOX', name",
    );
    let rows = readers.all(sql.bind(mailbox.0)).await.map_err(read_error)?;
    rows.iter().map(|row| folder(Row::new(row, "folders"))).collect()
}

pub(super) async fn subscriptions(readers: &Readers, mailbox: MailboxId) -> Result<Vec<String>> {
    let sql = sqlx::query("SELECT name FROM subscriptions WHERE mailbox_id = ? ORDER BY name <> 'INBOX', name");
    let rows = readers.all(sql.bind(mailbox.0)).await.map_err(read_error)?;
    rows.iter().map(|row| Row::new(row, "subscriptions").get("name")).collect()
}

/// From a row with the columns `id`, `name`, `special_use`, `selectable` and `uid_validity`.
pub(super) fn folder(row: Row<'_>) -> Result<Folder> {
    Ok(Folder {
        id: row.folder("id")?,
        name: row.get("name")?,
        special_use: row.parse("special_use", special_use_from)?,
        selectable: row.get("selectable")?,
        uid_validity: uid_validity(row)?,
    })
}

pub(super) fn uid_validity(row: Row<'_>) -> Result<UidValidity> {
    row.number("uid_validity").map(UidValidity)
}

/// INBOX and the folders of every mailbox (RFC 6154), subscribed.
pub(super) async fn create_standard(tx: &mut Tx<'_>, mailbox: MailboxId, now: i64) -> Result<()> {
    let uid_validity = next_uid_validity(tx, now).await?;
    let folders = sqlx::query(
        "INSERT INTO folders (mailbox_id, uid_validity, name, special_use)
         VALUES (?1, ?2, 'INBOX', NULL), (?1, ?2, 'Sent', 'sent'), (?1, ?2, 'Drafts', 'drafts'),
                (?1, ?2, 'Trash', 'trash'), (?1, ?2, 'Junk', 'junk')",
    );
    tx.execute(folders.bind(mailbox.0).bind(uid_validity)).await?;
    let subscriptions = sqlx::query(
        "INSERT INTO subscriptions (mailbox_id, name) SELECT mailbox_id, name FROM folders WHERE mailbox_id = ?",
    );
    tx.execute(subscriptions.bind(mailbox.0)).await.map(drop)
}

/// The time in seconds, or one more than the last: never given twice, so that a name made anew is known as such.
async fn next_uid_validity(tx: &mut Tx<'_>, now: i64) -> Result<i64> {
    let sql =
        sqlx::query("UPDATE counters SET value = max(value + 1, ?) WHERE name = 'uid-validity' RETURNING name, value");
    let rows = tx.change(sql.bind(now)).await?;
    let row = rows.first().ok_or_else(|| StoreError::corrupt("counters", "value", &"uid-validity"))?;
    Row::new(row, "counters").get("value")
}

pub(super) struct CreateFolder {
    pub(super) mailbox: MailboxId,
    pub(super) name: FolderName,
    /// Seconds since 1970.
    pub(super) now: i64,
}

#[async_trait]
impl Write for CreateFolder {
    type Output = FolderId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<FolderId> {
        create(tx, self.mailbox, &self.name, self.now).await
    }
}

/// Makes a folder, and the levels above it that are missing.
pub(super) async fn create(tx: &mut Tx<'_>, mailbox: MailboxId, name: &FolderName, now: i64) -> Result<FolderId> {
    let sql = sqlx::query(
        "SELECT m.id, (SELECT count(*) FROM folders WHERE mailbox_id = m.id) AS folders,
                EXISTS (SELECT 1 FROM folders WHERE mailbox_id = m.id AND name = ?) AS taken
         FROM mailboxes AS m WHERE m.id = ?",
    );
    let row = tx.fetch_one(sql.bind(name.as_str()).bind(mailbox.0)).await?.ok_or(StoreError::NotFound("mailbox"))?;
    let row = Row::new(&row, "mailboxes");
    if row.get("taken")? {
        return Err(StoreError::Conflict("there is a folder with this name already"));
    }
    if row.get::<i64>("folders")? >= FOLDERS_MAX {
        return Err(StoreError::Conflict("the mailbox has as many folders as it may have"));
    }
    let uid_validity = next_uid_validity(tx, now).await?;
    let mut made = None;
    for level in name.ancestors().chain([name.as_str()]) {
        let sql = sqlx::query(
            "INSERT INTO folders (mailbox_id, name, uid_validity) VALUES (?, ?, ?)
             ON CONFLICT (mailbox_id, name) DO NOTHING RETURNING id",
        );
        let rows = tx.change(sql.bind(mailbox.0).bind(level).bind(uid_validity)).await?;
        made = rows.first().map(|row| Row::new(row, "folders").folder("id")).transpose()?;
    }
    tx.tell(Change::Folders(mailbox));
    made.ok_or(StoreError::Conflict("there is a folder with this name already"))
}

/// The folder of this name.
pub(super) async fn find(tx: &mut Tx<'_>, mailbox: MailboxId, name: &FolderName) -> Result<FolderId> {
    let sql = sqlx::query("SELECT id FROM folders WHERE mailbox_id = ? AND name = ?");
    let row = tx.fetch_one(sql.bind(mailbox.0).bind(name.as_str())).await?.ok_or(StoreError::NotFound("folder"))?;
    Row::new(&row, "folders").folder("id")
}

pub(super) struct DeleteFolder {
    pub(super) mailbox: MailboxId,
    pub(super) name: FolderName,
    pub(super) audit: Vec<Event>,
}

#[async_trait]
impl Write for DeleteFolder {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        if self.name.is_inbox() {
            return Err(StoreError::Conflict("INBOX cannot be deleted"));
        }
        let folder = find(tx, self.mailbox, &self.name).await?;
        // `0` follows `/` in ASCII: this is the range of all names that begin with the name and a `/`.
        let children = sqlx::query(
            "SELECT id FROM folders WHERE mailbox_id = ?1 AND name > ?2 || '/' AND name < ?2 || '0' LIMIT 1",
        );
        if tx.fetch_one(children.bind(self.mailbox.0).bind(self.name.as_str())).await?.is_some() {
            return Err(StoreError::Conflict("a folder that has others below it cannot be deleted"));
        }
        let gone = tx
            .change(
                sqlx::query("DELETE FROM entries WHERE folder_id = ? RETURNING uid, message_id, size").bind(folder.0),
            )
            .await?;
        let (messages, bytes): (Vec<MessageId>, i64) = references(&gone)?;
        for table in ["DELETE FROM vanished WHERE folder_id = ?", "DELETE FROM folders WHERE id = ?"] {
            tx.execute(sqlx::query(table).bind(folder.0)).await?;
        }
        release_space(tx, self.mailbox, bytes).await?;
        tx.drop_unreferenced(&messages).await?;
        tx.record(&audit_rows_of(&self.audit, &messages));
        tx.tell(Change::Folders(self.mailbox));
        Ok(())
    }
}

pub(super) struct SetSubscribed {
    pub(super) mailbox: MailboxId,
    pub(super) name: FolderName,
    pub(super) subscribed: bool,
}

#[async_trait]
impl Write for SetSubscribed {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        if !self.subscribed {
            let sql = sqlx::query("DELETE FROM subscriptions WHERE mailbox_id = ? AND name = ?");
            return tx.execute(sql.bind(self.mailbox.0).bind(self.name.as_str())).await.map(drop);
        }
        let sql = sqlx::query("SELECT count(*) AS count FROM subscriptions WHERE mailbox_id = ?");
        let row = tx.fetch_one(sql.bind(self.mailbox.0)).await?.ok_or(StoreError::NotFound("mailbox"))?;
        if Row::new(&row, "subscriptions").get::<i64>("count")? >= FOLDERS_MAX {
            return Err(StoreError::Conflict("the mailbox has as many subscriptions as it may have"));
        }
        let sql = sqlx::query("INSERT INTO subscriptions (mailbox_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING");
        tx.execute(sql.bind(self.mailbox.0).bind(self.name.as_str())).await.map(drop)
    }
}

fn special_use_from(name: Option<&str>) -> std::result::Result<Option<SpecialUse>, &'static str> {
    match name {
        None => Ok(None),
        Some("sent") => Ok(Some(SpecialUse::Sent)),
        Some("drafts") => Ok(Some(SpecialUse::Drafts)),
        Some("trash") => Ok(Some(SpecialUse::Trash)),
        Some("junk") => Ok(Some(SpecialUse::Junk)),
        Some(_) => Err("no such special use"),
    }
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the folders could not be read", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_as_written_but_for_inbox() {
        for (written, kept) in [
            ("Archives/2026", "Archives/2026"),
            ("inbox", "INBOX"),
            ("Inbox/Été", "INBOX/Été"),
            ("Archives/", "Archives"),
            ("archives/inbox", "archives/inbox"),
        ] {
            assert_eq!(FolderName::parse(written).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn a_name_with_an_empty_level_or_without_end_is_refused() {
        for bad in ["", "/", "//", "/a", "a//b", "a/b//", "a\rb", &"é".repeat(128)] {
            assert!(matches!(FolderName::parse(bad), Err(StoreError::Conflict(_))), "{bad:?}");
        }
        assert!(FolderName::parse(&"a".repeat(255)).is_ok());
    }

    #[test]
    fn a_folder_is_below_its_ancestors_only() {
        let name = |name| FolderName::parse(name).unwrap();
        assert!(name("a/b").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")));
        assert!(!name("a").is_below(&name("a")));
        assert_eq!(name("a/b/c").ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
    }
}
