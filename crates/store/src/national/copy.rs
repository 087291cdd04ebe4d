//! [`LocalCopy`]: a copy that is read.

use std::path::Path;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row as _};

use super::Search;
use crate::sqlite::database_error;
use crate::{Result, StoreError};

/// What the file is called, in the state folder.
pub const FILE_NAME: &str = "directory.db";

/// Marks the file as ours (`PRAGMA application_id`): "Pld", 1.
pub(super) const APPLICATION_ID: i64 = 0x506c_6401;
/// The version of its tables. A copy of another version is imported anew.
pub(super) const VERSION: i64 = 1;

/// What a copy is a copy of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The SHA-256 of the text, in hexadecimal.
    pub digest: String,
    /// Bytes of the text.
    pub bytes: u64,
    /// Lines that were taken.
    pub taken: u64,
    /// Lines that were not.
    pub refused: u64,
    /// How many addresses there are: some have several lines.
    pub addresses: u64,
    /// When.
    pub imported_at: Timestamp,
}

/// A copy, open for reading. It stays what it is while another one takes its place.
#[derive(Debug)]
pub struct LocalCopy {
    connection: SqliteConnection,
    about: About,
}

impl LocalCopy {
    /// Opens the copy in this state folder; `None` if none has been imported, or only by another version of pli.
    pub async fn open(state: &Path) -> Result<Option<Self>> {
        Self::open_file(&state.join(FILE_NAME)).await
    }

    pub(super) async fn open_file(file: &Path) -> Result<Option<Self>> {
        match file.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(StoreError::io("looking for the directory's copy", error)),
        }
        // The file is never changed, only replaced: SQLite need not look for a journal, nor lock anything.
        let options = SqliteConnectOptions::new()
            .filename(file)
            .read_only(true)
            .immutable(true)
            .pragma("temp_store", "MEMORY")
            .pragma("trusted_schema", "OFF")
            .pragma("mmap_size", "0")
            .disable_statement_logging();
        let opened = options.connect().await;
        let mut connection = opened.map_err(|error| database_error("opening the directory's copy", error))?;
        let Some(about) = about(&mut connection).await? else { return Ok(None) };
        Ok(Some(Self { connection, about }))
    }

    /// What it is a copy of.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The lines that have all the words, in the order of the file, and no more than so many. Nothing for a search without
    /// a word.
    pub async fn search(&mut self, search: &Search, limit: usize) -> Result<Vec<String>> {
        let Some(expression) = search.expression() else { return Ok(Vec::new()) };
        let sql = "SELECT entry.line FROM words JOIN entry ON entry.id = words.rowid \
                   WHERE words MATCH ? ORDER BY words.rowid LIMIT ?";
        let found = sqlx::query_scalar(sql)
            .bind(expression)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut self.connection)
            .await;
        found.map_err(|error| database_error("searching the directory", error))
    }

    /// All lines of an address, by its [`pli_types::MailAddress::key`].
    pub async fn lines_of(&mut self, key: &str) -> Result<Vec<String>> {
        let found = sqlx::query_scalar("SELECT line FROM entry WHERE address = ? ORDER BY id")
            .bind(key)
            .fetch_all(&mut self.connection)
            .await;
        found.map_err(|error| database_error("reading the directory", error))
    }

    /// Hands over every line, in the order of the file, in the memory of a few; ends early when `take` says `false`.
    pub async fn each(&mut self, mut take: impl FnMut(&str) -> bool) -> Result<()> {
        let mut rows = sqlx::query("SELECT line FROM entry ORDER BY id").fetch(&mut self.connection);
        loop {
            let next = rows.try_next().await.and_then(|row| row.map(|row| row.try_get::<String, _>(0)).transpose());
            match next.map_err(|error| database_error("reading the directory", error))? {
                Some(line) if take(&line) => {}
                _ => return Ok(()),
            }
        }
    }

    /// Lets go of the file.
    pub async fn close(self) {
        // A connection that reads has nothing to lose.
        drop(self.connection.close().await);
    }
}

/// What the file says of itself; `None` if another version wrote it, or if it is not whole.
async fn about(connection: &mut SqliteConnection) -> Result<Option<About>> {
    let failed = |error| database_error("opening the directory's copy", error);
    let sql = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version";
    let row = sqlx::query(sql).fetch_one(&mut *connection).await.map_err(failed)?;
    let (id, version): (i64, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    if (id, version) != (APPLICATION_ID, VERSION) {
        return Ok(None);
    }
    let told = sqlx::query_scalar("SELECT about FROM about").fetch_optional(connection).await;
    let Some(text): Option<String> = told.map_err(failed)? else { return Ok(None) };
    let about = serde_json::from_str(&text).map_err(|error| StoreError::Corrupt {
        table: "about",
        column: "about",
        row: FILE_NAME.to_owned(),
        source: Some(error.into()),
    })?;
    Ok(Some(about))
}
