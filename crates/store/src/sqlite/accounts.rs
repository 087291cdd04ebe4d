//! Accounts and signing in.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{AccountId, DistinguishedName, MailAddress, MailboxId, RppsId, Secret};

use super::SqliteStore;
use super::intake::{AuditRows, audit_rows};
use super::mailboxes::mailbox;
use super::rows::{Row, database_error};
use super::tx::Tx;
use super::writer::Write;
use crate::{Account, Accounts, Mailbox, MailboxState, NewAccount, NewCredential, Result, StoreError};

#[async_trait]
impl Accounts for SqliteStore {
    async fn add_account(&self, new: NewAccount, audit: Vec<Event>) -> Result<AccountId> {
        let proof = match new.credential {
            NewCredential::Password(password) => Proof::Password(self.hash(password).await?),
            NewCredential::Certificate(name) => Proof::Certificate(name),
        };
        self.write(AddAccount { name: new.name, mailbox: new.mailbox, proof, audit: audit_rows(&audit) }).await
    }

    async fn sign_in_with_password(&self, name: &str, password: &Secret<String>) -> Result<Option<Account>> {
        let sql = sqlx::query(
            "SELECT a.id, a.password_hash, m.id AS mailbox_id, m.address, m.kind, m.state, m.quota_bytes, m.used_bytes
             FROM accounts AS a JOIN mailboxes AS m ON m.id = a.mailbox_id WHERE a.name_key = ?",
        );
        let row = self.readers.one(sql.bind(name_key(name))).await.map_err(read_error)?;
        let row = row.as_ref().map(|row| Row::new(row, "accounts"));
        let hash = row.map(|row| row.get::<Option<String>>("password_hash")).transpose()?.flatten();
        let fits = self.verify(password.clone(), hash).await?;
        match row {
            Some(row) if fits => account(row),
            _ => Ok(None),
        }
    }

    async fn sign_in_with_certificate(&self, name: &DistinguishedName) -> Result<Option<Account>> {
        // Few mailboxes are opened by certificate (APP), and names are equal in ways that no index knows.
        let sql = sqlx::query(
            "SELECT a.id, a.certificate, m.id AS mailbox_id, m.address, m.kind, m.state, m.quota_bytes, m.used_bytes
             FROM accounts AS a JOIN mailboxes AS m ON m.id = a.mailbox_id WHERE a.certificate IS NOT NULL",
        );
        let rows = self.readers.all(sql).await.map_err(read_error)?;
        for row in rows.iter().map(|row| Row::new(row, "accounts")) {
            if row.parse("certificate", DistinguishedName::parse)? == *name {
                return account(row);
            }
        }
        Ok(None)
    }

    async fn sign_in_as_professional(&self, rpps: &RppsId, address: Option<&MailAddress>) -> Result<Option<Account>> {
        let sql = sqlx::query(
            "SELECT id AS mailbox_id, address, kind, state, quota_bytes, used_bytes FROM mailboxes
             WHERE rpps = ?1 AND kind = 'PER' AND (?2 IS NULL OR address_key = ?2) LIMIT 2",
        );
        let sql = sql.bind(rpps.as_str()).bind(address.map(MailAddress::key));
        let rows = self.readers.all(sql).await.map_err(read_error)?;
        // Of several, which one he means must be said.
        let [row] = rows.as_slice() else { return Ok(None) };
        Ok(may_sign_in(None, mailbox(Row::new(row, "mailboxes"))?))
    }
}

/// An account that may sign in: not while its mailbox is suspended.
fn account(row: Row<'_>) -> Result<Option<Account>> {
    let mailbox = mailbox(row.of("mailboxes", "mailbox_id"))?;
    Ok(may_sign_in(Some(row.get("id").map(AccountId)?), mailbox))
}

fn may_sign_in(id: Option<AccountId>, mailbox: Mailbox) -> Option<Account> {
    (mailbox.state != MailboxState::Suspended).then_some(Account { id, mailbox })
}

/// How names are compared: as addresses are, so that `Dr.X@Example.test` signs in to `dr.x@example.test`.
fn name_key(name: &str) -> String {
    MailAddress::parse(name).map_or_else(|_| name.to_lowercase(), |address| address.key())
}

