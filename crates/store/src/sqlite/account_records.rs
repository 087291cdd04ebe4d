//! Accounts as admins see them, with their grants and credentials.

use std::collections::BTreeMap;

use pli_types::{AccountId, CredentialId, DistinguishedName, MailAddress, MailboxId, RppsId};
use sqlx::Connection;

use super::accounts::name_key;
use super::bulk::Sql;
use super::readers::Readers;
use super::records::bound;
use super::rows::{Row, database_error, json_numbers, some};
use crate::{AccountKind, AccountRecord, CredentialKind, CredentialRecord, Grant, Result, StoreError};

macro_rules! accounts {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, rpps, display_name, disabled, created_at, last_sign_in_at FROM accounts WHERE ",
            $rest
        )
    };
}

pub(super) async fn by_name(readers: &Readers, name: &str) -> Result<Option<AccountRecord>> {
    let sql = sqlx::query(accounts!("name_key = ?"));
    Ok(list(readers, sql.bind(name_key(name))).await?.pop())
}

/// The oldest, if there are several.
pub(super) async fn of_professional(readers: &Readers, rpps: &RppsId) -> Result<Option<AccountRecord>> {
    let sql = sqlx::query(accounts!("rpps = ? ORDER BY id LIMIT 1"));
    Ok(list(readers, sql.bind(rpps.as_str())).await?.pop())
}

pub(super) async fn page(readers: &Readers, after: Option<&str>, limit: usize) -> Result<Vec<AccountRecord>> {
    let sql = sqlx::query(accounts!("name_key > ? ORDER BY name_key LIMIT ?"));
    list(readers, sql.bind(after.map(name_key).unwrap_or_default()).bind(bound(limit))).await
}

/// Those that a mailbox is granted to, by name.
pub(super) async fn of_mailbox(readers: &Readers, mailbox: MailboxId) -> Result<Vec<AccountRecord>> {
    let sql = sqlx::query(accounts!("id IN (SELECT account_id FROM grants WHERE mailbox_id = ?) ORDER BY name_key"));
    list(readers, sql.bind(mailbox.0)).await
}

/// The accounts, with what belongs to them, of one moment.
async fn list(readers: &Readers, sql: Sql<'_>) -> Result<Vec<AccountRecord>> {
    let mut reader = readers.take().await.map_err(read_error)?;
    let mut snapshot = reader.connection.begin().await.map_err(read_error)?;
    let rows = sql.fetch_all(&mut *snapshot).await.map_err(read_error)?;
    let mut accounts: Vec<AccountRecord> =
        rows.iter().map(|row| account(Row::new(row, "accounts"))).collect::<Result<_>>()?;
    let ids = json_numbers(accounts.iter().map(|account| account.id));
    let sql = sqlx::query(
        "SELECT g.account_id, g.mailbox_id, g.is_default, g.is_helper, m.address FROM grants AS g
         JOIN mailboxes AS m ON m.id = g.mailbox_id
         WHERE g.account_id IN (SELECT value FROM json_each(?)) ORDER BY m.address_key",
    );
    let grants = sql.bind(ids.as_str()).fetch_all(&mut *snapshot).await.map_err(read_error)?;
    let sql = sqlx::query(
        "SELECT id, account_id, kind, label, mailbox_id, certificate, created_at, expires_at, revoked_at, last_used_at
         FROM credentials WHERE account_id IN (SELECT value FROM json_each(?)) ORDER BY id",
    );
    let credentials = sql.bind(ids.as_str()).fetch_all(&mut *snapshot).await.map_err(read_error)?;
    snapshot.rollback().await.map_err(read_error)?;
    readers.give_back(reader);

    let mut by_id: BTreeMap<i64, &mut AccountRecord> =
        accounts.iter_mut().map(|account| (account.id.0, account)).collect();
    for row in grants.iter().map(|row| Row::new(row, "grants")) {
        if let Some(account) = by_id.get_mut(&row.get::<i64>("account_id")?) {
            account.grants.push(grant(row)?);
        }
    }
    for row in credentials.iter().map(|row| Row::new(row, "credentials")) {
        if let Some(account) = by_id.get_mut(&row.get::<i64>("account_id")?) {
            account.credentials.push(credential(row)?);
        }
    }
    Ok(accounts)
}

fn account(row: Row<'_>) -> Result<AccountRecord> {
    Ok(AccountRecord {
        id: row.get("id").map(AccountId)?,
        name: row.get("name")?,
        kind: row.parse("kind", account_kind_from)?,
        rpps: row.parse("rpps", some(RppsId::parse))?,
        display_name: row.get("display_name")?,
        disabled: row.get("disabled")?,
        created_at: row.instant("created_at")?,
        last_sign_in_at: row.instant_if_any("last_sign_in_at")?,
        grants: Vec::new(),
        credentials: Vec::new(),
    })
}

fn grant(row: Row<'_>) -> Result<Grant> {
    Ok(Grant {
        mailbox: row.mailbox("mailbox_id")?,
        address: row.of("mailboxes", "mailbox_id").parse("address", MailAddress::parse)?,
        default: row.get("is_default")?,
        helper: row.get("is_helper")?,
    })
}

fn credential(row: Row<'_>) -> Result<CredentialRecord> {
    Ok(CredentialRecord {
        id: row.get("id").map(CredentialId)?,
        kind: row.parse("kind", credential_kind_from)?,
        label: row.get("label")?,
        mailbox: row.get::<Option<i64>>("mailbox_id")?.map(MailboxId),
        certificate: row.parse("certificate", some(DistinguishedName::parse))?,
        created_at: row.instant("created_at")?,
        expires_at: row.instant_if_any("expires_at")?,
        revoked_at: row.instant_if_any("revoked_at")?,
        last_used_at: row.instant_if_any("last_used_at")?,
    })
}

pub(super) fn account_kind_name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Person => "person",
        AccountKind::Program => "program",
    }
}

fn account_kind_from(name: &str) -> std::result::Result<AccountKind, &'static str> {
    match name {
        "person" => Ok(AccountKind::Person),
        "program" => Ok(AccountKind::Program),
        _ => Err("no such kind of account"),
    }
}

pub(super) fn credential_kind_name(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Password => "password",
        CredentialKind::AppPassword => "app-password",
        CredentialKind::Certificate => "certificate",
    }
}

fn credential_kind_from(name: &str) -> std::result::Result<CredentialKind, &'static str> {
    match name {
        "password" => Ok(CredentialKind::Password),
        "app-password" => Ok(CredentialKind::AppPassword),
        "certificate" => Ok(CredentialKind::Certificate),
        _ => Err("no such kind of credential"),
    }
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("an account could not be read", error)
}
