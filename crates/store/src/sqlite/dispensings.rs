//! [`Dispensings`].
//!
//! The table stands by week, patient, pharmacy and day (why: see its migration). Who looks up a patient goes from one
//! week that is kept to the one before it, a few microseconds each; there are about as many as a year has.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use pli_audit::Event;
use pli_types::{FinessId, Ins};
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::bulk::{Bulk, Sql};
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error, json_numbers, size};
use super::tx::Tx;
use super::writer::Write;
use crate::{Dispensing, Dispensings, LastDispensings, Loaded, Pharmacy, Result, StoreError};

/// Day 0, a Thursday.
const EPOCH: Date = date(1970, 1, 1);

/// All weeks of which something is kept, the last first: each by a step down the index from the one after it.
macro_rules! weeks {
    ($rest:literal) => {
        concat!(
            "WITH RECURSIVE weeks (week) AS (
                SELECT max(week) FROM dispensings
                UNION ALL
                SELECT (SELECT max(week) FROM dispensings AS d WHERE d.week < weeks.week) FROM weeks
                WHERE weeks.week IS NOT NULL
             ) ",
            $rest
        )
    };
}

#[async_trait]
impl Dispensings for SqliteStore {
    async fn put_dispensings(&self, dispensings: Vec<Dispensing>, audit: Vec<Event>) -> Result<Loaded> {
        let pharmacies = dispensings.iter().map(|dispensing| dispensing.pharmacy.to_number()).collect();
        let mut rows: Vec<_> = dispensings.iter().map(DispensingRow::of).collect();
        // In the order of the table, so that neighbours go into one page; of two of a day the reimbursed one first.
        rows.sort_unstable_by_key(|row| (row.key(), !row.reimbursed));
        let given = rows.len();
        rows.dedup_by_key(|row| row.key());
        let repeated = given - rows.len();
        let mut loaded = self.write(Put { rows, pharmacies, audit: audit_rows(&audit) }).await?;
        loaded.unchanged = loaded.unchanged.saturating_add(repeated as u64);
        Ok(loaded)
    }

    async fn last_dispensings(&self, patient: &Ins, pharmacy: &FinessId) -> Result<LastDispensings> {
        let sql = sqlx::query(weeks!(
            "SELECT max(d.day) AS last, max(iif(d.reimbursed, d.day, NULL)) AS reimbursed
             FROM weeks CROSS JOIN dispensings AS d ON d.week = weeks.week
             WHERE d.patient = ? AND d.pharmacy = ?"
        ));
        let sql = sql.bind(patient_number(patient)).bind(pharmacy.to_number());
        let Some(row) = self.readers.one(sql).await.map_err(read_error)? else { return Ok(LastDispensings::default()) };
        let row = row_of(&row);
        Ok(LastDispensings { reimbursed: day_if_any(row, "reimbursed")?, any: day_if_any(row, "last")? })
    }

    async fn dispensings(&self, patient: &Ins, pharmacy: Option<&FinessId>, limit: usize) -> Result<Vec<Dispensing>> {
        let sql = sqlx::query(weeks!(
            "SELECT d.pharmacy, d.day, d.reimbursed
             FROM weeks CROSS JOIN dispensings AS d ON d.week = weeks.week
             WHERE d.patient = ?1 AND (?2 IS NULL OR d.pharmacy = ?2)
             ORDER BY d.day DESC, d.pharmacy LIMIT ?3"
        ));
        let sql = sql.bind(patient_number(patient)).bind(pharmacy.map(FinessId::to_number)).bind(size(limit as u64));
        let rows = self.readers.all(sql).await.map_err(read_error)?;
        rows.iter().map(|row| dispensing(row_of(row), patient)).collect()
    }

    async fn forget_dispensings(&self, before: Date, limit: usize, audit: Vec<Event>) -> Result<u64> {
        let week = days(before).div_euclid(7);
        self.write(Forget { week, limit: size(limit as u64), audit: audit_rows(&audit) }).await
    }

    async fn is_pharmacy(&self, structure: &FinessId) -> Result<bool> {
        let sql = sqlx::query("SELECT 1 FROM pharmacies WHERE structure = ?").bind(structure.to_number());
        Ok(self.readers.one(sql).await.map_err(read_error)?.is_some())
    }

    async fn put_pharmacies(&self, structures: Vec<FinessId>, all: bool, audit: Vec<Event>) -> Result<Loaded> {
        let given = structures.len() as u64;
        let structures: BTreeSet<u32> = structures.iter().map(FinessId::to_number).collect();
        self.write(PutPharmacies { structures, given, all, audit: audit_rows(&audit) }).await
    }

    async fn pharmacies(&self, after: Option<&FinessId>, limit: usize) -> Result<Vec<Pharmacy>> {
        let sql = sqlx::query(
            "SELECT structure, told, dispensed FROM pharmacies WHERE structure > ? ORDER BY structure LIMIT ?",
        );
        let after = after.map_or(-1, |after| i64::from(after.to_number()));
        let rows = self.readers.all(sql.bind(after).bind(size(limit as u64))).await.map_err(read_error)?;
        rows.iter().map(|row| pharmacy(Row::new(row, "pharmacies"))).collect()
    }
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the dispensings could not be read", error)
}

/// A row of the table. Its key would be somebody's identifier, so a fault names none.
fn row_of(row: &SqliteRow) -> Row<'_> {
    Row::new(row, "dispensings").of("dispensings", "")
}

fn patient_number(patient: &Ins) -> i64 {
    size(patient.to_number())
}

/// Days since 1970.
fn days(on: Date) -> i64 {
    on.duration_since(EPOCH).as_hours().div_euclid(24)
}

