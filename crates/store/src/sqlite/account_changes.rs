//! What admins change about accounts, their grants and their credentials.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{AccountId, CredentialId, DistinguishedName, MailboxId, RppsId};

use super::account_records::{account_kind_name, credential_kind_name};
use super::accounts::name_key;
use super::intake::AuditRows;
use super::rows::{Row, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::app_password::Digest;
use crate::{AccountChange, Change, CredentialKind, NewAccount, Result, StoreError};

/// Credentials of one account that open something, and mailboxes that it opens: each is listed whole.
const CREDENTIALS_MAX: i64 = 200;
const GRANTS_MAX: i64 = 1000;

pub(super) struct AddAccount {
    pub(super) new: NewAccount,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for AddAccount {
    type Output = AccountId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccountId> {
        let sql = sqlx::query(
            "INSERT INTO accounts (name, name_key, kind, rpps, display_name, created_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (name_key) DO NOTHING RETURNING id",
        );
        let NewAccount { name, kind, rpps, display_name } = &self.new;
        check_professional(tx, rpps.as_ref(), None).await?;
        let sql = sql.bind(name.as_str()).bind(name_key(name)).bind(account_kind_name(*kind));
        let sql = sql.bind(rpps.as_ref().map(RppsId::as_str)).bind(display_name.as_deref()).bind(micros(self.now));
        let rows = tx.change(sql).await?;
        let row = rows.first().ok_or(StoreError::Conflict("there is an account with this name already"))?;
        tx.record(&self.audit);
        Row::new(row, "accounts").get("id").map(AccountId)
    }
}

pub(super) struct ChangeAccount {
    pub(super) account: AccountId,
    pub(super) change: AccountChange,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for ChangeAccount {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let id = self.account.0;
        check_account(tx, self.account).await?;
        match &self.change {
            AccountChange::Details { rpps, display_name } => {
                check_professional(tx, rpps.as_ref(), Some(self.account)).await?;
                let sql = sqlx::query("UPDATE accounts SET rpps = ?, display_name = ? WHERE id = ?");
                let sql = sql.bind(rpps.as_ref().map(RppsId::as_str)).bind(display_name.as_deref());
                tx.execute(sql.bind(id)).await?;
            }
            AccountChange::Disable => set_disabled(tx, self.account, true).await?,
            AccountChange::Enable => set_disabled(tx, self.account, false).await?,
            AccountChange::Remove => {
                for text in REMOVE {
                    tx.execute(sqlx::query(text).bind(id)).await?;
                }
            }
            AccountChange::Grant { mailbox, default } => self.grant(tx, *mailbox, *default, false).await?,
            AccountChange::Help { mailbox, default } => self.grant(tx, *mailbox, *default, true).await?,
            AccountChange::Revoke { mailbox } => self.revoke(tx, *mailbox).await?,
        }
        tx.record(&self.audit);
        tx.tell(Change::Access);
        Ok(())
    }
}

/// In this order, so that nothing refers to what is gone.
const REMOVE: [&str; 3] = [
    "DELETE FROM grants WHERE account_id = ?",
    "DELETE FROM credentials WHERE account_id = ?",
    "DELETE FROM accounts WHERE id = ?",
];

async fn check_account(tx: &mut Tx<'_>, account: AccountId) -> Result<()> {
    let found = tx.fetch_one(sqlx::query("SELECT id FROM accounts WHERE id = ?").bind(account.0)).await?;
    found.map(drop).ok_or(StoreError::NotFound("account"))
}

/// A token names a professional, who must be one account's. One that shared a number before may keep it.
async fn check_professional(tx: &mut Tx<'_>, rpps: Option<&RppsId>, account: Option<AccountId>) -> Result<()> {
    let Some(rpps) = rpps else { return Ok(()) };
    let sql = sqlx::query(
        "SELECT id FROM accounts WHERE rpps = ?1 AND NOT EXISTS (SELECT 1 FROM accounts WHERE id = ?2 AND rpps = ?1)
         LIMIT 1",
    );
    match tx.fetch_one(sql.bind(rpps.as_str()).bind(account.map(|account| account.0))).await? {
        Some(_) => Err(StoreError::Conflict("the professional has an account already")),
        None => Ok(()),
    }
}

async fn set_disabled(tx: &mut Tx<'_>, account: AccountId, disabled: bool) -> Result<()> {
    let sql = sqlx::query("UPDATE accounts SET disabled = ? WHERE id = ?");
    tx.execute(sql.bind(disabled).bind(account.0)).await.map(drop)
}

impl ChangeAccount {
    async fn grant(&self, tx: &mut Tx<'_>, mailbox: MailboxId, default: bool, helper: bool) -> Result<()> {
        let sql = sqlx::query(
            "SELECT m.id, (SELECT count(*) FROM grants WHERE account_id = ?2) AS grants FROM mailboxes AS m WHERE m.id = ?1",
        );
        let row = tx.fetch_one(sql.bind(mailbox.0).bind(self.account.0)).await?;
        let row = row.ok_or(StoreError::NotFound("mailbox"))?;
        let others: i64 = Row::new(&row, "grants").get("grants")?;
        if others >= GRANTS_MAX {
            return Err(StoreError::Conflict("the account opens as many mailboxes as it may"));
        }
        let default = default || others == 0;
        if default {
            let sql = sqlx::query("UPDATE grants SET is_default = 0 WHERE account_id = ? AND is_default");
            tx.execute(sql.bind(self.account.0)).await?;
        }
        // A grant that is the default already stays so: another must be made it instead.
        let sql = sqlx::query(
            "INSERT INTO grants (account_id, mailbox_id, is_default, is_helper) VALUES (?, ?, ?, ?)
             ON CONFLICT (account_id, mailbox_id)
             DO UPDATE SET is_default = max(is_default, excluded.is_default), is_helper = excluded.is_helper",
        );
        tx.execute(sql.bind(self.account.0).bind(mailbox.0).bind(default).bind(helper)).await.map(drop)
    }

    async fn revoke(&self, tx: &mut Tx<'_>, mailbox: MailboxId) -> Result<()> {
        let sql = sqlx::query("DELETE FROM grants WHERE account_id = ? AND mailbox_id = ?");
        if tx.execute(sql.bind(self.account.0).bind(mailbox.0)).await? == 0 {
            return Err(StoreError::NotFound("grant"));
        }
        let sql = sqlx::query(
            "UPDATE credentials SET revoked_at = coalesce(revoked_at, ?) WHERE account_id = ? AND mailbox_id = ?",
        );
        tx.execute(sql.bind(micros(self.now)).bind(self.account.0).bind(mailbox.0)).await.map(drop)
    }
}

/// A [`crate::NewCredential`] as it is kept.
pub(super) enum Proof {
    Password {
        /// In the PHC string format.
        hash: String,
    },
    AppPassword {
        mailbox: MailboxId,
        label: String,
        digest: Digest,
        expires_at: Option<Timestamp>,
    },
    Certificate(DistinguishedName),
}

pub(super) struct AddCredential {
    pub(super) account: AccountId,
    pub(super) proof: Proof,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for AddCredential {
    type Output = CredentialId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CredentialId> {
        check_account(tx, self.account).await?;
        let sql = sqlx::query("SELECT count(*) AS count FROM credentials WHERE account_id = ? AND revoked_at IS NULL");
        let row = tx.fetch_one(sql.bind(self.account.0)).await?.ok_or(StoreError::NotFound("account"))?;
        if Row::new(&row, "credentials").get::<i64>("count")? >= CREDENTIALS_MAX {
            return Err(StoreError::Conflict("the account has as many credentials as it may have"));
        }
        let id = match &self.proof {
            Proof::Password { hash } => self.password(tx, hash).await?,
            Proof::AppPassword { mailbox, label, digest, expires_at } => {
                self.app_password(tx, *mailbox, label, digest, *expires_at).await?
            }
            Proof::Certificate(name) => self.certificate(tx, name).await?,
        };
        tx.record(&self.audit);
        Ok(id)
    }
}

impl AddCredential {
    /// Replaces the one before, whose sessions end.
    async fn password(&self, tx: &mut Tx<'_>, hash: &str) -> Result<CredentialId> {
        let sql = sqlx::query(
            "UPDATE credentials SET revoked_at = ? WHERE account_id = ? AND kind = 'password' AND revoked_at IS NULL",
        );
        if tx.execute(sql.bind(micros(self.now)).bind(self.account.0)).await? > 0 {
            tx.tell(Change::Access);
        }
        let sql = sqlx::query(
            "INSERT INTO credentials (account_id, kind, created_at, password_hash) VALUES (?, ?, ?, ?) RETURNING id",
        );
        let sql = sql.bind(self.account.0).bind(credential_kind_name(CredentialKind::Password));
        made(tx, sql.bind(micros(self.now)).bind(hash)).await
    }

    async fn app_password(
        &self,
        tx: &mut Tx<'_>,
        mailbox: MailboxId,
        label: &str,
        digest: &Digest,
        expires_at: Option<Timestamp>,
    ) -> Result<CredentialId> {
        let sql = sqlx::query(
            "SELECT m.id, m.kind FROM grants AS g JOIN mailboxes AS m ON m.id = g.mailbox_id
             WHERE g.account_id = ? AND g.mailbox_id = ?",
        );
        let row = tx.fetch_one(sql.bind(self.account.0).bind(mailbox.0)).await?;
        let row = row.ok_or(StoreError::Conflict("the account does not open this mailbox"))?;
        if Row::new(&row, "mailboxes").get::<&str>("kind")? == "APP" {
            return Err(StoreError::Conflict("an APP mailbox is opened by certificate only"));
        }
        let sql = sqlx::query(
            "INSERT INTO credentials (account_id, kind, created_at, mailbox_id, label, digest, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        );
        let sql = sql.bind(self.account.0).bind(credential_kind_name(CredentialKind::AppPassword));
        let sql = sql.bind(micros(self.now)).bind(mailbox.0).bind(label).bind(&digest[..]);
        made(tx, sql.bind(expires_at.map(micros))).await
    }

    /// A certificate opens one account.
    async fn certificate(&self, tx: &mut Tx<'_>, name: &DistinguishedName) -> Result<CredentialId> {
        let key = name.key();
        let sql = sqlx::query("SELECT id FROM credentials WHERE certificate_key = ? AND revoked_at IS NULL");
        if tx.fetch_one(sql.bind(key.as_str())).await?.is_some() {
            return Err(StoreError::Conflict("there is an account with this certificate already"));
        }
        let sql = sqlx::query(
            "INSERT INTO credentials (account_id, kind, created_at, certificate, certificate_key)
             VALUES (?, ?, ?, ?, ?) RETURNING id",
        );
        let sql = sql.bind(self.account.0).bind(credential_kind_name(CredentialKind::Certificate));
        made(tx, sql.bind(micros(self.now)).bind(name.to_string()).bind(key)).await
    }
}

async fn made(tx: &mut Tx<'_>, sql: super::bulk::Sql<'_>) -> Result<CredentialId> {
    let rows = tx.change(sql).await?;
    let row = rows.first().ok_or(StoreError::NotFound("account"))?;
    Row::new(row, "credentials").get("id").map(CredentialId)
}

pub(super) struct RevokeCredential {
    pub(super) credential: CredentialId,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for RevokeCredential {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = sqlx::query("UPDATE credentials SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL");
        if tx.execute(sql.bind(micros(self.now)).bind(self.credential.0)).await? == 0 {
            return Err(StoreError::NotFound("credential"));
        }
        tx.record(&self.audit);
        tx.tell(Change::Access);
        Ok(())
    }
}
