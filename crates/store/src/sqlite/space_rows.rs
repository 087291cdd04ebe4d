//! Rows of `patient_spaces`: written by the thousand, counted as they are, and mirrored in the mailboxes that are there.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use jiff::Unit;
use jiff::civil::{Date, date};
use pli_types::{Ins, MailboxId};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::bulk::Sql;
use super::rows::{Row, database_error, json_numbers};
use super::tx::Tx;
use crate::{Change, Loaded, NewSpace, Result, SpaceState};

/// A row to write. What is kept of a patient is 16 bytes here, and about as many in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpaceRow {
    /// [`key_of`] the patient.
    pub(super) key: i64,
    /// Days since 1970. `None` keeps what is known.
    pub(super) born: Option<i32>,
}

/// The key of a patient's row.
pub(super) fn key_of(patient: &Ins) -> i64 {
    // It fits 45 bits; another number would be nobody's.
    i64::try_from(patient.to_number()).unwrap_or(-1)
}

/// Back from [`key_of`].
pub(super) fn patient_of(key: i64) -> std::result::Result<Ins, &'static str> {
    u64::try_from(key).ok().and_then(Ins::from_number).ok_or("no patient has this number")
}

pub(super) fn state_number(state: SpaceState) -> i64 {
    match state {
        SpaceState::Open => 0,
        SpaceState::Closed => 1,
    }
}

pub(super) fn state_from(number: i64) -> std::result::Result<SpaceState, &'static str> {
    let states = [SpaceState::Open, SpaceState::Closed].into_iter();
    states.into_iter().find(|state| state_number(*state) == number).ok_or("no such state of a space")
}

const EPOCH: Date = date(1970, 1, 1);

/// A day as it is kept.
pub(super) fn day_number(day: Date) -> Option<i32> {
    day.since((Unit::Day, EPOCH)).ok().map(|span| span.get_days())
}

/// Back from [`day_number`].
pub(super) fn day_from(days: Option<i32>) -> std::result::Result<Option<Date>, jiff::Error> {
    days.map(|days| EPOCH.checked_add(jiff::Span::new().try_days(days)?)).transpose()
}

/// Spaces to write: those of each state by key, each patient once.
#[derive(Debug, Default)]
pub(super) struct SpaceRows {
    pub(super) open: Vec<SpaceRow>,
    pub(super) closed: Vec<SpaceRow>,
}

impl SpaceRows {
    /// A patient who is named twice is what the last says; of his birth, what any says last.
    pub(super) fn new(spaces: &[NewSpace]) -> Self {
        let row = |space: &NewSpace| {
            (SpaceRow { key: key_of(&space.patient), born: space.born.and_then(day_number) }, space.state)
        };
        let mut all: Vec<(SpaceRow, SpaceState)> = spaces.iter().map(row).collect();
        // Stable, so that the last of several is the last.
        all.sort_by_key(|(row, _)| row.key);
        all.dedup_by(|later, kept| {
            let same = later.0.key == kept.0.key;
            if same {
                *kept = (SpaceRow { born: later.0.born.or(kept.0.born), ..later.0 }, later.1);
            }
            same
        });
        let of = |wanted: SpaceState| all.iter().filter(|(_, state)| *state == wanted).map(|(row, _)| *row).collect();
        Self { open: of(SpaceState::Open), closed: of(SpaceState::Closed) }
    }

    /// Writes them all.
    pub(super) async fn put(&self, tx: &mut Tx<'_>) -> Result<Loaded> {
        let open = put(tx, SpaceState::Open, &self.open).await?;
        Ok(both(open, put(tx, SpaceState::Closed, &self.closed).await?))
    }

    /// What [`SpaceRows::put`] would do.
    pub(super) async fn compare(&self, connection: &mut SqliteConnection) -> Result<Loaded> {
        let open = compare(connection, SpaceState::Open, &self.open).await?;
        Ok(both(open, compare(connection, SpaceState::Closed, &self.closed).await?))
    }
}

fn both(one: Loaded, other: Loaded) -> Loaded {
    Loaded {
        created: one.created + other.created,
        changed: one.changed + other.changed,
        unchanged: one.unchanged + other.unchanged,
    }
}

