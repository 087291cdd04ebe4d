//! [`Tx`]: the one transaction that a batch of writes shares.
//!
//! What all writes have in common (messages, deliveries, queue rows, audit rows) is not inserted by each of them
//! but gathered, and inserted by [`Tx::flush`] with one statement a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use pli_types::{FolderId, MailboxId, MessageId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::arrivals;
use super::audit_subjects;
use super::bulk::{self, Bulk, Insert, Sql};
use super::contact_turns::{self, TurnRow};
use super::intake::{AuditRow, AuditRows, Intake, MessageRow, RelayRow};
use super::received::{self, RECEIVED, bind_received};
use super::reported;
use super::rows::{Row, database_error, json_ids, json_numbers};
use super::story_steps::{self, PARTIES, STORIES, bind_party, bind_story};
use super::watches::{self, WATCHES, bind_watch};
use crate::seal::{FileGuard, MasterKey};
use crate::{Change, Result, StoreError};

/// A row of `entries` to insert.
pub(super) struct EntryRow {
    pub(super) folder: FolderId,
    pub(super) uid: u32,
    pub(super) message: [u8; 16],
    pub(super) flags: i64,
    pub(super) keywords: Option<String>,
    pub(super) internal_date: i64,
    pub(super) size: i64,
    pub(super) modseq: i64,
}

/// What is done once the transaction is on stable storage.
#[derive(Default)]
pub(super) struct Effects {
    /// To be told.
    pub(super) changes: Vec<Change>,
    /// Rows of the record.
    pub(super) recorded: u64,
    /// Bodies in files that nothing names any more.
    pub(super) dropped: Vec<MessageId>,
    /// Files that are named now.
    pub(super) named: Vec<Arc<FileGuard>>,
    /// Messages that came before: which, as which, and for how many recipients.
    pub(super) merged: Vec<(MessageId, MessageId, usize)>,
}

