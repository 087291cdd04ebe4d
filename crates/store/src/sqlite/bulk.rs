//! [`Bulk`]: many rows in one INSERT. A statement costs a change of thread and a row costs little, so one row a
//! statement would reach a third of the speed.

use std::sync::{Arc, OnceLock};

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, query::Query};

/// A statement being filled with values.
pub(super) type Sql<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Every number of rows up to here has a statement of its own.
const EVERY: usize = 32;
/// And these have, so that any number takes few of them.
const LARGER: [usize; 1] = [64];
/// The most rows of each of two tables that go in one call: every pair of numbers is prepared as one.
const TOGETHER: usize = 16;

/// An INSERT of one table, in the arities that stay prepared.
pub(super) struct Bulk {
    head: &'static str,
    columns: usize,
    texts: [OnceLock<Arc<str>>; EVERY + LARGER.len()],
}

impl Bulk {
    /// `head` is `INSERT INTO table (…)`, with this many columns.
    pub(super) const fn new(head: &'static str, columns: usize) -> Self {
        Self { head, columns, texts: [const { OnceLock::new() }; EVERY + LARGER.len()] }
    }

    /// These rows of the table. `bind` gives one row's values in the order of the columns.
    pub(super) fn rows<'r, T, B>(&'static self, rows: &'r [T], bind: B) -> Insert<'r, T, B>
    where
        B: Fn(Sql<'r>, &'r T) -> Sql<'r>,
    {
        Insert { into: self, rows, bind }
    }

    /// Made of literals only, once an arity.
    fn text(&self, rows: usize) -> Arc<str> {
        let make = || {
            let row = format!("({})", vec!["?"; self.columns].join(","));
            format!("{} VALUES {}", self.head, vec![row.as_str(); rows].join(",")).into()
        };
        let slot = match rows.checked_sub(1) {
            Some(slot) if slot < EVERY => self.texts.get(slot),
            _ => LARGER.iter().position(|size| *size == rows).and_then(|position| self.texts.get(EVERY + position)),
        };
        slot.map_or_else(make, |slot| Arc::clone(slot.get_or_init(make)))
    }
}

/// Rows on their way into a table.
pub(super) struct Insert<'r, T, B> {
    into: &'static Bulk,
    rows: &'r [T],
    bind: B,
}

impl<'r, T: Sync, B: Fn(Sql<'r>, &'r T) -> Sql<'r>> Insert<'r, T, B> {
    /// Inserts them all, in order.
    pub(super) async fn insert(self, conn: &mut SqliteConnection) -> sqlx::Result<()> {
        for sql in self.statements() {
            sql.execute(&mut *conn).await?;
        }
        Ok(())
    }

    /// The statements that insert them all, in order.
    pub(super) fn statements(self) -> impl Iterator<Item = Sql<'r>> {
        let Self { into, rows: mut rest, bind } = self;
        std::iter::from_fn(move || {
            let (now, later) = rest.split_at(next_arity(rest.len()));
            rest = later;
            let query = || sqlx::query(AssertSqlSafe(into.text(now.len())));
            (!now.is_empty()).then(|| now.iter().fold(query(), &bind))
        })
    }

    fn bind_all(&self, sql: Sql<'r>) -> Sql<'r> {
        self.rows.iter().fold(sql, &self.bind)
    }
}

/// Inserts rows of two tables, `first` before `second`: in one call if there are few of both.
pub(super) async fn insert_both<'r, T, B, U, C>(
    conn: &mut SqliteConnection,
    first: Insert<'r, T, B>,
    second: Insert<'r, U, C>,
) -> sqlx::Result<()>
where
    T: Sync,
    B: Fn(Sql<'r>, &'r T) -> Sql<'r>,
    U: Sync,
    C: Fn(Sql<'r>, &'r U) -> Sql<'r>,
{
    let few = 1..=TOGETHER;
    if !(few.contains(&first.rows.len()) && few.contains(&second.rows.len())) {
        first.insert(conn).await?;
        return second.insert(conn).await;
    }
    let text = [&*first.into.text(first.rows.len()), &*second.into.text(second.rows.len())].join(";");
    let query = sqlx::query(AssertSqlSafe(text));
    second.bind_all(first.bind_all(query)).execute(conn).await.map(drop)
}

/// How many of the remaining rows go into the next statement.
fn next_arity(rows: usize) -> usize {
    let larger = LARGER.iter().rev().copied().find(|size| rows >= *size);
    larger.unwrap_or(rows.min(EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_few_statements() {
        let plan = |mut rows: usize| {
            let mut sizes = Vec::new();
            while rows > 0 {
                sizes.push(next_arity(rows));
                rows -= next_arity(rows);
            }
            sizes
        };
        assert_eq!(plan(0), [0; 0]);
        assert_eq!(plan(13), [13]);
        assert_eq!(plan(40), [32, 8]);
        assert_eq!(plan(250), [64, 64, 64, 32, 26]);
    }

    #[test]
    fn a_statement_has_a_group_of_values_a_row() {
        let bulk = Bulk::new("INSERT INTO t (a, b)", 2);
        assert_eq!(&*bulk.text(2), "INSERT INTO t (a, b) VALUES (?,?),(?,?)");
        assert_eq!(bulk.text(64).matches('?').count(), 128);
        assert!(Arc::ptr_eq(&bulk.text(64), &bulk.text(64)));
    }
}
