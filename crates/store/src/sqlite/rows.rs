//! From rows to values. A row that does not decode is [`StoreError::Corrupt`], which names table, column and row.

use jiff::Timestamp;
use pli_types::{FolderId, MailboxId, MessageId, QueueId};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Column, Decode, Row as _, Type, TypeInfo, ValueRef};

use crate::{Result, StoreError};

/// A row, the table that it is of, and the column that is its key there, by which a fault is reported.
#[derive(Clone, Copy)]
pub(super) struct Row<'r> {
    values: &'r SqliteRow,
    table: &'static str,
    /// None: the first one.
    key: Option<&'static str>,
}

impl<'r> Row<'r> {
    /// A row whose first column is its key.
    pub(super) fn new(row: &'r SqliteRow, table: &'static str) -> Self {
        Self { values: row, table, key: None }
    }

    /// The same row, for the columns that a join took from another table.
    pub(super) fn of(self, table: &'static str, key: &'static str) -> Self {
        Self { table, key: Some(key), ..self }
    }

    /// A column's value.
    pub(super) fn get<T>(self, column: &'static str) -> Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.values.try_get(column).map_err(|error| self.corrupt(column, error))
    }

    /// A column's value, made from the one that the database knows.
    pub(super) fn parse<T, V, E>(
        self,
        column: &'static str,
        parse: impl FnOnce(V) -> std::result::Result<T, E>,
    ) -> Result<T>
    where
        V: Decode<'r, Sqlite> + Type<Sqlite>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        parse(self.get(column)?).map_err(|error| self.corrupt(column, error))
    }

    pub(super) fn instant(self, column: &'static str) -> Result<Timestamp> {
        self.parse(column, Timestamp::from_microsecond)
    }

    pub(super) fn instant_if_any(self, column: &'static str) -> Result<Option<Timestamp>> {
        self.parse(column, |kept: Option<i64>| kept.map(Timestamp::from_microsecond).transpose())
    }

    /// A number that cannot be negative.
    pub(super) fn number<T: TryFrom<i64, Error = std::num::TryFromIntError>>(self, column: &'static str) -> Result<T> {
        self.parse(column, T::try_from)
    }

    pub(super) fn mailbox(self, column: &'static str) -> Result<MailboxId> {
        self.get(column).map(MailboxId)
    }

    pub(super) fn folder(self, column: &'static str) -> Result<FolderId> {
        self.get(column).map(FolderId)
    }

    pub(super) fn message(self, column: &'static str) -> Result<MessageId> {
        self.parse(column, |bytes: &[u8]| bytes.try_into().map(MessageId::from_bytes))
    }

    pub(super) fn queue_id(self, column: &'static str) -> Result<QueueId> {
        self.parse(column, |bytes: &[u8]| bytes.try_into().map(QueueId::from_bytes))
    }

    /// The error for a column of this row.
    pub(super) fn corrupt(
        self,
        column: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Corrupt { table: self.table, column, row: self.key(), source: Some(source.into()) }
    }

    /// The key, shown: a number, a text, or bytes as hexadecimal digits.
    fn key(self) -> String {
        let Some(key) = self.key.or(self.values.columns().first().map(Column::name)) else { return String::new() };
        let kind = self.values.try_get_raw(key).map(|value| value.type_info().name().to_owned());
        match kind.as_deref() {
            Ok("BLOB") => self.values.try_get(key).map(hex),
            Ok("INTEGER") => self.values.try_get(key).map(|number: i64| number.to_string()),
            _ => self.values.try_get(key),
        }
        .unwrap_or_default()
    }
}

/// For [`Row::parse`]: NULL is none.
pub(super) fn some<'r, T, E>(
    parse: impl FnOnce(&'r str) -> std::result::Result<T, E>,
) -> impl FnOnce(Option<&'r str>) -> std::result::Result<Option<T>, E> {
    |kept| kept.map(parse).transpose()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        out.extend(char::from_digit(u32::from(digit), 16));
    }
    out
}

/// How an instant is kept: whole microseconds since 1970.
pub(super) fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// How a size is kept. None is ever that large; were one, the row would not decode.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A list of numbers as JSON, for `json_each`.
pub(super) fn json_numbers(numbers: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    json_list(numbers.into_iter().map(|number| number.to_string()))
}

/// A list of identifiers as JSON, for `unhex(value)` over `json_each`.
pub(super) fn json_ids<'i, const N: usize>(ids: impl IntoIterator<Item = &'i [u8; N]>) -> String {
    json_list(ids.into_iter().map(|id| format!("\"{}\"", hex(id))))
}

/// A list of texts as JSON, for `json_each`.
pub(super) fn json_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    json_list(texts.into_iter().map(|text| serde_json::Value::from(text).to_string()))
}

fn json_list(items: impl Iterator<Item = String>) -> String {
    let mut out = String::from("[");
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
    out
}

/// What a failed statement means for the caller.
pub(crate) fn database_error(what: &'static str, error: sqlx::Error) -> StoreError {
    let sqlx::Error::Database(database) = &error else {
        return StoreError::Unavailable { what, full: false, source: Some(error.into()) };
    };
    let code: i32 = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    // The low byte is the primary result code (sqlite.org/rescode.html).
    match code & 0xff {
        SQLITE_CORRUPT | SQLITE_NOTADB => StoreError::Corrupt {
            table: "database",
            column: "page",
            row: "the file".to_owned(),
            source: Some(error.into()),
        },
        SQLITE_CONSTRAINT if code == SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::NotFound("mailbox, folder or message"),
        SQLITE_CONSTRAINT => StoreError::Conflict("it is kept already"),
        primary => StoreError::Unavailable { what, full: primary == SQLITE_FULL, source: Some(error.into()) },
    }
}

const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_NOTADB: i32 = 26;
const SQLITE_CONSTRAINT_FOREIGNKEY: i32 = 787;