/// A transaction, begun with the first thing that is asked of it.
pub(super) struct Tx<'c> {
    conn: &'c mut SqliteConnection,
    master: &'c MasterKey,
    begun: bool,
    touched: bool,
    intakes: Vec<Arc<Intake>>,
    messages: Vec<Arc<MessageRow>>,
    entries: Vec<EntryRow>,
    audit: Vec<AuditRows>,
    pub(super) effects: Effects,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c mut SqliteConnection, master: &'c MasterKey) -> Self {
        Self {
            conn,
            master,
            begun: false,
            touched: false,
            intakes: Vec::new(),
            messages: Vec::new(),
            entries: Vec::new(),
            audit: Vec::new(),
            effects: Effects::default(),
        }
    }

    /// Has anything been changed since this was last asked? A write that fails before it changed anything
    /// fails alone; otherwise the transaction must go.
    pub(super) fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// What seals the persons of the record.
    pub(super) fn master(&self) -> &'c MasterKey {
        self.master
    }

    /// Is there anything to commit?
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    async fn begin(&mut self) -> Result<()> {
        if !self.begun {
            let begun = sqlx::query(BEGIN).execute(&mut *self.conn).await;
            begun.map_err(|error| database_error("BEGIN failed", error))?;
            self.begun = true;
        }
        Ok(())
    }

    /// Changes rows in one call with `BEGIN`, if that has not been said yet: each call costs two changes of thread. `list`
    /// is what both texts bind; what `RETURNING` says comes back.
    pub(super) async fn begin_with(
        &mut self,
        begin_and_change: &'static str,
        change: &'static str,
        list: String,
    ) -> Result<Vec<SqliteRow>> {
        let sql = sqlx::query(if self.begun { change } else { begin_and_change });
        let rows = sql.bind(list).fetch_all(&mut *self.conn).await.map_err(write_error)?;
        self.begun = true;
        Ok(rows)
    }

    /// Rows, read.
    pub(super) async fn fetch(&mut self, sql: Sql<'_>) -> Result<Vec<SqliteRow>> {
        self.begin().await?;
        sql.fetch_all(&mut *self.conn).await.map_err(|error| database_error("a row could not be read", error))
    }

    /// One row, read; none if there is none.
    pub(super) async fn fetch_one(&mut self, sql: Sql<'_>) -> Result<Option<SqliteRow>> {
        self.begin().await?;
        sql.fetch_optional(&mut *self.conn).await.map_err(|error| database_error("a row could not be read", error))
    }

    /// Changes rows; how many.
    pub(super) async fn execute(&mut self, sql: Sql<'_>) -> Result<u64> {
        self.begin().await?;
        let done = sql.execute(&mut *self.conn).await.map_err(write_error)?;
        self.touched |= done.rows_affected() > 0;
        Ok(done.rows_affected())
    }

    /// Changes rows; what `RETURNING` says of them, in no order.
    pub(super) async fn change(&mut self, sql: Sql<'_>) -> Result<Vec<SqliteRow>> {
        self.begin().await?;
        let rows = sql.fetch_all(&mut *self.conn).await.map_err(write_error)?;
        self.touched |= !rows.is_empty();
        Ok(rows)
    }

    /// Inserts rows at once: those of one write, or what is gathered.
    pub(super) async fn insert<'r, T, B>(&mut self, rows: Insert<'r, T, B>) -> Result<()>
    where
        T: Sync,
        B: Fn(Sql<'r>, &'r T) -> Sql<'r>,
    {
        self.begin().await?;
        self.touched = true;
        rows.insert(self.conn).await.map_err(write_error)
    }

    /// A new message with all that belongs to it.
    pub(super) fn take_in(&mut self, intake: Arc<Intake>) {
        self.touched = true;
        self.audit.push(Arc::clone(&intake.audit));
        self.intakes.push(intake);
    }

    /// A new message and its place in a folder, whose UID is given already.
    pub(super) fn add_entry(&mut self, message: Arc<MessageRow>, entry: EntryRow) {
        self.touched = true;
        self.messages.push(message);
        self.entries.push(entry);
    }

    pub(super) fn record(&mut self, audit: &AuditRows) {
        if !audit.is_empty() {
            self.touched = true;
            self.audit.push(Arc::clone(audit));
        }
    }

    /// What is recorded of a message, once it is known for whom it is.
    pub(super) fn replace_audit(&mut self, audit: &AuditRows, by: &AuditRows) {
        self.audit.iter_mut().filter(|rows| Arc::ptr_eq(rows, audit)).for_each(|rows| *rows = Arc::clone(by));
    }

    pub(super) fn tell(&mut self, change: Change) {
        if !self.effects.changes.contains(&change) {
            self.effects.changes.push(change);
        }
    }

    /// Removes those of the messages that nothing refers to any more.
    pub(super) async fn drop_unreferenced(&mut self, messages: &[MessageId]) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let sql = sqlx::query(
            "DELETE FROM messages WHERE id IN (SELECT unhex(value) FROM json_each(?))
                AND NOT EXISTS (SELECT 1 FROM entries WHERE message_id = messages.id)
                AND NOT EXISTS (SELECT 1 FROM queue WHERE message_id = messages.id)
                AND NOT EXISTS (SELECT 1 FROM receipts WHERE message_id = messages.id)
                AND NOT EXISTS (SELECT 1 FROM watches WHERE message_id = messages.id AND resend)
             RETURNING id, body IS NULL AS in_file",
        );
        let rows = self.change(sql.bind(json_ids(messages.iter().map(MessageId::as_bytes)))).await?;
        for row in &rows {
            let row = Row::new(row, "messages");
            if row.get("in_file")? {
                self.effects.dropped.push(row.message("id")?);
            }
        }
        Ok(())
    }

    /// Inserts what was gathered.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let (intakes, copies) = (std::mem::take(&mut self.intakes), std::mem::take(&mut self.messages));
        let intakes = arrivals::merge(self, intakes).await?;
        self.deliver(&intakes).await?;
        let turns: Vec<&TurnRow> = intakes.iter().flat_map(|intake| &intake.turns).collect();
        contact_turns::settle(self, &turns).await?;
        let taken_in = intakes.iter().filter_map(|intake| intake.message.as_deref());
        let messages: Vec<&MessageRow> = taken_in.chain(copies.iter().map(|message| &**message)).collect();
        self.effects.named.extend(messages.iter().filter_map(|message| message.file()).cloned());
        let relays = relays_of(&intakes);
        if !relays.is_empty() {
            self.tell(Change::Queue);
        }
        reported::go_on(self, &intakes).await?;
        let audit = std::mem::take(&mut self.audit);
        let audit: Vec<&AuditRow> = audit.iter().flat_map(|rows| rows.iter()).collect();
        self.effects.recorded = audit.len() as u64;
        let leaves = audit_subjects::seal(self, &audit).await?;
        let audit: Vec<_> = audit.iter().map(|row| row.message).zip(leaves).collect();
        if !(messages.is_empty() && audit.is_empty()) {
            self.begin().await?;
        }
        let messages = MESSAGES.rows(&messages, |sql, row| bind_message(sql, row));
        let entries = ENTRIES.rows(&self.entries, bind_entry);
        bulk::insert_both(self.conn, messages, entries).await.map_err(write_error)?;
        QUEUE.rows(&relays, bind_relay).insert(self.conn).await.map_err(write_error)?;
        let stories = story_steps::stories_of(&intakes);
        let parties = story_steps::parties_of(&stories);
        let (stories, parties) =
            (STORIES.rows(&stories, |sql, row| bind_story(sql, row)), PARTIES.rows(&parties, bind_party));
        bulk::insert_both(self.conn, stories, parties).await.map_err(write_error)?;
        let waited_for = watches::rows_of(&intakes);
        if !waited_for.is_empty() {
            self.tell(Change::Watches);
            WATCHES.rows(&waited_for, bind_watch).insert(self.conn).await.map_err(write_error)?;
        }
        let received = received::rows_of(&intakes);
        let audit = AUDIT.rows(&audit, bind_audit);
        bulk::insert_both(self.conn, RECEIVED.rows(&received, bind_received), audit).await.map_err(write_error)
    }

    /// Gives every delivery its UID: INBOX's counters move once for all of the batch.
    async fn deliver(&mut self, intakes: &[Arc<Intake>]) -> Result<()> {
        let mut totals: BTreeMap<MailboxId, (u32, i64)> = BTreeMap::new();
        for intake in intakes {
            for mailbox in &intake.deliveries {
                let total = totals.entry(*mailbox).or_default();
                total.0 += 1;
                total.1 = total.1.saturating_add(intake.message.as_ref().map_or(0, |message| message.size));
            }
        }
        if totals.is_empty() {
            return Ok(());
        }
        let mut inboxes = self.advance_inboxes(&totals).await?;
        for intake in intakes {
            let Some(message) = &intake.message else { continue };
            for mailbox in &intake.deliveries {
                let inbox = inboxes.get_mut(mailbox).ok_or(StoreError::NotFound("mailbox"))?;
                self.entries.push(EntryRow { keywords: intake.keywords.clone(), ..inbox.next_entry(message) });
            }
        }
        for (mailbox, inbox) in inboxes {
            self.tell(Change::Folder(mailbox, inbox.folder));
        }
        Ok(())
    }

    async fn advance_inboxes(
        &mut self,
        totals: &BTreeMap<MailboxId, (u32, i64)>,
    ) -> Result<BTreeMap<MailboxId, Inbox>> {
        let triples = totals.iter().map(|(mailbox, (count, bytes))| format!("[{mailbox},{count},{bytes}]"));
        let list = json_numbers(triples);
        let rows = self.begin_with(BEGIN_AND_ADVANCE, ADVANCE, list).await?;
        rows.iter().map(|row| Inbox::after(Row::new(row, "folders"), totals)).collect()
    }
}

