//! Signing in: what someone has proven, what is granted, and so what opens.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{AccountId, CredentialId, DistinguishedName, MailAddress, MailboxId, RppsId, Secret, StructureId};
use sqlx::sqlite::SqliteRow;
use subtle::ConstantTimeEq;

use super::SqliteStore;
use super::bulk::Sql;
use super::mailboxes::{mailbox, mailbox_columns};
use super::rows::{Row, database_error, micros, some};
use super::standing::NoteSignIn;
use crate::app_password::{self, Digest};
use crate::{Account, Accounts, Mailbox, MailboxKind, MailboxState, Result, StoreError};

#[async_trait]
impl Accounts for SqliteStore {
    async fn sign_in_with_password(
        &self,
        name: &str,
        acts_for: Option<&MailAddress>,
        password: &Secret<String>,
    ) -> Result<Option<Account>> {
        if let Some(digest) = app_password::digest(password)
            && let Some(account) = self.by_app_password(name, acts_for, &digest).await?
        {
            return Ok(Some(account));
        }
        let sql = sqlx::query(
            "SELECT a.id, a.name, a.disabled, c.id AS credential_id, c.password_hash
             FROM accounts AS a LEFT JOIN credentials AS c
                ON c.account_id = a.id AND c.kind = 'password' AND c.revoked_at IS NULL
             WHERE a.name_key = ? LIMIT 1",
        );
        let row = self.readers.one(sql.bind(name_key(name))).await.map_err(read_error)?;
        let row = row.as_ref().map(|row| Row::new(row, "accounts"));
        let hash = row.map(|row| row.get::<Option<String>>("password_hash")).transpose()?.flatten();
        let fits = self.verify(password.clone(), hash).await?;
        match row {
            Some(row) if fits && !row.get::<bool>("disabled")? => self.admit(row, acts_for, Way::Password).await,
            _ => Ok(None),
        }
    }

    async fn sign_in_with_certificate(
        &self,
        name: &DistinguishedName,
        acts_for: Option<&MailAddress>,
    ) -> Result<Option<Account>> {
        let sql = sqlx::query(
            "SELECT a.id, a.name, c.id AS credential_id FROM credentials AS c JOIN accounts AS a ON a.id = c.account_id
             WHERE c.certificate_key = ? AND c.revoked_at IS NULL AND NOT a.disabled",
        );
        let row = self.readers.one(sql.bind(name.key())).await.map_err(read_error)?;
        match row {
            Some(row) => self.admit(Row::new(&row, "accounts"), acts_for, Way::Certificate(name)).await,
            None => Ok(None),
        }
    }

    async fn sign_in_as_professional(&self, rpps: &RppsId, acts_for: Option<&MailAddress>) -> Result<Option<Account>> {
        let open = self.open_to_professional(rpps).await?;
        let Some(chosen) = choose(&open, acts_for) else { return Ok(None) };
        let (id, name) = match &chosen.through {
            Some((id, name)) => (Some(*id), name.clone()),
            None => (None, rpps.to_string()),
        };
        Ok(Some(Account {
            id,
            name,
            credential: None,
            mailbox: chosen.mailbox.clone(),
            writes_as: addresses(&open),
            helps: helped(&open),
        }))
    }

    async fn note_sign_in(&self, account: &Account, at: Timestamp) -> Result<()> {
        let note = NoteSignIn::new(account, at);
        if note.is_worth_writing(&self.readers).await? { self.write(note).await } else { Ok(()) }
    }

    async fn still_holds(&self, account: &Account) -> Result<bool> {
        let open = self.open_now(account).await?;
        // Whoever became a helper, or is none any more, signs in again: what he writes is to say what he is.
        let same = |open: &Open| open.helper == account.helps.contains(&open.mailbox.address);
        let opens =
            |address: &MailAddress| open.iter().any(|open| open.mailbox.address.key() == address.key() && same(open));
        Ok(open.iter().any(|open| open.mailbox.id == account.mailbox.id) && account.writes_as.iter().all(opens))
    }
}

/// How names are compared: as addresses are, so that `Dr.X@Example.test` signs in to `dr.x@example.test`.
pub(super) fn name_key(name: &str) -> String {
    MailAddress::parse(name).map_or_else(|_| name.to_lowercase(), |address| address.key())
}

/// What someone has shown.
#[derive(Clone, Copy)]
pub(super) enum Way<'n> {
    Password,
    Certificate(&'n DistinguishedName),
    Token,
}

/// A mailbox that may be opened.
pub(super) struct Open {
    mailbox: Mailbox,
    /// The account that it is granted to; none if it is one's own.
    through: Option<(AccountId, String)>,
    structure: Option<StructureId>,
    default: bool,
    helper: bool,
}

