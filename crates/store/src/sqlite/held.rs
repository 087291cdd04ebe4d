//! What is held: `release`, `drop_held`, and how much of it there is.

use async_trait::async_trait;
use pli_failpoint::failpoint;
use pli_types::{MailboxId, MessageId, QueueId};

use super::contact_turns::{self, TurnRow};
use super::entries::advance;
use super::flags::keywords_text;
use super::intake::AuditRows;
use super::mailboxes::take_space;
use super::readers::Readers;
use super::received::{self, CorrespondenceRow};
use super::rows::{Row, database_error, micros};
use super::story_steps::{self, Which};
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, HeldBacklog, PartyState, Release, Result, StoreError};

/// How much is held.
pub(super) async fn backlog(readers: &Readers) -> Result<HeldBacklog> {
    let sql =
        sqlx::query("SELECT count(*) AS waiting, min(expires_at) AS expires_at FROM queue WHERE held IS NOT NULL");
    let row = readers.one(sql).await.map_err(|error| database_error("the queue could not be read", error))?;
    let Some(row) = row.as_ref().map(|row| Row::new(row, "queue")) else { return Ok(HeldBacklog::default()) };
    let first_expires_at = match row.get::<Option<i64>>("expires_at")? {
        Some(_) => Some(row.instant("expires_at")?),
        None => None,
    };
    Ok(HeldBacklog { waiting: row.number("waiting")?, first_expires_at })
}

fn not_held() -> StoreError {
    StoreError::NotFound("held queue row")
}

pub(super) struct LetGo {
    pub(super) row: QueueId,
    pub(super) release: Release,
    pub(super) now: i64,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for LetGo {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        match &self.release {
            Release::Relay { expires_at } => self.relay(tx, micros(*expires_at)).await?,
            Release::Deliver { mailbox, keywords, contacts, correspondence } => {
                let message = self.deliver(tx, *mailbox, keywords_text(keywords)).await?;
                let turns: Vec<TurnRow> = contacts.iter().map(TurnRow::new).collect();
                contact_turns::settle(tx, &turns.iter().collect::<Vec<_>>()).await?;
                if let Some(correspondence) = correspondence {
                    let row = CorrespondenceRow::new(correspondence);
                    received::remember(tx, *mailbox, message, self.now, &row).await?;
                }
            }
        }
        failpoint!("store.release.run", StoreError::unavailable("a failpoint"));
        tx.record(&self.audit);
        Ok(())
    }
}

impl LetGo {
    async fn relay(&self, tx: &mut Tx<'_>, expires_at: i64) -> Result<()> {
        let sql = sqlx::query(
            "UPDATE queue SET held = NULL, next_attempt_at = ?1, claimable_at = ?1, expires_at = ?2, steps = 0
             WHERE id = ?3 AND held IS NOT NULL AND NOT leased RETURNING id, message_id",
        );
        let sql = sql.bind(self.now).bind(expires_at).bind(&self.row.as_bytes()[..]);
        let rows = tx.change(sql).await?;
        let row = rows.first().ok_or_else(not_held)?;
        story_steps::free(tx, Row::new(row, "queue").message("message_id")?, self.row, None, self.now).await?;
        tx.tell(Change::Queue);
        Ok(())
    }