async fn compare(connection: &mut SqliteConnection, state: SpaceState, rows: &[SpaceRow]) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    for part in parts(rows) {
        let row = filled(&COMPARE, state, part).fetch_one(&mut *connection).await;
        let row = row.map_err(|error| database_error("patients' spaces could not be read", error))?;
        let row = Row::new(&row, "patient_spaces");
        let (there, changed) = (row.number::<u64>("there")?, row.number::<u64>("different")?);
        loaded.created += part.len() as u64 - there;
        loaded.changed += changed;
        loaded.unchanged += there - changed;
    }
    Ok(loaded)
}

/// Brings these to this state. The keys grow, which is how the table is written fastest.
pub(super) async fn put(tx: &mut Tx<'_>, state: SpaceState, rows: &[SpaceRow]) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut moved = Vec::new();
    for now in parts(rows) {
        let created = tx.execute(filled(&INSERT, state, now)).await?;
        loaded.created += created;
        let there = now.len() as u64 - created;
        if there > 0 {
            let different = different(tx, state, now).await?;
            let changed: Vec<SpaceRow> = different.iter().map(|(row, _)| *row).collect();
            moved.extend(different.iter().filter(|(_, was)| *was != state).map(|(row, _)| row.key));
            for part in parts(&changed) {
                tx.execute(filled(&UPSERT, state, part)).await?;
            }
            loaded.changed += changed.len() as u64;
            loaded.unchanged += there - changed.len() as u64;
        }
    }
    count(tx, state, loaded.created, moved.len() as u64).await?;
    mirror(tx, state, &moved).await?;
    Ok(loaded)
}

/// Those of the rows that are there and say something else, with the state that they are in.
async fn different(tx: &mut Tx<'_>, state: SpaceState, rows: &[SpaceRow]) -> Result<Vec<(SpaceRow, SpaceState)>> {
    let found = tx.fetch(filled(&DIFFERENT, state, rows)).await?;
    let read = |row: Row<'_>| {
        Ok((SpaceRow { key: row.get("number")?, born: row.get("born")? }, row.parse("state", state_from)?))
    };
    found.iter().map(|row| read(Row::new(row, "patient_spaces"))).collect()
}

/// Keeps the numbers of spaces in step: so many are new in this state, so many came to it from the other one.
async fn count(tx: &mut Tx<'_>, state: SpaceState, created: u64, moved: u64) -> Result<()> {
    if created + moved == 0 {
        return Ok(());
    }
    let sql = sqlx::query("UPDATE patient_space_counts SET spaces = spaces + iif(state = ?1, ?2 + ?3, -?3)");
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    tx.execute(sql.bind(state_number(state)).bind(number(created)).bind(number(moved))).await.map(drop)
}

/// The mailboxes of spaces that came to this state follow. A suspension is the mailbox's own and stays.
async fn mirror(tx: &mut Tx<'_>, state: SpaceState, moved: &[i64]) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let sql = sqlx::query("UPDATE mailboxes SET state = ? WHERE patient IN (SELECT value FROM json_each(?))");
    if tx.execute(sql.bind(state.as_str()).bind(json_numbers(moved))).await? > 0 {
        tx.tell(Change::Access);
    }
    Ok(())
}

/// The space of a mailbox that is made, opened or closed.
pub(super) async fn follow_mailbox(tx: &mut Tx<'_>, patient: &Ins, state: SpaceState) -> Result<()> {
    put(tx, state, &[SpaceRow { key: key_of(patient), born: None }]).await.map(drop)
}

/// The space that this mailbox belongs to, if it is a patient's.
pub(super) async fn patient_of_mailbox(tx: &mut Tx<'_>, mailbox: MailboxId) -> Result<Option<Ins>> {
    let sql = sqlx::query("SELECT id, patient FROM mailboxes WHERE id = ? AND patient IS NOT NULL");
    let Some(row) = tx.fetch_one(sql.bind(mailbox.0)).await? else { return Ok(None) };
    Row::new(&row, "mailboxes").parse("patient", patient_of).map(Some)
}

/// Rows in one statement, most first: every number of rows is made of few of them, and each stays prepared.
const ARITIES: [usize; 3] = [512, 32, 1];

