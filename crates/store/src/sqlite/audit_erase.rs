//! [`AuditKeeping`]: entries that are pruned (`audit_prune.rs`), and a patient who is forgotten.
//!
//! What opens the record is his row of `audit_subjects`. That table is written anew without him, since SQLite leaves copies of
//! a row in unused parts of pages when it moves it, and overwrites only those that are deleted (`secure_delete`).

use std::time::Duration;

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{MailAddress, Person};
use sqlx::{ConnectOptions, Connection, Row as _};

use super::SqliteStore;
use super::audit_prune::PruneSome;
use super::bulk::Sql;
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error};
use super::setup;
use super::space_rows::key_of;
use super::tx::Tx;
use super::writer::Write;
use crate::{AuditKeeping, Erase, Prune, Pruned, Result, StoreError, Traces};

/// How often readers are asked to let go of the write-ahead log, and how long each time.
const TRIES: usize = 20;
const PATIENCE: Duration = Duration::from_millis(500);

#[async_trait]
impl AuditKeeping for SqliteStore {
    async fn prune(&self, prune: Prune) -> Result<Pruned> {
        self.write(PruneSome { prune, now: self.clock.now() }).await
    }

    async fn traces_of(&self, erase: &Erase) -> Result<Traces> {
        let known = Known::new(erase, self.master.subject_digest(&Person::parse(erase.patient.reveal())));
        let mut traces = Traces::default();
        for (what, sql) in LIVING {
            let row = self.readers.one(known.bind(sqlx::query(sql))).await.map_err(read_error)?;
            traces.living.extend(row.map(|_| what));
        }
        for (table, sql, _) in RECORDED {
            let row = self.readers.one(known.bind(sqlx::query(sql))).await.map_err(read_error)?;
            let rows = row.map_or(Ok(0), |row| Row::new(&row, table).number("rows"))?;
            if rows > 0 {
                traces.rows.push((table, rows));
            }
        }
        Ok(traces)
    }

    async fn erase(&self, erase: Erase, audit: Vec<Event>) -> Result<Traces> {
        let digest = self.master.subject_digest(&Person::parse(erase.patient.reveal()));
        let traces = self.write(EraseOne { known: Known::new(&erase, digest), audit: audit_rows(&audit) }).await?;
        self.empty_log().await?;
        Ok(traces)
    }
}

impl SqliteStore {
    /// Brings all that was written into the database, and leaves nothing in the log beside it.
    async fn empty_log(&self) -> Result<()> {
        let failed = |error| database_error("the write-ahead log could not be emptied", error);
        let options = setup::writer_options(&self.location).busy_timeout(PATIENCE);
        let mut connection = options.connect().await.map_err(failed)?;
        let mut emptied = false;
        for _ in 0..TRIES {
            let row =
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await.map_err(failed)?;
            emptied = row.try_get::<i64, _>(0).map_err(failed)? == 0;
            if emptied {
                break;
            }
        }
        connection.close().await.map_err(failed)?;
        let busy = "he is erased, but somebody reads the database, whose log of writes could not be emptied";
        if emptied { Ok(()) } else { Err(StoreError::unavailable(busy)) }
    }
}

/// By what a patient is known: `?1` his number, `?2` his address, `?3` its key in stories, `?4` his digest in the record.
struct Known {
    number: i64,
    address: String,
    key: Vec<u8>,
    digest: Vec<u8>,
}

impl Known {
    fn new(erase: &Erase, digest: [u8; 32]) -> Self {
        Self {
            number: key_of(&erase.patient),
            address: MailAddress::of_patient(&erase.patient).key().to_lowercase(),
            key: erase.key.as_bytes().to_vec(),
            digest: digest.to_vec(),
        }
    }

    fn bind<'q>(&self, sql: Sql<'q>) -> Sql<'q> {
        sql.bind(self.number).bind(self.address.clone()).bind(self.key.clone()).bind(self.digest.clone())
    }
}

/// What is in use, and how it is found. Each statement takes all four values.
const LIVING: [(&str, &str); 6] = [
    ("mailbox", "SELECT 1 FROM mailboxes WHERE patient = ?1 OR lower(address) = ?2 LIMIT 1"),
    ("space", "SELECT 1 FROM patient_spaces WHERE number = ?1 AND state = 0 LIMIT 1"),
    (
        "queue",
        "SELECT 1 FROM queue WHERE lower(recipient) = ?2
            OR message_id IN (SELECT id FROM messages WHERE lower(sender) = ?2) LIMIT 1",
    ),
    ("account", "SELECT 1 FROM accounts WHERE lower(name) = ?2 LIMIT 1"),
    ("watch", "SELECT 1 FROM watches WHERE ended_at IS NULL AND (lower(sender) = ?2 OR lower(recipient) = ?2) LIMIT 1"),
    (
        "notice",
        "SELECT 1 FROM campaign_recipients WHERE campaign_id IN (SELECT id FROM campaigns) AND patient = ?1
            AND outcome IS NULL LIMIT 1",
    ),
];

