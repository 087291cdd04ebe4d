//! The rows that a record consists of, all of them, and changes of a few of them that can be taken back.

use std::collections::HashSet;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row as _};

use crate::support::Fixture;

/// A row of `audit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryRow {
    pub(super) seq: i64,
    pub(super) message: Option<Vec<u8>>,
    pub(super) event: Vec<u8>,
}

/// A row of `audit_about`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AboutRow {
    pub(super) subject: Vec<u8>,
    pub(super) seq: i64,
}

/// A row of `audit_subjects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubjectRow {
    pub(super) digest: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) key_id: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// A row of `audit_tiles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TileRow {
    pub(super) level: i64,
    pub(super) number: i64,
    pub(super) hashes: Vec<u8>,
}

/// A row of `audit_checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CheckpointRow {
    pub(super) size: i64,
    pub(super) note: Vec<u8>,
    pub(super) sealed_at: i64,
}

/// One row of any of them.
#[derive(Debug, Clone)]
pub(super) enum Row {
    Entry(EntryRow),
    About(AboutRow),
    Subject(SubjectRow),
    Tile(TileRow),
    Checkpoint(CheckpointRow),
}

/// All of them, in the order of their keys.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) entries: Vec<EntryRow>,
    pub(super) about: Vec<AboutRow>,
    pub(super) subjects: Vec<SubjectRow>,
    pub(super) tiles: Vec<TileRow>,
    pub(super) checkpoints: Vec<CheckpointRow>,
    /// The last entry that pruning has looked at.
    pub(super) pruned_to: i64,
}

impl Rows {
    pub(super) fn sealed(&self) -> i64 {
        self.checkpoints.last().unwrap().size
    }

    /// Those that are sealed and not pruned.
    pub(super) fn kept(&self) -> Vec<EntryRow> {
        self.entries.iter().filter(|row| row.seq <= self.sealed() && !row.event.is_empty()).cloned().collect()
    }

    pub(super) fn with_message(&self) -> Vec<EntryRow> {
        self.entries.iter().filter(|row| row.message.is_some()).cloned().collect()
    }

    pub(super) fn is_told(&self, subject: &[u8], seq: i64) -> bool {
        self.about.iter().any(|row| row.subject == subject && row.seq == seq)
    }

    /// The first entry about somebody.
    pub(super) fn first_about(&self, subject: &[u8]) -> i64 {
        self.about.iter().find(|row| row.subject == subject).unwrap().seq
    }

    /// Those of whom a sealed entry tells.
    pub(super) fn told(&self) -> Vec<SubjectRow> {
        let told: HashSet<&[u8]> = self.about.iter().map(|row| &row.subject[..]).collect();
        self.subjects.iter().filter(|row| told.contains(&row.subject[..])).cloned().collect()
    }
}

/// Rows that go and rows that come.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) gone: Vec<Row>,
    pub(super) come: Vec<Row>,
}

impl Edit {
    /// One row becomes another.
    pub(super) fn of(gone: Row, come: Row) -> Self {
        Self { gone: vec![gone], come: vec![come] }
    }

    /// A row goes.
    pub(super) fn drop(gone: Row) -> Self {
        Self { gone: vec![gone], come: Vec::new() }
    }

    /// A row comes.
    pub(super) fn add(come: Row) -> Self {
        Self { gone: Vec::new(), come: vec![come] }
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.gone.extend(other.gone);
        self.come.extend(other.come);
        self
    }

    fn undone(self) -> Self {
        Self { gone: self.come, come: self.gone }
    }
}

/// A connection behind the store's back.
pub(super) struct Behind(SqliteConnection);

