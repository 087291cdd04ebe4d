//! Mailboxes as admins see them: from rows, one, in pages, by their life.

use jiff::Timestamp;
use pli_types::{MailAddress, MailboxId, RppsId, StructureId};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteRow;

use super::bulk::Sql;
use super::mailboxes::{kind_from, mailbox, mailbox_columns};
use super::readers::Readers;
use super::rows::{Row, database_error, json_numbers, micros, some};
use super::tx::Tx;
use crate::{
    Life, Mailbox, MailboxDetails, MailboxFilter, MailboxRecord, MailboxState, Notice, NoticeCause, Result, StoreError,
};

/// Rows of one page, whatever was asked for.
pub(super) const PAGE_MAX: usize = 1000;

/// The columns that both living and former mailboxes have.
macro_rules! common_columns {
    () => {
        "m.rpps, m.structure, m.display_name, m.description, m.service, m.responsible, m.unlisted, m.digitisation,
         m.rank, m.created_at, m.last_sign_in_at, m.objected_at"
    };
}

macro_rules! living {
    () => {
        concat!(
            "SELECT ",
            mailbox_columns!(),
            ", ",
            common_columns!(),
            ", m.published, m.suspended_at, m.notice_given_at,
             m.notice_ends_at, m.notice_cause FROM mailboxes AS m WHERE "
        )
    };
}

macro_rules! former {
    () => {
        concat!(
            "SELECT m.mailbox_id, m.address, m.kind, ",
            common_columns!(),
            ", m.deleted_at, m.kept_until
             FROM former_addresses AS m WHERE "
        )
    };
}

/// Does the notice stand, or has someone signed in since?
macro_rules! under_notice {
    () => {
        "(m.notice_given_at IS NOT NULL
          AND NOT (m.notice_cause = 'inactivity' AND coalesce(m.last_sign_in_at, 0) >= m.notice_given_at))"
    };
}

/// The mailbox of this address, or the one that was.
pub(super) async fn by_address(readers: &Readers, address: &MailAddress) -> Result<Option<MailboxRecord>> {
    let sql = sqlx::query(concat!(living!(), "m.address_key = ?"));
    if let Some(row) = readers.one(sql.bind(address.key())).await.map_err(read_error)? {
        return record(Row::new(&row, "mailboxes")).map(Some);
    }
    let sql = sqlx::query(concat!(former!(), "m.address_key = ?"));
    let row = readers.one(sql.bind(address.key())).await.map_err(read_error)?;
    row.as_ref().map(|row| former(Row::new(row, "former_addresses"))).transpose()
}

/// The mailbox of this number, within a transaction.
pub(super) async fn by_id(tx: &mut Tx<'_>, mailbox: MailboxId) -> Result<MailboxRecord> {
    let sql = sqlx::query(concat!(living!(), "m.id = ?"));
    let row = tx.fetch_one(sql.bind(mailbox.0)).await?.ok_or(StoreError::NotFound("mailbox"))?;
    record(Row::new(&row, "mailboxes"))
}

/// The mailboxes of these numbers that there are, by address.
pub(super) async fn of_numbers(readers: &Readers, mailboxes: &[MailboxId]) -> Result<Vec<MailboxRecord>> {
    let sql = sqlx::query(concat!(living!(), "m.id IN (SELECT value FROM json_each(?)) ORDER BY m.address_key"));
    let numbers = json_numbers(mailboxes.iter().map(|mailbox| mailbox.0));
    records(&readers.all(sql.bind(numbers)).await.map_err(read_error)?)
}

pub(super) async fn page(
    readers: &Readers,
    filter: &MailboxFilter,
    after: Option<&MailAddress>,
    limit: usize,
) -> Result<Vec<MailboxRecord>> {
    let MailboxFilter { domain, kind, life, structure, rpps } = filter;
    let deleted = *life == Some(Life::Deleted);
    // Only what is asked for is in the text, so that its index is used. It is made of literals.
    let mut text = if deleted { former!() } else { living!() }.to_owned();
    text.push_str("m.address_key > ?");
    let mut values = vec![after.map(MailAddress::key).unwrap_or_default()];
    let mut and = |condition: &str, value: Option<&str>| {
        if let Some(value) = value {
            text.push_str(condition);
            values.push(value.to_owned());
        }
    };
    and(" AND m.domain = ?", domain.as_ref().map(pli_types::Domain::as_str));
    and(" AND m.kind = ?", kind.map(crate::MailboxKind::as_str));
    and(" AND m.structure = ?", structure.as_ref().map(StructureId::as_str));
    and(" AND m.rpps = ?", rpps.as_ref().map(RppsId::as_str));
    if let Some(life) = life {
        text.push_str(condition_of(*life));
    }
    text.push_str(" ORDER BY m.address_key LIMIT ?");
    let sql = values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), Sql::bind);
    let rows = readers.all(sql.bind(bound(limit))).await.map_err(read_error)?;
    if deleted {
        return rows.iter().map(|row| former(Row::new(row, "former_addresses"))).collect();
    }
    records(&rows)
}

