//! [`packed!`]: many small rows in one. Whatever reads a row waits for the connection's thread to hand it over, which costs more
//! than such a row does; of the record thousands are read at a time.
//!
//! A value is its length in bytes, a colon and its bytes, numbers as decimal digits; NULL is `-`. So no byte in a value is
//! taken for another's beginning, whoever has written it.

use sqlx::sqlite::SqliteRow;

use super::rows::Row;
use crate::{Result, StoreError};

/// The query for these columns of the rows of `$from`, in its order, as one row.
macro_rules! packed {
    ($($column:literal),+; $from:literal) => {
        concat!(
            "SELECT CAST(group_concat(fields, '') AS BLOB) AS packed FROM (SELECT ",
            $("coalesce(length(CAST(", $column, " AS BLOB)) || ':' || ", $column, ", '-') || ",)+
            "'' AS fields FROM ",
            $from,
            ")"
        )
    };
}
pub(super) use packed;

/// The rows that such a query found.
pub(super) struct Unpacked<'b> {
    table: &'static str,
    columns: usize,
    values: Vec<Option<&'b [u8]>>,
}

impl<'b> Unpacked<'b> {
    /// Of the one row that came, with so many columns in each of its rows.
    pub(super) fn of(row: &'b SqliteRow, table: &'static str, columns: usize) -> Result<Self> {
        let row = Row::new(row, table);
        let mut rest: &[u8] = row.get::<Option<&[u8]>>("packed")?.unwrap_or_default();
        let mut values = Vec::new();
        while !rest.is_empty() || values.len() % columns != 0 {
            let (value, after) = split(rest).ok_or_else(|| row.corrupt("packed", "it does not end where it should"))?;
            values.push(value);
            rest = after;
        }
        Ok(Self { table, columns, values })
    }

    /// Row by row.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = Values<'_>> {
        self.values.chunks(self.columns).map(|values| Values { table: self.table, values })
    }
}

/// The values of a row, in the order of the columns.
#[derive(Clone, Copy)]
pub(super) struct Values<'b> {
    table: &'static str,
    values: &'b [Option<&'b [u8]>],
}

/// The first value, and what follows it.
fn split(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if let Some(after) = bytes.strip_prefix(b"-") {
        return Some((None, after));
    }
    let colon = bytes.iter().take(20).position(|byte| *byte == b':')?;
    let (length, after) = (number(bytes.get(..colon)?)?, bytes.get(colon + 1..)?);
    let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    Some((Some(value), after))
}

fn number(digits: &[u8]) -> Option<i64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

impl<'b> Values<'b> {
    /// A column's bytes; none for NULL.
    pub(super) fn bytes(self, column: usize) -> Option<&'b [u8]> {
        self.values.get(column).copied().flatten()
    }

    /// The bytes of a column that cannot be NULL.
    pub(super) fn blob(self, column: usize, name: &'static str) -> Result<&'b [u8]> {
        self.bytes(column).ok_or_else(|| self.corrupt(name, "it is NULL"))
    }

    /// A column that is a number.
    pub(super) fn number(self, column: usize, name: &'static str) -> Result<i64> {
        self.bytes(column).and_then(number).ok_or_else(|| self.corrupt(name, "it is no number"))
    }

    /// The error for one of its columns.
    pub(super) fn corrupt(
        self,
        column: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        let row = self.bytes(0).map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
        StoreError::Corrupt { table: self.table, column, row, source: Some(source.into()) }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;
    use sqlx::sqlite::SqliteConnection;

    use super::*;

    const ALL: &str = packed!("number", "bytes"; "t ORDER BY number");

    #[tokio::test]
    async fn every_value_comes_out_as_it_was_whatever_is_in_it() {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (number INTEGER, bytes BLOB) STRICT").execute(&mut database).await.unwrap();
        let kept: [(i64, Option<&[u8]>); 6] = [
            (-7, Some(b"3:abc-")),
            (1, None),
            (2, Some(b"")),
            (3, Some(b"\0\xff\xfe\0")),
            (4, Some("é⟦0⟧".as_bytes())),
            (i64::MAX, Some(&[b'9'; 3000])),
        ];
        let row = sqlx::query(ALL).fetch_one(&mut database).await.unwrap();
        assert_eq!(Unpacked::of(&row, "t", 2).unwrap().rows().count(), 0);
        for (number, bytes) in kept.iter().rev() {
            let sql = sqlx::query("INSERT INTO t VALUES (?, ?)").bind(number).bind(*bytes);
            sql.execute(&mut database).await.unwrap();
        }
        let row = sqlx::query(ALL).fetch_one(&mut database).await.unwrap();
        let read = Unpacked::of(&row, "t", 2).unwrap();
        let read: Vec<_> = read.rows().map(|row| (row.number(0, "number").unwrap(), row.bytes(1))).collect();
        assert_eq!(read, kept);
    }

    #[test]
    fn what_is_cut_off_is_no_value() {
        for bad in [&b""[..], b"3", b"3:", b"3:ab", b":", b"x:abc", b"99999999999999999999:a"] {
            assert_eq!(split(bad), None, "{bad:?}");
        }
        assert_eq!(split(b"-1:a"), Some((None, &b"1:a"[..])));
        assert_eq!(split(b"2:abc"), Some((Some(&b"ab"[..]), &b"c"[..])));
    }
}
