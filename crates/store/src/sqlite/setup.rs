//! What happens before a store can be used: where it lies, who holds it, which version its tables have.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use pli_types::DistinguishedName;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Row as _};

use super::rows::{Row, database_error, micros};
use crate::seal::create_folder;
use crate::{Config, Result, StoreError};

/// Migrations in order: the number of the last one is the database's `user_version`. Forward only.
pub(super) const MIGRATIONS: [&str; 23] = [
    include_str!("../../migrations/sqlite/0001_store.sql"),
    include_str!("../../migrations/sqlite/0002_professionals.sql"),
    include_str!("../../migrations/sqlite/0003_people.sql"),
    include_str!("../../migrations/sqlite/0004_connectors.sql"),
    include_str!("../../migrations/sqlite/0005_directory.sql"),
    include_str!("../../migrations/sqlite/0006_publications.sql"),
    include_str!("../../migrations/sqlite/0007_directory_words.sql"),
    include_str!("../../migrations/sqlite/0008_patients.sql"),
    include_str!("../../migrations/sqlite/0009_returned.sql"),
    include_str!("../../migrations/sqlite/0010_dispensings.sql"),
    include_str!("../../migrations/sqlite/0011_contacts.sql"),
    include_str!("../../migrations/sqlite/0012_campaigns.sql"),
    include_str!("../../migrations/sqlite/0013_helpers.sql"),
    include_str!("../../migrations/sqlite/0014_receipts.sql"),
    include_str!("../../migrations/sqlite/0015_queue_turns.sql"),
    include_str!("../../migrations/sqlite/0016_arrivals.sql"),
    include_str!("../../migrations/sqlite/0017_stories.sql"),
    include_str!("../../migrations/sqlite/0018_watches.sql"),
    include_str!("../../migrations/sqlite/0019_audit_subjects.sql"),
    include_str!("../../migrations/sqlite/0020_audit_log.sql"),
    include_str!("../../migrations/sqlite/0021_queue_depth.sql"),
    include_str!("../../migrations/sqlite/0022_reports.sql"),
    include_str!("../../migrations/sqlite/0023_audit_check.sql"),
];

/// Marks the file as ours (`PRAGMA application_id`): "Pli", 1.
const APPLICATION_ID: i64 = 0x506c_6901;

/// How long a start waits for the process before it to let go.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// The files of a store.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) database: PathBuf,
}

impl Location {
    /// From `sqlite:///absolute/path.db` or `sqlite://relative/path.db`.
    pub(super) fn of(config: &Config) -> Result<Self> {
        let url = &config.url;
        let path = url.strip_prefix("sqlite://").filter(|path| !path.is_empty() && !path.contains(['?', '#']));
        let Some(path) = path else {
            return Err(StoreError::Configuration(format!(
                "store.url is {url:?}; write it as \"sqlite:///var/lib/pli/pli.db\""
            )));
        };
        Ok(Self { database: PathBuf::from(path) })
    }

    /// The folder of large bodies.
    pub(super) fn bodies(&self) -> PathBuf {
        self.folder().join("bodies")
    }

    fn folder(&self) -> &Path {
        self.database.parent().unwrap_or(Path::new(""))
    }

    fn lock(&self) -> PathBuf {
        let mut name = self.database.clone().into_os_string();
        name.push(".lock");
        name.into()
    }

    /// Makes the folder and the database's file, readable by their owner only, if they are not there.
    pub(super) fn prepare(&self) -> Result<()> {
        let folder = self.folder();
        create_folders(folder).map_err(|error| self.refused("its folder cannot be made", &error))?;
        // SQLite gives the files beside it the same permissions.
        owner_only().open(&self.database).map_err(|error| self.refused("it cannot be written", &error))?;
        Ok(())
    }

    fn refused(&self, what: &str, error: &std::io::Error) -> StoreError {
        StoreError::Configuration(format!("the store {}: {what}: {error}", self.database.display()))
    }
}

/// Makes a folder and those above it, from the top, each with its name on stable storage: what is kept in a folder that is
/// gone after a power cut is gone too.
fn create_folders(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.exists() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), create_folders)?;
    create_folder(folder)
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The exclusive right to write a store, held as long as this lives and no longer than the process does.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it; waits shortly for a process that is about to end.
    pub(super) async fn take(location: &Location) -> Result<Self> {
        let path = location.lock();
        let file = owner_only().open(&path).map_err(|error| location.refused("its lock cannot be made", &error))?;
        let step = LOCK_WAIT / 50;
        for _ in 0..50 {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(step).await,
                Err(TryLockError::Error(error)) => return Err(location.refused("its lock cannot be taken", &error)),
            }
        }
        Err(StoreError::Configuration(format!(
            "the store {} is in use: another process holds {}. Two servers never share a store; stop the other one first",
            location.database.display(),
            path.display()
        )))
    }
}

/// For the one connection that writes.
pub(super) fn writer_options(location: &Location) -> SqliteConnectOptions {
    common_options(location)
        // Before the journal mode: it takes effect in an empty file only.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        // Every COMMIT is on stable storage when it returns: 250 means kept.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten.
        .pragma("secure_delete", "ON")
        // 16 MiB of pages between two checkpoints, which stop the writer for a moment.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-32768")
}

/// For the connections that read.
pub(super) fn reader_options(location: &Location) -> SqliteConnectOptions {
    common_options(location).read_only(true)
}

fn common_options(location: &Location) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&location.database)
        .busy_timeout(Duration::from_secs(10))
        // Nothing of a query is ever written beside the store.
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .statement_cache_capacity(256)
        .row_buffer_size(256)
        .disable_statement_logging()
}