/// `WITH` the weeks that dispensings are kept of, so that a patient is looked up in each.
macro_rules! his_dispensings {
    ($begin:literal) => {
        concat!(
            "WITH RECURSIVE weeks (week) AS (SELECT min(week) FROM dispensings UNION ALL
                SELECT (SELECT min(d.week) FROM dispensings AS d WHERE d.week > weeks.week) FROM weeks
                WHERE weeks.week IS NOT NULL) ",
            $begin,
            " FROM dispensings WHERE week IN (SELECT week FROM weeks WHERE week IS NOT NULL) AND patient = ?1"
        )
    };
}

/// The rows of one table: how many, and without him.
macro_rules! rows {
    ($table:literal, $which:literal) => {
        rows!($table, $which, concat!("DELETE FROM ", $table))
    };
    ($table:literal, $which:literal, $change:expr) => {
        (
            $table,
            concat!("SELECT count(*) AS rows FROM ", $table, " WHERE ", $which),
            concat!($change, " WHERE ", $which),
        )
    };
}

/// What is only a record of him, in an order in which each is still found.
const RECORDED: [(&str, &str, &str); 15] = [
    rows!(
        "arrivals",
        "message_id IN (SELECT message_id FROM stories WHERE sender_key = ?3
            UNION ALL SELECT message_id FROM story_parties WHERE recipient_key = ?3)"
    ),
    rows!("stories", "sender_key = ?3", "UPDATE stories SET sender_key = NULL"),
    // A party has a key: one that is nobody's.
    rows!("story_parties", "recipient_key = ?3", "UPDATE story_parties SET recipient_key = randomblob(16)"),
    rows!("contacts", "patient = ?1"),
    rows!("contact_events", "patient = ?1"),
    rows!("received", "lower(author) = ?2 OR lower(receipt_to) = ?2 OR instr(lower(reply_to), ?2) > 0"),
    ("dispensings", his_dispensings!("SELECT count(*) AS rows"), his_dispensings!("DELETE")),
    rows!("campaign_recipients", "campaign_id IN (SELECT id FROM campaigns) AND patient = ?1"),
    rows!("publications", "lower(address) = ?2"),
    rows!("former_addresses", "lower(address) = ?2"),
    rows!("watches", "lower(sender) = ?2 OR lower(recipient) = ?2"),
    // The letter is whose mailbox it lies in; who sent it stands in its header, which is sealed.
    rows!("messages", "lower(sender) = ?2", "UPDATE messages SET sender = NULL, parameters = NULL"),
    rows!("patient_spaces", "number = ?1"),
    rows!("audit_about", "subject = (SELECT subject FROM audit_subjects WHERE digest = ?4)"),
    rows!("audit_subjects", "digest = ?4"),
];

struct EraseOne {
    known: Known,
    audit: AuditRows,
}

#[async_trait]
impl Write for EraseOne {
    type Output = Traces;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Traces> {
        for (_, sql) in LIVING {
            if tx.fetch_one(self.known.bind(sqlx::query(sql))).await?.is_some() {
                return Err(StoreError::Conflict("something of the patient is still in use"));
            }
        }
        let mut traces = Traces::default();
        for (table, _, sql) in RECORDED {
            let rows = tx.execute(self.known.bind(sqlx::query(sql))).await?;
            if rows > 0 {
                traces.rows.push((table, rows));
            }
        }
        let had = |table| traces.rows.iter().any(|(named, _)| *named == table);
        if had("patient_spaces") {
            // It was closed.
            tx.execute(sqlx::query("UPDATE patient_space_counts SET spaces = spaces - 1 WHERE state = 1")).await?;
        }
        if had("audit_subjects") {
            for sql in WRITE_SUBJECTS_ANEW {
                tx.execute(sqlx::query(sql)).await?;
            }
        }
        if !traces.rows.is_empty() {
            tx.record(&self.audit);
        }
        Ok(traces)
    }
}

/// Whole pages that are given up are overwritten, with whatever copies of rows lay in them. In the order of their keys rows
/// are never moved as they are written. As in migration 19.
const WRITE_SUBJECTS_ANEW: [&str; 4] = [
    "CREATE TABLE audit_subjects_anew (
        digest  BLOB NOT NULL PRIMARY KEY,
        subject BLOB NOT NULL UNIQUE,
        key_id  BLOB NOT NULL,
        key     BLOB NOT NULL
    ) STRICT, WITHOUT ROWID",
    "INSERT INTO audit_subjects_anew SELECT digest, subject, key_id, key FROM audit_subjects ORDER BY digest",
    "DROP TABLE audit_subjects",
    "ALTER TABLE audit_subjects_anew RENAME TO audit_subjects",
];

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("what is there of a patient could not be read", error)
}
