//! [`Import`]: builds a copy, beside the one in use.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::copy::{APPLICATION_ID, VERSION};
use super::install::{Lock, unfinished};
use super::search::joined;
use super::{About, LocalCopy};
use crate::sqlite::database_error;
use crate::{Result, StoreError};

/// Lines that go to the database at once: the cost of a statement is shared by so many.
const BATCH: usize = 500;

/// The copy's tables. Words are an index alone: their text is in the line.
const TABLES: &str = "
CREATE TABLE about (about TEXT NOT NULL) STRICT;
CREATE TABLE entry (id INTEGER PRIMARY KEY, address TEXT NOT NULL, line TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (
    name, profession, town, department, structure, kind,
    content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
-- Words are sorted in memory and written in few large pieces.
INSERT INTO words (words, rank) VALUES ('hashsize', 33554432);
";

/// A line, and what it is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number in the file: lines come in this order.
    pub number: u64,
    /// [`pli_types::MailAddress::key`].
    pub address: String,
    /// As it came.
    pub line: String,
    /// Whose: title and names.
    pub name: String,
    /// Profession and speciality.
    pub profession: String,
    /// Town and postal code.
    pub town: String,
    /// The department's name and number.
    pub department: String,
    /// The structure's name, sign, service and number.
    pub structure: String,
    /// The type of mailbox.
    pub kind: String,
}

/// A copy in the making. Dropped before [`Import::finish`], it leaves a file that the next one overwrites.
#[derive(Debug)]
pub struct Import {
    connection: SqliteConnection,
    file: PathBuf,
    batch: Vec<Listed>,
    lock: Lock,
}

/// A copy that is whole, on the disk, and waits for [`super::install`]. As long as this lives no other import begins.
#[derive(Debug)]
pub struct Prepared {
    /// What it is a copy of.
    pub about: About,
    _lock: Lock,
}

impl Import {
    /// Begins one in this state folder. `Conflict` while another is under way.
    pub async fn begin(state: &Path) -> Result<Self> {
        let lock = Lock::take(state)?;
        let file = unfinished(state);
        super::install::create(&file)?;
        // Nobody reads a copy before it is whole and synced: until then no write need be safe.
        let opened = SqliteConnectOptions::new()
            .filename(&file)
            .page_size(8192)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .pragma("locking_mode", "EXCLUSIVE")
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", "-32768")
            .disable_statement_logging()
            .connect()
            .await;
        let mut connection = opened.map_err(failed)?;
        let tables = format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {TABLES} BEGIN IMMEDIATE;"
        );
        // Made of our own literals and numbers only.
        sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.map_err(failed)?;
        Ok(Self { connection, file, batch: Vec::with_capacity(BATCH), lock })
    }

    /// Adds a line.
    pub async fn add(&mut self, line: Listed) -> Result<()> {
        self.batch.push(line);
        if self.batch.len() < BATCH { Ok(()) } else { self.flush().await }
    }

    /// Makes it whole and brings it to the disk; the copy in use stays until [`super::install`]. The addresses of `about`
    /// are counted here.
    pub async fn finish(mut self, about: About) -> Result<Prepared> {
        self.flush().await?;
        let index = "CREATE INDEX entry_address ON entry (address); COMMIT;";
        sqlx::raw_sql(index).execute(&mut self.connection).await.map_err(failed)?;
        let count = sqlx::query_scalar("SELECT count(DISTINCT address) FROM entry").fetch_one(&mut self.connection);
        let addresses: i64 = count.await.map_err(failed)?;
        let about = About { addresses: u64::try_from(addresses).unwrap_or_default(), ..about };
        let text = serde_json::to_string(&about).map_err(|error| StoreError::io("writing the copy", error.into()))?;
        let insert = sqlx::query("INSERT INTO about (about) VALUES (?)").bind(text).execute(&mut self.connection);
        insert.await.map_err(failed)?;
        self.connection.close().await.map_err(failed)?;
        let synced = File::open(&self.file).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::io("bringing the directory's copy to the disk", error))?;
        Ok(Prepared { about, _lock: self.lock })
    }

    async fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let lines = self.batch.len();
        let sql = format!("INSERT INTO entry (id, address, line) VALUES {}", rows("(?,?,?)", lines));
        let mut entries = sqlx::query(AssertSqlSafe(sql)).persistent(lines == BATCH);
        let sql = format!(
            "INSERT INTO words (rowid, name, profession, town, department, structure, kind) VALUES {}",
            rows("(?,?,?,?,?,?,?)", lines)
        );
        let mut words = sqlx::query(AssertSqlSafe(sql)).persistent(lines == BATCH);
        for listed in self.batch.drain(..) {
            let id = i64::try_from(listed.number).unwrap_or(i64::MAX);
            entries = entries.bind(id).bind(listed.address).bind(listed.line);
            words = words.bind(id);
            let texts = [listed.name, listed.profession, listed.town, listed.department, listed.structure, listed.kind];
            for text in texts {
                words = words.bind(joined(&text).into_owned());
            }
        }
        entries.execute(&mut self.connection).await.map_err(failed)?;
        words.execute(&mut self.connection).await.map_err(failed)?;
        Ok(())
    }
}

/// `(?,?),(?,?)`
fn rows(row: &str, count: usize) -> String {
    let mut out = format!("{row},").repeat(count);
    out.pop();
    out
}

fn failed(error: sqlx::Error) -> StoreError {
    database_error("writing the directory's copy", error)
}

/// What lies unfinished or waits to be installed, if it is whole.
pub(super) async fn whole(file: &Path) -> Result<Option<About>> {
    match LocalCopy::open_file(file).await {
        Ok(Some(copy)) => {
            let about = copy.about().clone();
            copy.close().await;
            Ok(Some(about))
        }
        Ok(None) | Err(StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