    /// The row becomes an entry, as [`Tx::deliver`] makes one of a new message.
    async fn deliver(&self, tx: &mut Tx<'_>, mailbox: MailboxId, keywords: Option<String>) -> Result<MessageId> {
        let sql = sqlx::query(
            "SELECT m.id AS message_id, m.size, f.id AS folder_id
             FROM queue AS q JOIN messages AS m ON m.id = q.message_id
                  JOIN folders AS f ON f.mailbox_id = ?1 AND f.name = 'INBOX'
             WHERE q.id = ?2 AND q.held IS NOT NULL AND NOT q.leased",
        );
        let found = tx.fetch_one(sql.bind(mailbox.0).bind(&self.row.as_bytes()[..])).await?.ok_or_else(not_held)?;
        let found = Row::new(&found, "queue");
        let (message, size, folder) = (found.message("message_id")?, found.get("size")?, found.folder("folder_id")?);
        take_space(tx, mailbox, size).await?;
        let (uid, modseq) = advance(tx, folder, 1).await?;
        let sql = sqlx::query(
            "INSERT INTO entries (folder_id, uid, message_id, flags, keywords, internal_date, size, modseq)
             VALUES (?, ?, ?, 0, ?, ?, ?, ?)",
        );
        let sql = sql.bind(folder.0).bind(uid).bind(&message.as_bytes()[..]).bind(keywords.as_deref());
        tx.execute(sql.bind(self.now).bind(size).bind(modseq)).await?;
        let gone = sqlx::query("DELETE FROM queue WHERE id = ?");
        tx.execute(gone.bind(&self.row.as_bytes()[..])).await?;
        story_steps::free(tx, message, self.row, Some(mailbox), self.now).await?;
        let which = Which::Row(self.row);
        story_steps::advance(tx, message, which, PartyState::Delivered, self.now, None).await?;
        tx.tell(Change::Folder(mailbox, folder));
        Ok(message)
    }
}

pub(super) struct GiveBack {
    pub(super) row: QueueId,
    pub(super) now: i64,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for GiveBack {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        // A row whose time is over is leased for its report: it is on its way back already.
        let sql = sqlx::query(
            "UPDATE queue SET returned = held, held = NULL, next_attempt_at = ?1, claimable_at = ?1, expires_at = ?1
             WHERE id = ?2 AND held IS NOT NULL AND NOT leased",
        );
        if tx.execute(sql.bind(self.now).bind(&self.row.as_bytes()[..])).await? == 0 {
            return Err(not_held());
        }
        failpoint!("store.drop-held.run", StoreError::unavailable("a failpoint"));
        tx.record(&self.audit);
        tx.tell(Change::Queue);
        Ok(())
    }
}

/// An admin holds a row that waits. One that somebody is trying right now is left alone.
pub(super) struct Hold {
    pub(super) row: QueueId,
    pub(super) reason: String,
    pub(super) now: i64,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for Hold {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = sqlx::query(
            "UPDATE queue SET held = ?1, next_attempt_at = expires_at, claimable_at = expires_at, leased = 0,
                lease_token = lease_token + 1, asked = 0
             WHERE id = ?2 AND held IS NULL AND returned IS NULL AND expires_at > ?3
                AND NOT (leased AND claimable_at > ?3)
             RETURNING id, message_id",
        );
        let sql = sql.bind(self.reason.as_str()).bind(&self.row.as_bytes()[..]);
        let rows = tx.change(sql.bind(self.now)).await?;
        let message = Row::new(rows.first().ok_or_else(not_waiting)?, "queue").message("message_id")?;
        let (which, reason) = (Which::Row(self.row), Some(self.reason.clone()));
        story_steps::advance(tx, message, which, PartyState::Held, self.now, reason).await?;
        tx.record(&self.audit);
        Ok(())
    }
}

/// An admin gives a row that waits back to its sender. One that somebody is trying right now is left alone.
pub(super) struct Abandon {
    pub(super) row: QueueId,
    pub(super) reason: String,
    pub(super) now: i64,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for Abandon {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = sqlx::query(
            "UPDATE queue SET returned = ?1, next_attempt_at = ?3, claimable_at = ?3, expires_at = ?3, leased = 0,
                lease_token = lease_token + 1
             WHERE id = ?2 AND held IS NULL AND returned IS NULL AND NOT (leased AND claimable_at > ?3)",
        );
        let sql = sql.bind(self.reason.as_str()).bind(&self.row.as_bytes()[..]);
        if tx.execute(sql.bind(self.now)).await? == 0 {
            return Err(not_waiting());
        }
        tx.record(&self.audit);
        tx.tell(Change::Queue);
        Ok(())
    }
}

fn not_waiting() -> StoreError {
    StoreError::NotFound("waiting queue row")
}