enum Proof {
    /// In the PHC string format.
    Password(String),
    Certificate(DistinguishedName),
}

struct AddAccount {
    name: String,
    mailbox: MailboxId,
    proof: Proof,
    audit: AuditRows,
}

#[async_trait]
impl Write for AddAccount {
    type Output = AccountId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccountId> {
        let found = tx.fetch_one(sqlx::query("SELECT id FROM mailboxes WHERE id = ?").bind(self.mailbox.0)).await?;
        if found.is_none() {
            return Err(StoreError::NotFound("mailbox"));
        }
        let (password_hash, certificate) = match &self.proof {
            Proof::Password(hash) => (Some(hash.as_str()), None),
            Proof::Certificate(name) => {
                check_certificate_free(tx, name).await?;
                (None, Some(name.to_string()))
            }
        };
        let sql = sqlx::query(
            "INSERT INTO accounts (name, name_key, mailbox_id, password_hash, certificate) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (name_key) DO NOTHING RETURNING id",
        );
        let sql = sql.bind(self.name.as_str()).bind(name_key(&self.name)).bind(self.mailbox.0);
        let rows = tx.change(sql.bind(password_hash).bind(certificate)).await?;
        let row = rows.first().ok_or(StoreError::Conflict("there is an account with this name already"))?;
        tx.record(&self.audit);
        Row::new(row, "accounts").get("id").map(AccountId)
    }
}

/// A certificate opens one mailbox.
async fn check_certificate_free(tx: &mut Tx<'_>, name: &DistinguishedName) -> Result<()> {
    let sql = sqlx::query("SELECT id, certificate FROM accounts WHERE certificate IS NOT NULL");
    for row in &tx.fetch(sql).await? {
        if Row::new(row, "accounts").parse("certificate", DistinguishedName::parse)? == *name {
            return Err(StoreError::Conflict("there is an account with this certificate already"));
        }
    }
    Ok(())
}

impl SqliteStore {
    async fn hash(&self, password: Secret<String>) -> Result<String> {
        self.off_thread(move || hash(&password))
            .await?
            .ok_or_else(|| StoreError::unavailable("a password could not be hashed"))
    }

    /// Does the password fit? Without a hash (no such account) the answer is no, after the same time.
    async fn verify(&self, password: Secret<String>, hash: Option<String>) -> Result<bool> {
        self.off_thread(move || {
            let fits = fits(&password, hash.as_deref().unwrap_or(NOBODY));
            fits && hash.is_some()
        })
        .await
    }

    /// Runs work on passwords, a few at a time, where it keeps nobody waiting.
    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let closed = || StoreError::unavailable("passwords cannot be checked any more");
        let permit = self.password_checks.clone().acquire_owned().await.map_err(|_| closed())?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by who waits for it: he may go away.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| closed())
    }
}

/// A hash of nothing that anybody knows, with the parameters of all others.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IHNpZ25zIGlu$YeUzVWVXVmLcIWBnEAcdrEkDFPnYAEdRj7a/rzvuEWA";

/// argon2id with the parameters that OWASP names first for little memory: 19 MiB, 2 passes, 1 lane.
fn hash(password: &Secret<String>) -> Option<String> {
    let hash = Argon2::default().hash_password(password.reveal().as_bytes()).ok()?;
    Some(hash.to_string())
}

fn fits(password: &Secret<String>, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.reveal().as_bytes(), &hash).is_ok())
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("an account could not be read", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_kept_as_argon2id_with_the_stated_cost() {
        let password = Secret::new("correct horse".to_owned());
        let kept = hash(&password).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(fits(&password, &kept));
        assert!(!fits(&Secret::new("wrong".to_owned()), &kept));
        assert!(!fits(&password, "not a hash"));
        assert_ne!(kept, hash(&password).unwrap(), "salted");
        // An unknown name costs the same, so its hash must be well-formed and have the same parameters.
        assert_eq!(PasswordHash::new(NOBODY).unwrap().params, PasswordHash::new(&kept).unwrap().params);
    }

    #[test]
    fn names_are_compared_as_addresses() {
        assert_eq!(name_key("Dr.X@Example.Test"), "dr.x@example.test");
        assert_eq!(name_key("Admin"), "admin");
    }
}
