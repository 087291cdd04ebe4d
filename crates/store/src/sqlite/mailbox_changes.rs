//! What admins change about a mailbox, up to its end.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{MailboxId, RppsId, StructureId};

use super::bulk::Sql;
use super::directory_words;
use super::expunge::references;
use super::intake::AuditRows;
use super::publications;
use super::receipts;
use super::records::{by_id, cause_name};
use super::rows::{micros, size};
use super::space_rows;
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, MailboxChange, MailboxDetails, MailboxRecord, MailboxState, Result, SpaceState, StoreError};

pub(super) struct ChangeMailbox {
    pub(super) mailbox: MailboxId,
    pub(super) change: MailboxChange,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for ChangeMailbox {
    type Output = MailboxRecord;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<MailboxRecord> {
        let after = match &self.change {
            MailboxChange::Delete { address_kept_until } => self.delete(tx, *address_kept_until).await?,
            change => {
                if tx.execute(update(self.mailbox, change, self.now)).await? == 0 {
                    return Err(StoreError::NotFound("mailbox"));
                }
                by_id(tx, self.mailbox).await?
            }
        };
        // In this transaction, so that no change is forgotten (R-BAL-7). What it should be there is looked up later.
        if !matches!(self.change, MailboxChange::Quota(_)) {
            publications::note(tx, &after.mailbox.address, after.is_shown(), self.now).await?;
            directory_words::renew(tx, &after).await?;
        }
        tx.record(&self.audit);
        if !matches!(self.change, MailboxChange::Quota(_)) {
            tx.tell(Change::Access);
        }
        Ok(after)
    }
}

/// The statement of a change: all of it but for a deletion, whose last step it is.
fn update(mailbox: MailboxId, change: &MailboxChange, now: Timestamp) -> Sql<'_> {
    match change {
        MailboxChange::Details(details) => update_details(details),
        MailboxChange::Holder { rpps, structure } => {
            sqlx::query("UPDATE mailboxes SET rpps = ?, structure = ? WHERE id = ?")
                .bind(rpps.as_ref().map(RppsId::as_str))
                .bind(structure.as_ref().map(StructureId::as_str))
        }
        MailboxChange::Quota(quota) => {
            sqlx::query("UPDATE mailboxes SET quota_bytes = ? WHERE id = ?").bind(quota.map(size))
        }
        MailboxChange::Publish => sqlx::query("UPDATE mailboxes SET published = 1 WHERE id = ?"),
        MailboxChange::Unpublish => sqlx::query("UPDATE mailboxes SET published = 0 WHERE id = ?"),
        MailboxChange::Suspend => {
            sqlx::query("UPDATE mailboxes SET suspended_at = coalesce(suspended_at, ?) WHERE id = ?").bind(micros(now))
        }
        MailboxChange::Resume => sqlx::query("UPDATE mailboxes SET suspended_at = NULL WHERE id = ?"),
        MailboxChange::GiveNotice(notice) => {
            sqlx::query("UPDATE mailboxes SET notice_given_at = ?, notice_ends_at = ?, notice_cause = ? WHERE id = ?")
                .bind(micros(notice.given_at))
                .bind(micros(notice.ends_at))
                .bind(cause_name(notice.cause))
        }
        MailboxChange::WithdrawNotice => sqlx::query(
            "UPDATE mailboxes SET notice_given_at = NULL, notice_ends_at = NULL, notice_cause = NULL, objected_at = ?
             WHERE id = ?",
        )
        .bind(micros(now)),
        MailboxChange::Delete { .. } => sqlx::query("DELETE FROM mailboxes WHERE id = ?"),
    }
    .bind(mailbox.0)
}

fn update_details(details: &MailboxDetails) -> Sql<'_> {
    let sql = sqlx::query(
        "UPDATE mailboxes SET display_name = ?, description = ?, service = ?, responsible = ?, unlisted = ?,
            digitisation = ?, rank = ? WHERE id = ?",
    );
    sql.bind(details.display_name.as_str())
        .bind(details.description.as_str())
        .bind(details.service.as_str())
        .bind(details.responsible.as_deref())
        .bind(details.unlisted)
        .bind(details.digitisation)
        .bind(details.rank)
}

/// In this order, so that nothing refers to what is gone.
const EMPTY: [&str; 8] = [
    "DELETE FROM vanished WHERE folder_id IN (SELECT id FROM folders WHERE mailbox_id = ?1)",
    "DELETE FROM folders WHERE mailbox_id = ?1",
    "DELETE FROM subscriptions WHERE mailbox_id = ?1",
    "DELETE FROM received WHERE mailbox_id = ?1",
    "DELETE FROM grants WHERE mailbox_id = ?1",
    "UPDATE credentials SET revoked_at = coalesce(revoked_at, ?2), mailbox_id = NULL WHERE mailbox_id = ?1",
    // The address may have been another mailbox's before.
    "DELETE FROM former_addresses WHERE address_key = (SELECT address_key FROM mailboxes WHERE id = ?1)",
    "INSERT INTO former_addresses (address_key, mailbox_id, address, domain, kind, rpps, structure, display_name,
        description, service, responsible, unlisted, digitisation, rank, created_at, last_sign_in_at, objected_at,
        deleted_at, kept_until)
     SELECT address_key, id, address, domain, kind, rpps, structure, display_name, description, service, responsible,
        unlisted, digitisation, rank, created_at, last_sign_in_at, objected_at, ?2, ?3
     FROM mailboxes WHERE id = ?1",
];

impl ChangeMailbox {
    async fn delete(&self, tx: &mut Tx<'_>, kept_until: Timestamp) -> Result<MailboxRecord> {
        let before = by_id(tx, self.mailbox).await?;
        if before.notice.is_some() && before.standing_notice().is_none() {
            return Err(StoreError::Conflict("someone has signed in to the mailbox since it was given notice"));
        }
        let entries = sqlx::query(
            "DELETE FROM entries WHERE folder_id IN (SELECT id FROM folders WHERE mailbox_id = ?)
             RETURNING uid, message_id, size",
        );
        let gone = tx.change(entries.bind(self.mailbox.0)).await?;
        let (mut messages, _) = references(&gone)?;
        messages.extend(receipts::forget_all(tx, self.mailbox).await?);
        tx.drop_unreferenced(&messages).await?;
        for text in EMPTY {
            let sql = sqlx::query(text).bind(self.mailbox.0).bind(micros(self.now)).bind(micros(kept_until));
            tx.execute(sql).await?;
        }
        // The space outlives its mailbox, closed: open, the next message would make the mailbox again.
        if let Some(patient) = space_rows::patient_of_mailbox(tx, self.mailbox).await? {
            space_rows::follow_mailbox(tx, &patient, SpaceState::Closed).await?;
        }
        tx.execute(update(self.mailbox, &self.change, self.now)).await?;
        tx.tell(Change::Folders(self.mailbox));
        let mut mailbox = before.mailbox;
        (mailbox.state, mailbox.quota_bytes, mailbox.used_bytes) = (MailboxState::Closed, None, 0);
        let (deleted_at, address_kept_until) = (Some(self.now), Some(kept_until));
        let (suspended_at, notice) = (None, None);
        Ok(MailboxRecord { mailbox, deleted_at, address_kept_until, published: false, suspended_at, notice, ..before })
    }
}

pub(super) struct ForgetFormerAddresses {
    pub(super) now: Timestamp,
}

#[async_trait]
impl Write for ForgetFormerAddresses {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        tx.execute(sqlx::query("DELETE FROM former_addresses WHERE kept_until <= ?").bind(micros(self.now))).await
    }
}
