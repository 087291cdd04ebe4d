//! [`LocalCopy`]: a copy that is read.

use std::path::Path;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use pli_types::Domain;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row as _};

use super::postings::Bits;
use super::terms::Wanted;
use super::{Lines, Search};
use crate::sqlite::database_error;
use crate::{Result, StoreError};

/// What the file is called, in the state folder.
pub const FILE_NAME: &str = "directory.db";

/// Marks the file as ours (`PRAGMA application_id`): "Pld", 1.
pub(super) const APPLICATION_ID: i64 = 0x506c_6401;
/// The version of its tables. A copy of another version is imported anew.
pub(super) const VERSION: i64 = 2;

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

    /// The lines that have all the words. None for a search without a word.
    pub async fn matching(&mut self, search: &Search) -> Result<Lines<'_>> {
        let wanted = search.wanted();
        let mut chosen = if wanted.is_empty() { self.none() } else { Bits::all(self.count()) };
        for wanted in wanted {
            let found = self.find(&wanted).await?;
            if !chosen.keep(&found) {
                break;
            }
        }
        Ok(Lines::new(&mut self.connection, chosen))
    }

    /// All lines of an address, by its [`pli_types::MailAddress::key`].
    pub async fn of_address(&mut self, key: &str) -> Result<Lines<'_>> {
        self.of(&Wanted::address(key)).await
    }

    /// All lines of a domain's addresses.
    pub async fn of_domain(&mut self, domain: &Domain) -> Result<Lines<'_>> {
        self.of(&Wanted::domain(domain.as_str())).await
    }

    /// Every line.
    pub fn all(&mut self) -> Lines<'_> {
        let chosen = Bits::all(self.count());
        Lines::new(&mut self.connection, chosen)
    }

    async fn of(&mut self, wanted: &Wanted) -> Result<Lines<'_>> {
        let chosen = self.find(wanted).await?;
        Ok(Lines::new(&mut self.connection, chosen))
    }

    /// The lines that have a term.
    async fn find(&mut self, wanted: &Wanted) -> Result<Bits> {
        let mut found = self.none();
        let sql = "SELECT id, terms FROM terms WHERE first <= ? AND last >= ?";
        let mut rows = sqlx::query(sql).bind(&*wanted.to).bind(&*wanted.from).fetch(&mut self.connection);
        while let Some(row) = rows.try_next().await.map_err(reading)? {
            let block: &[u8] = row.try_get(1).map_err(reading)?;
            if wanted.look(block, &mut found).is_none() {
                return Err(corrupt("terms", row.try_get::<i64, _>(0).map_err(reading)?.to_string()));
            }
        }
        Ok(found)
    }

    fn none(&self) -> Bits {
        Bits::none(self.count())
    }

    /// How many lines there are: fewer than the bytes of their text.
    fn count(&self) -> u32 {
        u32::try_from(self.about.taken).unwrap_or(u32::MAX)
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

pub(super) fn reading(error: sqlx::Error) -> StoreError {
    database_error("reading the directory's copy", error)
}

/// A row that does not say what it should: its table's and column's name.
pub(super) fn corrupt(table: &'static str, row: String) -> StoreError {
    StoreError::Corrupt { table, column: table, row, source: None }
}