/// What must hold of a mailbox that stands there: as [`MailboxRecord::life`] tells.
fn condition_of(life: Life) -> &'static str {
    match life {
        Life::Deleted => "",
        Life::Notice => concat!(" AND ", under_notice!()),
        Life::Suspended => concat!(" AND m.suspended_at IS NOT NULL AND NOT ", under_notice!()),
        Life::Unlisted => concat!(" AND m.unlisted AND m.suspended_at IS NULL AND NOT ", under_notice!()),
        Life::Published => {
            concat!(" AND m.published AND NOT m.unlisted AND m.suspended_at IS NULL AND NOT ", under_notice!())
        }
        Life::Created => {
            concat!(" AND NOT m.published AND NOT m.unlisted AND m.suspended_at IS NULL AND NOT ", under_notice!())
        }
    }
}

pub(super) async fn inactive_since(readers: &Readers, before: Timestamp, limit: usize) -> Result<Vec<MailboxRecord>> {
    let sql = sqlx::query(concat!(
        living!(),
        "m.notice_given_at IS NULL AND m.suspended_at IS NULL AND m.kind <> 'PATIENT'
         AND max(m.created_at, coalesce(m.last_sign_in_at, 0), coalesce(m.objected_at, 0)) < ?
         ORDER BY max(m.created_at, coalesce(m.last_sign_in_at, 0), coalesce(m.objected_at, 0)), m.id LIMIT ?"
    ));
    records(&readers.all(sql.bind(micros(before)).bind(bound(limit))).await.map_err(read_error)?)
}

pub(super) async fn notices_ended_by(readers: &Readers, now: Timestamp, limit: usize) -> Result<Vec<MailboxRecord>> {
    let sql = sqlx::query(concat!(
        living!(),
        "m.notice_ends_at <= ? AND ",
        under_notice!(),
        " ORDER BY m.notice_ends_at, m.id LIMIT ?"
    ));
    records(&readers.all(sql.bind(micros(now)).bind(bound(limit))).await.map_err(read_error)?)
}

pub(super) async fn notices_answered(readers: &Readers, limit: usize) -> Result<Vec<MailboxRecord>> {
    let sql = sqlx::query(concat!(
        living!(),
        "m.notice_ends_at IS NOT NULL AND NOT ",
        under_notice!(),
        " ORDER BY m.notice_ends_at, m.id LIMIT ?"
    ));
    records(&readers.all(sql.bind(bound(limit))).await.map_err(read_error)?)
}

fn records(rows: &[SqliteRow]) -> Result<Vec<MailboxRecord>> {
    rows.iter().map(|row| record(Row::new(row, "mailboxes"))).collect()
}

/// From a row of [`living`].
fn record(row: Row<'_>) -> Result<MailboxRecord> {
    let notice = match row.instant_if_any("notice_given_at")? {
        None => None,
        Some(given_at) => Some(Notice {
            given_at,
            ends_at: row.instant("notice_ends_at")?,
            cause: row.parse("notice_cause", cause_from)?,
        }),
    };
    Ok(MailboxRecord {
        published: row.get("published")?,
        suspended_at: row.instant_if_any("suspended_at")?,
        notice,
        ..common(row, mailbox(row)?)?
    })
}

/// From a row of [`former`].
fn former(row: Row<'_>) -> Result<MailboxRecord> {
    let mailbox = Mailbox {
        id: row.mailbox("mailbox_id")?,
        address: row.parse("address", MailAddress::parse)?,
        kind: row.parse("kind", kind_from)?,
        state: MailboxState::Closed,
        quota_bytes: None,
        used_bytes: 0,
    };
    Ok(MailboxRecord {
        deleted_at: row.instant_if_any("deleted_at")?,
        address_kept_until: row.instant_if_any("kept_until")?,
        ..common(row, mailbox)?
    })
}

fn common(row: Row<'_>, mailbox: Mailbox) -> Result<MailboxRecord> {
    Ok(MailboxRecord {
        mailbox,
        rpps: row.parse("rpps", some(RppsId::parse))?,
        structure: row.parse("structure", some(StructureId::parse))?,
        details: MailboxDetails {
            display_name: row.get("display_name")?,
            description: row.get("description")?,
            service: row.get("service")?,
            responsible: row.get("responsible")?,
            unlisted: row.get("unlisted")?,
            digitisation: row.get("digitisation")?,
            rank: row.get("rank")?,
        },
        published: false,
        created_at: row.instant("created_at")?,
        suspended_at: None,
        notice: None,
        deleted_at: None,
        address_kept_until: None,
        last_sign_in_at: row.instant_if_any("last_sign_in_at")?,
        objected_at: row.instant_if_any("objected_at")?,
    })
}

pub(super) fn cause_name(cause: NoticeCause) -> &'static str {
    match cause {
        NoticeCause::Admin => "admin",
        NoticeCause::Inactivity => "inactivity",
    }
}

fn cause_from(name: &str) -> std::result::Result<NoticeCause, &'static str> {
    match name {
        "admin" => Ok(NoticeCause::Admin),
        "inactivity" => Ok(NoticeCause::Inactivity),
        _ => Err("no such cause of a notice"),
    }
}

pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("a mailbox could not be read", error)
}
