//! [`Bulk`]: many rows in one INSERT. A statement costs a change of thread and a row costs little, so one row a
//! statement would reach a third of the speed.

use std::sync::{Arc, OnceLock};

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, query::Query};

/// A statement being filled with values.
pub(super) type Sql<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Every number of rows up to here has a statement of its own.
const EVERY: usize = 16;
/// And these have, so that any number takes few of them.
const LARGER: [usize; 2] = [32, 64];

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

    /// Inserts all rows, in order. `bind` gives one row's values in the order of the columns.
    pub(super) async fn insert<'r, T: Sync + 'r>(
        &self,
        conn: &mut SqliteConnection,
        rows: &'r [T],
        bind: impl Fn(Sql<'r>, &'r T) -> Sql<'r> + Send,
    ) -> sqlx::Result<()> {
        let mut rest = rows;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(next_arity(rest.len()));
            let query = sqlx::query(AssertSqlSafe(self.text(now.len())));
            now.iter().fold(query, &bind).execute(&mut *conn).await?;
            rest = later;
        }
        Ok(())
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
        assert_eq!(plan(20), [16, 4]);
        assert_eq!(plan(250), [64, 64, 64, 32, 16, 10]);
    }

    #[test]
    fn a_statement_has_a_group_of_values_a_row() {
        let bulk = Bulk::new("INSERT INTO t (a, b)", 2);
        assert_eq!(&*bulk.text(2), "INSERT INTO t (a, b) VALUES (?,?),(?,?)");
        assert_eq!(bulk.text(64).matches('?').count(), 128);
        assert!(Arc::ptr_eq(&bulk.text(64), &bulk.text(64)));
    }
}