fn relays_of(intakes: &[Arc<Intake>]) -> Vec<(&MessageRow, &RelayRow)> {
    let messages = intakes.iter().filter_map(|intake| Some((intake.message.as_deref()?, &intake.relays)));
    messages.flat_map(|(message, relays)| relays.iter().map(move |relay| (message, relay))).collect()
}

const BEGIN: &str = "BEGIN IMMEDIATE";

/// Moves the counters of INBOXes and adds to what their mailboxes hold: `[mailbox, messages, bytes]` each. One call,
/// because each costs two changes of thread.
macro_rules! advance {
    ($begin:literal) => {
        concat!(
            $begin,
            "UPDATE folders SET uid_next = uid_next + t.count, modseq = modseq + 1
             FROM (SELECT value ->> 0 AS mailbox, value ->> 1 AS count FROM json_each(?1)) AS t
             WHERE folders.mailbox_id = t.mailbox AND folders.name = 'INBOX'
             RETURNING id, mailbox_id, uid_next, modseq;
             UPDATE mailboxes SET used_bytes = used_bytes + t.bytes
             FROM (SELECT value ->> 0 AS mailbox, value ->> 2 AS bytes FROM json_each(?1)) AS t
             WHERE mailboxes.id = t.mailbox"
        )
    };
}