/// Brings the tables to the version of this program. `:now` in a migration is this moment.
pub(super) async fn migrate(connection: &mut SqliteConnection, location: &Location, now: Timestamp) -> Result<()> {
    let version = check_version(connection, location).await?;
    for (number, sql) in (1..).zip(MIGRATIONS).skip(version) {
        let stamp = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};");
        let sql = sql.replace(":now", &micros(now).to_string());
        let whole = format!("BEGIN IMMEDIATE; {sql} {stamp} COMMIT;");
        // Made of our own literals and numbers only.
        let done = sqlx::raw_sql(AssertSqlSafe(whole)).execute(&mut *connection).await;
        done.map_err(|error| database_error("its tables could not be brought to this version", error))?;
    }
    Ok(())
}

/// Fills in the keys of certificates that a migration brought along: what all spellings of a name share is not for SQL
/// to say.
pub(super) async fn key_certificates(connection: &mut SqliteConnection) -> Result<()> {
    let failed = |error| database_error("the names of certificates could not be keyed", error);
    let sql = "SELECT id, certificate FROM credentials WHERE certificate IS NOT NULL AND certificate_key IS NULL";
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await.map_err(failed)?;
    for row in rows.iter().map(|row| Row::new(row, "credentials")) {
        let name = row.parse("certificate", DistinguishedName::parse)?;
        let sql = sqlx::query("UPDATE credentials SET certificate_key = ? WHERE id = ?");
        sql.bind(name.key()).bind(row.get::<i64>("id")?).execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}

/// The version of the tables; an error if they are not ours, or newer than this program.
pub(super) async fn check_version(connection: &mut SqliteConnection, location: &Location) -> Result<usize> {
    let shown = location.database.display();
    let id = pragma(connection, "SELECT application_id FROM pragma_application_id").await?;
    let version = pragma(connection, "SELECT user_version FROM pragma_user_version").await?;
    let tables = pragma(connection, "SELECT count(*) FROM sqlite_schema").await?;
    if id != APPLICATION_ID && (id != 0 || tables != 0) {
        return Err(StoreError::Configuration(format!("{shown} is a database, but not a store of pli")));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(StoreError::Configuration(format!(
            "the store {shown} has tables of version {version}, and this pli knows them up to {}; \
             run the newer pli that wrote it, or restore a backup from before",
            MIGRATIONS.len()
        ))),
    }
}

/// Are the tables those of this program? For a reader, which must not bring them there.
pub(super) async fn check_current(connection: &mut SqliteConnection, location: &Location) -> Result<()> {
    let version = check_version(connection, location).await?;
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    Err(StoreError::Configuration(format!(
        "the store {} has tables of version {version}, not yet {}; run `pli migrate`, or start the node once",
        location.database.display(),
        MIGRATIONS.len()
    )))
}

async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64> {
    let row = sqlx::query(sql).fetch_one(connection).await;
    let value = row.and_then(|row| row.try_get(0));
    value.map_err(|error| database_error("its version could not be read", error))
}

/// Gives space back to the disk if more than a quarter of the file is free.
pub(super) async fn shrink(connection: &mut SqliteConnection) -> Result<()> {
    let free = pragma(connection, "SELECT freelist_count FROM pragma_freelist_count").await?;
    let all = pragma(connection, "SELECT page_count FROM pragma_page_count").await?;
    if free > all / 4 {
        let done = sqlx::query("PRAGMA incremental_vacuum").execute(connection).await;
        done.map_err(|error| database_error("space could not be given back", error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(url: &str) -> Result<Location> {
        Location::of(&Config { url: url.to_owned(), master_key: PathBuf::new() })
    }

    #[test]
    fn a_url_names_a_file() {
        let path = |url| location(url).unwrap().database;
        assert_eq!(path("sqlite:///var/lib/pli/pli.db"), Path::new("/var/lib/pli/pli.db"));
        assert_eq!(path("sqlite://data/pli.db"), Path::new("data/pli.db"));
        assert_eq!(location("sqlite://data/pli.db").unwrap().bodies(), Path::new("data/bodies"));
        assert_eq!(location("sqlite://data/pli.db").unwrap().lock(), Path::new("data/pli.db.lock"));
    }

    #[test]
    fn a_url_of_another_kind_is_refused_with_an_example() {
        for url in ["", "pli.db", "sqlite://", "sqlite::memory:", "postgres://localhost/pli", "sqlite://a.db?mode=ro"] {
            let error = location(url).unwrap_err().to_string();
            assert!(error.contains("sqlite:///var/lib/pli/pli.db"), "{error}");
        }
    }

    #[tokio::test]
    async fn space_is_given_back_once_much_of_the_file_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let location = location(&format!("sqlite://{}", folder.path().join("pli.db").display())).unwrap();
        let mut connection = writer_options(&location).create_if_missing(true).connect().await.unwrap();
        migrate(&mut connection, &location, Timestamp::UNIX_EPOCH).await.unwrap();
        let pages = "SELECT page_count FROM pragma_page_count";
        let empty = pragma(&mut connection, pages).await.unwrap();
        let fill = "INSERT INTO audit (event) VALUES (zeroblob(4000000))";
        for sql in [fill, "DELETE FROM audit"] {
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        let before = pragma(&mut connection, pages).await.unwrap();
        shrink(&mut connection).await.unwrap();
        let after = pragma(&mut connection, pages).await.unwrap();
        assert!(before > empty + 900 && after < empty + 10, "{empty} pages, {before}, then {after}");
    }
}