impl Open {
    /// Not while it is suspended; and an APP mailbox to a certificate of its structure only (scenario 34).
    fn opens_to(&self, way: Way<'_>) -> bool {
        let fits = match (self.mailbox.kind, way) {
            (MailboxKind::App, Way::Certificate(name)) => {
                self.structure.as_ref().is_some_and(|structure| name.has("OU", &structure.national()))
            }
            (MailboxKind::App, Way::Password | Way::Token) => false,
            _ => true,
        };
        fits && self.mailbox.state != MailboxState::Suspended
    }
}

/// The one asked for; else one's only own one, the default, or the only one.
fn choose<'o>(open: &'o [Open], acts_for: Option<&MailAddress>) -> Option<&'o Open> {
    if let Some(address) = acts_for {
        return open.iter().find(|open| open.mailbox.address.key() == address.key());
    }
    let own = only(open.iter().filter(|open| open.through.is_none()));
    own.or_else(|| only(open.iter().filter(|open| open.default))).or_else(|| only(open.iter()))
}

fn only<'o>(mut list: impl Iterator<Item = &'o Open>) -> Option<&'o Open> {
    let first = list.next()?;
    // Of several, which one is meant must be said.
    list.next().is_none().then_some(first)
}

fn addresses(open: &[Open]) -> Vec<MailAddress> {
    open.iter().map(|open| open.mailbox.address.clone()).collect()
}

/// Those of them that are open to a helper.
fn helped(open: &[Open]) -> Vec<MailAddress> {
    open.iter().filter(|open| open.helper).map(|open| open.mailbox.address.clone()).collect()
}

/// What is granted to whom, with the mailbox; `WHERE` follows.
macro_rules! granted {
    () => {
        concat!(
            "SELECT ",
            mailbox_columns!(),
            ", m.structure, g.is_default, g.is_helper, a.id AS account_id, a.name FROM accounts AS a
             JOIN grants AS g ON g.account_id = a.id JOIN mailboxes AS m ON m.id = g.mailbox_id
             WHERE NOT a.disabled AND "
        )
    };
}

impl SqliteStore {
    /// From a row with the account's `id` and `name` and the `credential_id` that it has just proven itself by.
    async fn admit(&self, row: Row<'_>, acts_for: Option<&MailAddress>, way: Way<'_>) -> Result<Option<Account>> {
        let id = row.get("id").map(AccountId)?;
        let open = self.open_to_account(id, way).await?;
        let Some(chosen) = choose(&open, acts_for) else { return Ok(None) };
        Ok(Some(Account {
            id: Some(id),
            name: row.get("name")?,
            credential: Some(row.of("credentials", "credential_id").get("credential_id").map(CredentialId)?),
            mailbox: chosen.mailbox.clone(),
            writes_as: addresses(&open),
            helps: helped(&open),
        }))
    }

    /// What an account opens now, by address.
    async fn open_to_account(&self, account: AccountId, way: Way<'_>) -> Result<Vec<Open>> {
        let sql = sqlx::query(concat!(granted!(), "a.id = ? ORDER BY m.address_key"));
        self.open_by(sql.bind(account.0), way).await
    }

    async fn open_by(&self, sql: Sql<'_>, way: Way<'_>) -> Result<Vec<Open>> {
        let rows = self.readers.all(sql).await.map_err(read_error)?;
        let open: Vec<Open> = rows.iter().map(granted).collect::<Result<_>>()?;
        Ok(open.into_iter().filter(|open| open.opens_to(way)).collect())
    }

    /// What a professional opens now: his own PER mailboxes, and what his accounts are granted.
    async fn open_to_professional(&self, rpps: &RppsId) -> Result<Vec<Open>> {
        let sql = sqlx::query(concat!(
            "SELECT ",
            mailbox_columns!(),
            ", m.structure FROM mailboxes AS m WHERE m.rpps = ?1 AND m.kind = 'PER'
                AND (NOT EXISTS (SELECT 1 FROM accounts WHERE rpps = ?1)
                     OR EXISTS (SELECT 1 FROM accounts WHERE rpps = ?1 AND NOT disabled))
             ORDER BY m.address_key"
        ));
        let rows = self.readers.all(sql.bind(rpps.as_str())).await.map_err(read_error)?;
        let own: Vec<Open> = rows.iter().map(own).collect::<Result<_>>()?;
        let mut open: Vec<Open> = own.into_iter().filter(|open| open.opens_to(Way::Token)).collect();
        let sql = sqlx::query(concat!(granted!(), "a.rpps = ? ORDER BY m.address_key, a.id"));
        for granted in self.open_by(sql.bind(rpps.as_str()), Way::Token).await? {
            match open.iter_mut().find(|open| open.mailbox.id == granted.mailbox.id) {
                // His own, granted besides.
                Some(open) => open.default |= granted.default,
                None => open.push(granted),
            }
        }
        Ok(open)
    }

