//! When someone last signed in, to the hour.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pli_types::{AccountId, CredentialId, MailboxId};

use super::readers::Readers;
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::{Account, Change, Result};

/// A sign-in this soon after the last one need not be kept.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct NoteSignIn {
    mailbox: MailboxId,
    account: Option<AccountId>,
    credential: Option<CredentialId>,
    at: Timestamp,
}

impl NoteSignIn {
    pub(super) fn new(account: &Account, at: Timestamp) -> Self {
        Self { mailbox: account.mailbox.id, account: account.id, credential: account.credential, at }
    }

    /// Asked beside the writer, so that a client that signs in every minute costs it nothing.
    pub(super) async fn is_worth_writing(&self, readers: &Readers) -> Result<bool> {
        let sql = sqlx::query(
            "SELECT m.id,
                    coalesce(m.notice_cause = 'inactivity' AND coalesce(m.last_sign_in_at, 0) < m.notice_given_at, 0)
                        AS noticed,
                    coalesce(m.last_sign_in_at, 0) < ?2
                        OR EXISTS (SELECT 1 FROM accounts WHERE id = ?3 AND coalesce(last_sign_in_at, 0) < ?2)
                        OR EXISTS (SELECT 1 FROM credentials WHERE id = ?4 AND coalesce(last_used_at, 0) < ?2) AS due
             FROM mailboxes AS m WHERE m.id = ?1",
        );
        let an_hour_ago = self.at.saturating_sub(HOUR).unwrap_or(Timestamp::MIN);
        let sql = sql.bind(self.mailbox.0).bind(micros(an_hour_ago));
        let sql = sql.bind(self.account.map(|id| id.0)).bind(self.credential.map(|id| id.0));
        let row = readers.one(sql).await;
        let row = row.map_err(|error| database_error("the last sign-in could not be read", error))?;
        // Without a mailbox any more there is nothing to keep.
        let Some(row) = row else { return Ok(false) };
        let row = Row::new(&row, "mailboxes");
        Ok(row.get("noticed")? || row.get("due")?)
    }
}

#[async_trait]
impl Write for NoteSignIn {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let at = micros(self.at);
        // A clock that was set back loses nothing.
        let mailbox = sqlx::query(
            "UPDATE mailboxes SET last_sign_in_at = max(coalesce(last_sign_in_at, 0), ?1) WHERE id = ?2
             RETURNING id, coalesce(notice_cause = 'inactivity' AND last_sign_in_at >= notice_given_at, 0) AS answered",
        );
        let rows = tx.change(mailbox.bind(at).bind(self.mailbox.0)).await?;
        for row in &rows {
            if Row::new(row, "mailboxes").get("answered")? {
                tx.tell(Change::Access);
            }
        }
        if let Some(account) = self.account {
            let sql =
                sqlx::query("UPDATE accounts SET last_sign_in_at = max(coalesce(last_sign_in_at, 0), ?) WHERE id = ?");
            tx.execute(sql.bind(at).bind(account.0)).await?;
        }
        if let Some(credential) = self.credential {
            let sql =
                sqlx::query("UPDATE credentials SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?");
            tx.execute(sql.bind(at).bind(credential.0)).await?;
        }
        Ok(())
    }
}