const ADVANCE: &str = advance!("");
const BEGIN_AND_ADVANCE: &str = advance!("BEGIN IMMEDIATE;");

/// An INBOX that takes the batch's deliveries.
struct Inbox {
    folder: FolderId,
    next: u32,
    modseq: i64,
}

impl Inbox {
    /// From the row after its counters moved.
    fn after(row: Row<'_>, totals: &BTreeMap<MailboxId, (u32, i64)>) -> Result<(MailboxId, Self)> {
        let mailbox = row.mailbox("mailbox_id")?;
        let count = totals.get(&mailbox).map_or(0, |total| total.0);
        let next = row.number::<u32>("uid_next")?.saturating_sub(count);
        Ok((mailbox, Self { folder: row.folder("id")?, next, modseq: row.get("modseq")? }))
    }

    fn next_entry(&mut self, message: &MessageRow) -> EntryRow {
        let uid = self.next;
        self.next = self.next.saturating_add(1);
        EntryRow {
            folder: self.folder,
            uid,
            message: message.id,
            flags: 0,
            keywords: None,
            internal_date: message.accepted_at,
            size: message.size,
            modseq: self.modseq,
        }
    }
}

static MESSAGES: Bulk = Bulk::new(
    "INSERT INTO messages (id, accepted_at, sender, parameters, size, key_id, wrapped_key, body, arrival)",
    9,
);

fn bind_message<'r>(sql: Sql<'r>, row: &'r MessageRow) -> Sql<'r> {
    sql.bind(&row.id[..])
        .bind(row.accepted_at)
        .bind(row.sender.as_deref())
        .bind(row.parameters.as_deref())
        .bind(row.size)
        .bind(&row.key_id[..])
        .bind(row.wrapped_key.as_slice())
        .bind(row.body())
        .bind(row.arrival.as_ref().map(|key| &key[..]))
}

static ENTRIES: Bulk =
    Bulk::new("INSERT INTO entries (folder_id, uid, message_id, flags, keywords, internal_date, size, modseq)", 8);

fn bind_entry<'r>(sql: Sql<'r>, row: &'r EntryRow) -> Sql<'r> {
    sql.bind(row.folder.0)
        .bind(row.uid)
        .bind(&row.message[..])
        .bind(row.flags)
        .bind(row.keywords.as_deref())
        .bind(row.internal_date)
        .bind(row.size)
        .bind(row.modseq)
}

static QUEUE: Bulk = Bulk::new(
    "INSERT INTO queue (id, message_id, recipient, notify, orcpt, destination, next_attempt_at, claimable_at, expires_at,
                        returned, held, notice)",
    12,
);

fn bind_relay<'r>(sql: Sql<'r>, (message, row): &(&'r MessageRow, &'r RelayRow)) -> Sql<'r> {
    sql.bind(&row.id[..])
        .bind(&message.id[..])
        .bind(row.recipient.as_str())
        .bind(row.notify)
        .bind(row.orcpt.as_deref())
        .bind(row.destination.as_str())
        .bind(row.due_at)
        .bind(row.due_at)
        .bind(row.expires_at)
        .bind(row.returned.as_deref())
        .bind(row.held.as_deref())
        .bind(message.sender.as_deref() == Some(""))
}

static AUDIT: Bulk = Bulk::new("INSERT INTO audit (message_id, event)", 2);

fn bind_audit<'r>(sql: Sql<'r>, (message, leaf): &'r (Option<[u8; 16]>, Vec<u8>)) -> Sql<'r> {
    sql.bind(message.as_ref().map(|id| &id[..])).bind(leaf.as_slice())
}

fn write_error(error: sqlx::Error) -> StoreError {
    database_error("a row could not be written", error)
}
