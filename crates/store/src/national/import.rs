//! [`Import`]: builds a copy, beside the one in use.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::copy::{APPLICATION_ID, VERSION};
use super::install::{Lock, unfinished};
use super::terms::Terms;
use super::{About, LocalCopy, Place};
use crate::sqlite::database_error;
use crate::{Result, StoreError};

/// Lines lie in blocks of about this size: to show one, so much is read.
const BLOCK_BYTES: usize = 16 << 10;

/// How many blocks of lines wait until they are written.
const BLOCKS: usize = 16;

/// The copy's tables. `lines` has blocks of lines, `first` the number of the first one, counted from 0; `terms` has
/// blocks of the index (see [`super::terms`]), with the first and the last term of each.
const TABLES: &str = "
CREATE TABLE about (about TEXT NOT NULL) STRICT;
CREATE TABLE lines (first INTEGER PRIMARY KEY, lines TEXT NOT NULL) STRICT;
CREATE TABLE terms (id INTEGER PRIMARY KEY, first BLOB NOT NULL, last BLOB NOT NULL, terms BLOB NOT NULL) STRICT;
";

/// A line, and what it is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'l> {
    /// [`pli_types::MailAddress::key`].
    pub address: &'l str,
    /// As it came, without a line end in it.
    pub line: &'l str,
    /// Its words, and where they stand. A place may have several texts.
    pub words: &'l [(Place, &'l str)],
}

/// A copy in the making. Dropped before [`Import::finish`], it leaves a file that the next one overwrites.
#[derive(Debug)]
pub struct Import {
    connection: SqliteConnection,
    file: PathBuf,
    lock: Lock,
    /// How many lines there are.
    count: u32,
    /// Blocks of lines, each with the number of its first one.
    blocks: Vec<(u32, String)>,
    terms: Terms,
    /// A number for each line's address, to count those that differ.
    addresses: Vec<u64>,
    hasher: RandomState,
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
            .page_size(16384)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .pragma("locking_mode", "EXCLUSIVE")
            .pragma("cache_size", "-8192")
            .disable_statement_logging()
            .connect()
            .await;
        let mut connection = opened.map_err(failed)?;
        let tables = format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {TABLES} BEGIN IMMEDIATE;"
        );
        // Made of our own literals and numbers only.
        sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.map_err(failed)?;
        let (blocks, terms) = (Vec::with_capacity(BLOCKS), Terms::default());
        let (addresses, hasher) = (Vec::new(), RandomState::new());
        Ok(Self { connection, file, lock, count: 0, blocks, terms, addresses, hasher })
    }

    /// Takes a line into memory. `true`: there is a piece to [`Import::write`].
    #[must_use = "memory is bounded by writing in between"]
    pub fn add(&mut self, listed: &Listed<'_>) -> bool {
        debug_assert!(!listed.line.contains('\n'), "a line is one line");
        self.terms.add(self.count, listed);
        self.addresses.push(self.hasher.hash_one(listed.address));
        match self.blocks.last_mut() {
            Some((_, block)) if block.len() < BLOCK_BYTES => {
                block.push('\n');
                block.push_str(listed.line);
            }
            _ => {
                let mut block = String::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 8);
                block.push_str(listed.line);
                self.blocks.push((self.count, block));
            }
        }
        // The text has at most 1 GiB.
        self.count = self.count.saturating_add(1);
        self.blocks.len() >= BLOCKS || self.terms.are_many()
    }

    /// Writes what has been added.
    pub async fn write(&mut self) -> Result<()> {
        // The last block may still grow.
        let last = self.blocks.pop();
        self.write_lines().await?;
        self.blocks.extend(last);
        if self.terms.are_many() { self.write_terms().await } else { Ok(()) }
    }

    /// Makes it whole and brings it to the disk; the copy in use stays until [`super::install`]. The addresses of `about`
    /// are counted here.
    pub async fn finish(mut self, about: About) -> Result<Prepared> {
        self.write_lines().await?;
        self.write_terms().await?;
        self.addresses.sort_unstable();
        self.addresses.dedup();
        let addresses = u64::try_from(self.addresses.len()).unwrap_or(u64::MAX);
        let about = About { addresses, taken: self.count.into(), ..about };
        let text = serde_json::to_string(&about).map_err(|error| StoreError::io("writing the copy", error.into()))?;
        let insert = sqlx::query("INSERT INTO about (about) VALUES (?)").bind(text).execute(&mut self.connection);
        insert.await.map_err(failed)?;
        let index = "CREATE INDEX terms_range ON terms (first, last); COMMIT;";
        sqlx::raw_sql(index).execute(&mut self.connection).await.map_err(failed)?;
        self.connection.close().await.map_err(failed)?;
        let synced = File::open(&self.file).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::io("bringing the directory's copy to the disk", error))?;
        Ok(Prepared { about, _lock: self.lock })
    }

    async fn write_lines(&mut self) -> Result<()> {
        for (first, lines) in self.blocks.drain(..) {
            let insert = sqlx::query("INSERT INTO lines (first, lines) VALUES (?, ?)").bind(first).bind(lines);
            insert.execute(&mut self.connection).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn write_terms(&mut self) -> Result<()> {
        for block in self.terms.take() {
            let insert = sqlx::query("INSERT INTO terms (first, last, terms) VALUES (?, ?, ?)");
            let insert = insert.bind(block.first).bind(block.last).bind(block.content);
            insert.execute(&mut self.connection).await.map_err(failed)?;
        }
        Ok(())
    }
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