/// The rows, in parts of these lengths.
fn parts(mut rows: &[SpaceRow]) -> impl Iterator<Item = &[SpaceRow]> {
    std::iter::from_fn(move || {
        let arity = ARITIES.iter().copied().find(|arity| rows.len() >= *arity)?;
        let (part, rest) = rows.split_at(arity);
        rows = rest;
        Some(part)
    })
}

/// A statement for rows of `(number, born)`, in all [`ARITIES`]. The state comes first.
struct Text {
    head: &'static str,
    tail: &'static str,
    made: [OnceLock<Arc<str>>; ARITIES.len()],
}

impl Text {
    const fn new(head: &'static str, tail: &'static str) -> Self {
        Self { head, tail, made: [const { OnceLock::new() }; ARITIES.len()] }
    }

    fn of(&self, rows: usize) -> Arc<str> {
        let make = || {
            let mut text = format!("{}(VALUES (?2,?3)", self.head);
            for row in 1..rows {
                // Writing into a String never fails.
                write!(text, ",(?{},?{})", row * 2 + 2, row * 2 + 3).ok();
            }
            text.push_str(self.tail);
            text.into()
        };
        let place = ARITIES.iter().position(|arity| *arity == rows).and_then(|place| self.made.get(place));
        place.map_or_else(make, |place| Arc::clone(place.get_or_init(make)))
    }
}

static INSERT: Text = Text::new(
    "INSERT INTO patient_spaces (number, state, born) SELECT v.column1, ?1, v.column2 FROM ",
    ") AS v WHERE true ON CONFLICT (number) DO NOTHING",
);
static DIFFERENT: Text = Text::new(
    "SELECT s.number, s.state, v.column2 AS born FROM ",
    ") AS v CROSS JOIN patient_spaces AS s ON s.number = v.column1
     WHERE s.state <> ?1 OR (v.column2 IS NOT NULL AND s.born IS NOT v.column2)",
);
static COMPARE: Text = Text::new(
    "SELECT count(*) AS there,
        coalesce(sum(s.state <> ?1 OR (v.column2 IS NOT NULL AND s.born IS NOT v.column2)), 0) AS different FROM ",
    ") AS v CROSS JOIN patient_spaces AS s ON s.number = v.column1",
);
static UPSERT: Text = Text::new(
    "INSERT INTO patient_spaces (number, state, born) SELECT v.column1, ?1, v.column2 FROM ",
    ") AS v WHERE true
     ON CONFLICT (number) DO UPDATE SET state = excluded.state, born = coalesce(excluded.born, born)",
);

fn filled(text: &Text, state: SpaceState, rows: &[SpaceRow]) -> Sql<'static> {
    // Made of literals only.
    let sql = sqlx::query(AssertSqlSafe(text.of(rows.len()))).bind(state_number(state));
    rows.iter().fold(sql, |sql, row| sql.bind(row.key).bind(row.born))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_back_whichever_century_it_is_in() {
        for day in [date(1899, 12, 31), EPOCH, date(2009, 7, 14), date(-9999, 1, 1), date(9999, 12, 31)] {
            assert_eq!(day_from(day_number(day)).unwrap(), Some(day));
        }
        assert_eq!(day_from(None).unwrap(), None);
        assert!(day_from(Some(i32::MAX)).is_err());
    }

    #[test]
    fn the_last_word_on_a_patient_is_kept_and_his_birth_with_it() {
        let space = |ins: &str, state, born| NewSpace { patient: Ins::parse(ins).unwrap(), state, born };
        let (one, other) = ("279035121518989", "109076322083489");
        let birth = Some(date(1979, 3, 1));
        let rows = SpaceRows::new(&[
            space(one, SpaceState::Open, birth),
            space(other, SpaceState::Open, None),
            space(one, SpaceState::Closed, None),
        ]);
        let key = |ins: &str| key_of(&Ins::parse(ins).unwrap());
        assert_eq!(rows.open, [SpaceRow { key: key(other), born: None }]);
        assert_eq!(rows.closed, [SpaceRow { key: key(one), born: birth.and_then(day_number) }]);
    }
}