fn day_if_any(row: Row<'_>, column: &'static str) -> Result<Option<Date>> {
    row.parse(column, |day: Option<i64>| day.map(|day| EPOCH.checked_add(day.days())).transpose())
}

fn structure(row: Row<'_>, column: &'static str) -> Result<FinessId> {
    let number = row.number(column)?;
    FinessId::from_number(number).ok_or_else(|| row.corrupt(column, "no structure has this number"))
}

fn dispensing(row: Row<'_>, patient: &Ins) -> Result<Dispensing> {
    Ok(Dispensing {
        patient: patient.clone(),
        pharmacy: structure(row, "pharmacy")?,
        on: row.parse("day", |day: i64| EPOCH.checked_add(day.days()))?,
        reimbursed: row.get("reimbursed")?,
    })
}

fn pharmacy(row: Row<'_>) -> Result<Pharmacy> {
    Ok(Pharmacy { structure: structure(row, "structure")?, told: row.get("told")?, dispensed: row.get("dispensed")? })
}

/// A row to insert.
struct DispensingRow {
    week: i64,
    patient: i64,
    pharmacy: u32,
    day: i64,
    reimbursed: bool,
}

impl DispensingRow {
    fn of(dispensing: &Dispensing) -> Self {
        let day = days(dispensing.on);
        Self {
            week: day.div_euclid(7),
            patient: patient_number(&dispensing.patient),
            pharmacy: dispensing.pharmacy.to_number(),
            day,
            reimbursed: dispensing.reimbursed,
        }
    }

    fn key(&self) -> (i64, i64, u32, i64) {
        (self.week, self.patient, self.pharmacy, self.day)
    }
}

static INSERT: Bulk = Bulk::new("INSERT OR IGNORE INTO dispensings (week, patient, pharmacy, day, reimbursed)", 5);

fn bind_row<'r>(sql: Sql<'r>, row: &'r DispensingRow) -> Sql<'r> {
    sql.bind(row.week).bind(row.patient).bind(row.pharmacy).bind(row.day).bind(row.reimbursed)
}

struct Put {
    rows: Vec<DispensingRow>,
    pharmacies: BTreeSet<u32>,
    audit: AuditRows,
}

#[async_trait]
impl Write for Put {
    type Output = Loaded;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Loaded> {
        let mut created = 0;
        for sql in INSERT.rows(&self.rows, bind_row).statements() {
            created += tx.execute(sql).await?;
        }
        let there = self.rows.len() as u64 - created;
        let changed = if there == 0 { 0 } else { self.reimburse(tx).await? };
        let sql = sqlx::query(
            "INSERT INTO pharmacies (structure, told, dispensed) SELECT value, 0, 1 FROM json_each(?) WHERE true
             ON CONFLICT (structure) DO UPDATE SET dispensed = 1 WHERE NOT dispensed",
        );
        tx.execute(sql.bind(json_numbers(&self.pharmacies))).await?;
        tx.record(&self.audit);
        Ok(Loaded { created, changed, unchanged: there - changed })
    }
}

impl Put {
    /// Of those that were there, what was not reimbursed and now is; how many.
    async fn reimburse(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let reimbursed = self.rows.iter().filter(|row| row.reimbursed);
        let list = json_numbers(reimbursed.map(|row| {
            let DispensingRow { week, patient, pharmacy, day, .. } = row;
            format!("[{week},{patient},{pharmacy},{day}]")
        }));
        let sql = sqlx::query(
            "UPDATE dispensings SET reimbursed = 1
             FROM (SELECT value ->> 0 AS week, value ->> 1 AS patient, value ->> 2 AS pharmacy, value ->> 3 AS day
                   FROM json_each(?)) AS t
             WHERE dispensings.week = t.week AND dispensings.patient = t.patient
                AND dispensings.pharmacy = t.pharmacy AND dispensings.day = t.day AND NOT dispensings.reimbursed",
        );
        tx.execute(sql.bind(list)).await
    }
}

struct Forget {
    /// The first week that is kept.
    week: i64,
    limit: i64,
    audit: AuditRows,
}

#[async_trait]
impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = sqlx::query(
            "DELETE FROM dispensings WHERE (week, patient, pharmacy, day) IN
                (SELECT week, patient, pharmacy, day FROM dispensings WHERE week < ? ORDER BY week LIMIT ?)",
        );
        let forgotten = tx.execute(sql.bind(self.week).bind(self.limit)).await?;
        if forgotten > 0 {
            tx.record(&self.audit);
        }
        Ok(forgotten)
    }
}

struct PutPharmacies {
    structures: BTreeSet<u32>,
    given: u64,
    all: bool,
    audit: AuditRows,
}

#[async_trait]
impl Write for PutPharmacies {
    type Output = Loaded;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Loaded> {
        let list = json_numbers(&self.structures);
        let sql = sqlx::query(
            "INSERT INTO pharmacies (structure, told, dispensed) SELECT value, 1, 0 FROM json_each(?) WHERE true
             ON CONFLICT (structure) DO UPDATE SET told = 1 WHERE NOT told",
        );
        let created = tx.execute(sql.bind(list.as_str())).await?;
        let mut changed = 0;
        if self.all {
            let sql = "UPDATE pharmacies SET told = 0 WHERE told AND structure NOT IN (SELECT value FROM json_each(?))";
            changed = tx.execute(sqlx::query(sql).bind(list.as_str())).await?;
            tx.execute(sqlx::query("DELETE FROM pharmacies WHERE NOT told AND NOT dispensed")).await?;
        }
        tx.record(&self.audit);
        Ok(Loaded { created, changed, unchanged: self.given.saturating_sub(created) })
    }
}