    /// The app password of this mailbox that has this digest. All of them are compared, each in constant time.
    async fn by_app_password(
        &self,
        name: &str,
        acts_for: Option<&MailAddress>,
        digest: &Digest,
    ) -> Result<Option<Account>> {
        let sql = sqlx::query(concat!(
            "SELECT c.id, c.digest, a.name, a.id AS account_id, g.is_default, g.is_helper, m.structure, ",
            mailbox_columns!(),
            " FROM mailboxes AS m JOIN credentials AS c ON c.mailbox_id = m.id
             JOIN accounts AS a ON a.id = c.account_id
             JOIN grants AS g ON g.account_id = a.id AND g.mailbox_id = m.id
             WHERE m.address_key = ? AND c.kind = 'app-password' AND c.revoked_at IS NULL
                AND (c.expires_at IS NULL OR c.expires_at > ?) AND NOT a.disabled"
        ));
        let sql = sql.bind(name_key(name)).bind(micros(self.clock.now()));
        let rows = self.readers.all(sql).await.map_err(read_error)?;
        let mut found = None;
        for row in &rows {
            if Row::new(row, "credentials").get::<&[u8]>("digest")?.ct_eq(digest).into() {
                found = Some(row);
            }
        }
        let Some(row) = found else { return Ok(None) };
        let open = granted(row)?;
        let asked = acts_for.is_none_or(|address| address.key() == open.mailbox.address.key());
        let Some((id, name)) = open.through.clone().filter(|_| asked && open.opens_to(Way::Password)) else {
            return Ok(None);
        };
        let credential = Some(Row::new(row, "credentials").get("id").map(CredentialId)?);
        let writes_as = vec![open.mailbox.address.clone()];
        let helps = helped(std::slice::from_ref(&open));
        Ok(Some(Account { id: Some(id), name, credential, mailbox: open.mailbox, writes_as, helps }))
    }

    /// What opens now to someone who signed in before, by what he showed then.
    async fn open_now(&self, account: &Account) -> Result<Vec<Open>> {
        let (id, credential) = match (account.id, account.credential) {
            (Some(id), Some(credential)) => (id, credential),
            (Some(id), None) => return self.open_to_identity(id).await,
            (None, _) => {
                let Ok(rpps) = RppsId::parse(&account.name) else { return Ok(Vec::new()) };
                return self.open_to_professional(&rpps).await;
            }
        };
        let sql = sqlx::query(
            "SELECT id, mailbox_id, certificate FROM credentials
             WHERE id = ? AND account_id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)",
        );
        let sql = sql.bind(credential.0).bind(id.0).bind(micros(self.clock.now()));
        let Some(row) = self.readers.one(sql).await.map_err(read_error)? else { return Ok(Vec::new()) };
        let row = Row::new(&row, "credentials");
        let certificate = row.parse("certificate", some(DistinguishedName::parse))?;
        let way = certificate.as_ref().map_or(Way::Password, Way::Certificate);
        let mut open = self.open_to_account(id, way).await?;
        if let Some(mailbox) = row.get::<Option<i64>>("mailbox_id")?.map(MailboxId) {
            open.retain(|open| open.mailbox.id == mailbox);
        }
        Ok(open)
    }

    /// The same for someone whom an issuer answers for.
    async fn open_to_identity(&self, account: AccountId) -> Result<Vec<Open>> {
        let sql = sqlx::query("SELECT id, rpps FROM accounts WHERE id = ? AND NOT disabled");
        let row = self.readers.one(sql.bind(account.0)).await.map_err(read_error)?;
        let rpps = row.as_ref().map(|row| Row::new(row, "accounts").parse("rpps", some(RppsId::parse)));
        match rpps.transpose()?.flatten() {
            Some(rpps) => self.open_to_professional(&rpps).await,
            None => Ok(Vec::new()),
        }
    }
}

/// From a row of [`granted`].
fn granted(row: &SqliteRow) -> Result<Open> {
    let row = Row::new(row, "accounts");
    let through = Some((row.get("account_id").map(AccountId)?, row.get("name")?));
    Ok(Open { through, default: row.get("is_default")?, helper: row.get("is_helper")?, ..of_mailbox(row)? })
}

fn own(row: &SqliteRow) -> Result<Open> {
    of_mailbox(Row::new(row, "mailboxes"))
}

fn of_mailbox(row: Row<'_>) -> Result<Open> {
    let row = row.of("mailboxes", "mailbox_id");
    let structure = row.parse("structure", some(StructureId::parse))?;
    Ok(Open { mailbox: mailbox(row)?, through: None, structure, default: false, helper: false })
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("an account could not be read", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_addresses() {
        assert_eq!(name_key("Dr.X@Example.Test"), "dr.x@example.test");
        assert_eq!(name_key("Admin"), "admin");
    }
}