impl Behind {
    pub(super) async fn open(at: &Fixture) -> Self {
        let options = SqliteConnectOptions::new().filename(at.data().join("pli.db"));
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Off);
        Self(options.connect().await.unwrap())
    }

    pub(super) async fn rows(&mut self) -> Rows {
        macro_rules! all {
            ($sql:expr, $row:ident { $($column:ident),+ }) => {
                sqlx::query($sql).fetch_all(&mut self.0).await.unwrap().iter()
                    .map(|row| $row { $($column: row.get(stringify!($column))),+ }).collect()
            };
        }
        Rows {
            entries: all!(
                "SELECT seq, message_id AS message, event FROM audit ORDER BY seq",
                EntryRow { seq, message, event }
            ),
            about: all!("SELECT subject, seq FROM audit_about ORDER BY seq, subject", AboutRow { subject, seq }),
            subjects: all!(
                "SELECT digest, subject, key_id, key FROM audit_subjects ORDER BY digest",
                SubjectRow { digest, subject, key_id, key }
            ),
            tiles: all!(
                "SELECT level, number, hashes FROM audit_tiles ORDER BY level, number",
                TileRow { level, number, hashes }
            ),
            checkpoints: all!(
                "SELECT size, CAST(checkpoint AS BLOB) AS note, sealed_at FROM audit_checkpoints ORDER BY size",
                CheckpointRow { size, note, sealed_at }
            ),
            pruned_to: sqlx::query_scalar("SELECT max(value) FROM counters WHERE name LIKE 'audit-pruned-%'")
                .fetch_one(&mut self.0)
                .await
                .unwrap(),
        }
    }

    /// Changes rows; what takes it back.
    pub(super) async fn apply(&mut self, edit: Edit) -> Edit {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.0).await.unwrap();
        for row in &edit.gone {
            self.take(row).await;
        }
        for row in &edit.come {
            self.put(row).await;
        }
        sqlx::query("COMMIT").execute(&mut self.0).await.unwrap();
        edit.undone()
    }

    async fn take(&mut self, row: &Row) {
        let sql = match row {
            Row::Entry(row) => sqlx::query("DELETE FROM audit WHERE seq = ?").bind(row.seq),
            Row::About(row) => {
                let sql = sqlx::query("DELETE FROM audit_about WHERE subject = ? AND seq = ?");
                sql.bind(&row.subject[..]).bind(row.seq)
            }
            Row::Subject(row) => sqlx::query("DELETE FROM audit_subjects WHERE digest = ?").bind(&row.digest[..]),
            Row::Tile(row) => {
                let sql = sqlx::query("DELETE FROM audit_tiles WHERE level = ? AND number = ?");
                sql.bind(row.level).bind(row.number)
            }
            Row::Checkpoint(row) => sqlx::query("DELETE FROM audit_checkpoints WHERE size = ?").bind(row.size),
        };
        assert_eq!(sql.execute(&mut self.0).await.unwrap().rows_affected(), 1, "{row:?}");
    }

    async fn put(&mut self, row: &Row) {
        let sql = match row {
            Row::Entry(row) => {
                let sql = sqlx::query("INSERT INTO audit (seq, message_id, event) VALUES (?, ?, ?)");
                sql.bind(row.seq).bind(row.message.as_deref()).bind(&row.event[..])
            }
            Row::About(row) => {
                let sql = sqlx::query("INSERT INTO audit_about (subject, seq) VALUES (?, ?)");
                sql.bind(&row.subject[..]).bind(row.seq)
            }
            Row::Subject(row) => {
                let sql = sqlx::query("INSERT INTO audit_subjects (digest, subject, key_id, key) VALUES (?, ?, ?, ?)");
                sql.bind(&row.digest[..]).bind(&row.subject[..]).bind(&row.key_id[..]).bind(&row.key[..])
            }
            Row::Tile(row) => {
                let sql = sqlx::query("INSERT INTO audit_tiles (level, number, hashes) VALUES (?, ?, ?)");
                sql.bind(row.level).bind(row.number).bind(&row.hashes[..])
            }
            Row::Checkpoint(row) => {
                let sql = sqlx::query(
                    "INSERT INTO audit_checkpoints (size, checkpoint, sealed_at) VALUES (?, CAST(? AS TEXT), ?)",
                );
                sql.bind(row.size).bind(&row.note[..]).bind(row.sealed_at)
            }
        };
        sql.execute(&mut self.0).await.unwrap();
    }
}
