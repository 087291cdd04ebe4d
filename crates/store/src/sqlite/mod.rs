//! The SQLite backend: one process, one writing connection with group commit, a few that read.
//!
//! Read `writer.rs` first (how anything is changed), then `tx.rs` (what a batch shares); after that one file a
//! subject. What changes something is a `writer::Write`; what only reads goes to `readers`.

mod account_changes;
mod account_records;
mod accounts;
mod arrivals;
mod attempts;
mod audit_check;
mod audit_erase;
mod audit_log;
mod audit_prune;
mod audit_rows;
mod audit_subjects;
mod bodies;
mod bulk;
mod campaign_values;
mod campaigns;
mod claim;
mod connectors;
mod contact_turns;
mod contacts;
mod depth;
mod directory_entries;
mod directory_words;
mod dispensings;
mod entries;
mod expunge;
mod flags;
mod folders;
mod held;
mod incidents;
mod indicators;
mod intake;
mod load;
mod mailbox_changes;
mod mailbox_making;
mod mailboxes;
mod packed;
mod passwords;
mod patients;
mod probe;
mod publications;
mod queue;
mod readers;
mod receipts;
mod received;
mod records;
mod registry;
mod rename;
mod reported;
mod rows;
mod settle;
mod setup;
mod space_rows;
mod standing;
mod stories;
mod story_steps;
mod tx;
mod views;
mod watches;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use pli_failpoint::failpoint;
use pli_types::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::JoinSet;

use self::readers::Readers;
pub(crate) use self::rows::database_error;
use self::rows::{json_ids, micros};
use self::setup::{Location, Lock};
use self::writer::{Hand, Write, Writer};
use crate::seal::{BodyFolder, MasterKey};
use crate::{Backlog, Change, Config, Result, Store, StoreError};

/// Changes that a receiver may be behind before it is told to look for itself.
const CHANGES_MAX: usize = 1024;
/// Passwords checked at a time: each takes 19 MiB and a core.
const PASSWORD_CHECKS_MAX: usize = 2;

/// Opens the store for this process alone, making or migrating its tables.
pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    let location = Location::of(config)?;
    let master = Arc::new(MasterKey::load(&config.master_key)?);
    location.prepare()?;
    let lock = Lock::take(&location).await?;
    let (options, connection) = prepare(&location, &master, config, &*clock).await?;
    let (changes, _) = broadcast::channel(CHANGES_MAX);
    let bodies = BodyFolder::new(location.bodies());
    let removals = JoinSet::new();
    let (recorded, told) = watch::channel(0);
    let (bodies_here, changes_here) = (bodies.clone(), changes.clone());
    let hand = Hand {
        options,
        connection: Some(connection),
        master: Arc::clone(&master),
        bodies: bodies_here,
        changes: changes_here,
        recorded,
        removals,
        lock,
    };
    let writer = Some(Writer::start(hand)?);
    Ok(Arc::new(SqliteStore::new(location, writer, bodies, master, (changes, told), clock)))
}

/// Brings tables and files to the state in which work can begin.
async fn prepare(
    location: &Location,
    master: &MasterKey,
    config: &Config,
    clock: &dyn Clock,
) -> Result<(SqliteConnectOptions, SqliteConnection)> {
    let options = setup::writer_options(location);
    let connected = options.connect().await;
    let mut connection = connected.map_err(|error| database_error("the database could not be opened", error))?;
    failpoint!("store.open.before");
    setup::migrate(&mut connection, location, clock.now()).await?;
    setup::key_certificates(&mut connection).await?;
    directory_words::fill_in(&mut connection, master).await?;
    patients::fill_in(&mut connection, master).await?;
    setup::shrink(&mut connection).await?;
    check_master_key(&mut connection, master, config).await?;
    remember_master_key(&mut connection, master, clock).await?;
    forget_sessions(&mut connection).await?;
    failpoint!("store.sweep.before");
    sweep(&mut connection, &BodyFolder::new(location.bodies())).await?;
    Ok((options, connection))
}

/// Is the URL one of ours, the master key fit, and what lies there a store that was sealed with it?
pub async fn check(config: &Config) -> Result<()> {
    let location = Location::of(config)?;
    let master = MasterKey::load(&config.master_key)?;
    if !location.database.exists() {
        return Ok(());
    }
    let connected = setup::reader_options(&location).connect().await;
    let mut connection = connected.map_err(|error| database_error("the database could not be opened", error))?;
    // Without tables there is no key to compare.
    if setup::check_version(&mut connection, &location).await? > 0 {
        check_master_key(&mut connection, &master, config).await?;
    }
    connection.close().await.map_err(|error| database_error("the database could not be closed", error))
}

/// Opens the store for reading only, beside the node that holds it: every method that writes is refused.
pub async fn open_read_only(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    let location = Location::of(config)?;
    let master = MasterKey::load(&config.master_key)?;
    if !location.database.exists() {
        let shown = location.database.display();
        return Err(StoreError::Configuration(format!("there is no store at {shown}; `pli init` makes one")));
    }
    let readers = Readers::new(&location);
    let reader = readers.take().await;
    let mut reader = reader.map_err(|error| database_error("the database could not be opened", error))?;
    setup::check_current(&mut reader.connection, &location).await?;
    check_master_key(&mut reader.connection, &master, config).await?;
    readers.give_back(reader);
    readers.close().await;
    let told = (broadcast::channel(1).0, watch::channel(0).1);
    let bodies = BodyFolder::new(location.bodies());
    Ok(Arc::new(SqliteStore::new(location, None, bodies, Arc::new(master), told, clock)))
}

/// The backend.
pub(crate) struct SqliteStore {
    location: Location,
    readers: Readers,
    /// None if opened for reading only.
    writer: Option<Writer>,
    bodies: BodyFolder,
    master: Arc<MasterKey>,
    changes: broadcast::Sender<Change>,
    /// Rows of the record since the store was opened.
    recorded: watch::Receiver<u64>,
    clock: Arc<dyn Clock>,
    password_checks: Arc<Semaphore>,
}

impl SqliteStore {
    fn new(
        location: Location,
        writer: Option<Writer>,
        bodies: BodyFolder,
        master: Arc<MasterKey>,
        (changes, recorded): (broadcast::Sender<Change>, watch::Receiver<u64>),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let password_checks = Arc::new(Semaphore::new(PASSWORD_CHECKS_MAX));
        let readers = Readers::new(&location);
        Self { location, readers, writer, bodies, master, changes, recorded, clock, password_checks }
    }

    /// The way to change anything; an error if the store was opened for reading only.
    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| {
            StoreError::Configuration("the store was opened for reading only; ask the running node instead".to_owned())
        })
    }

    async fn write<W: Write>(&self, write: W) -> Result<W::Output> {
        self.writer()?.write(write).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn backlog(&self) -> Backlog {
        self.writer.as_ref().map(Writer::backlog).unwrap_or_default()
    }

    async fn probe(&self) -> Result<()> {
        self.write(probe::Probe).await
    }

    async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.readers.close().await;
    }
}

/// Is this the key that the store was sealed with?
async fn check_master_key(connection: &mut SqliteConnection, master: &MasterKey, config: &Config) -> Result<()> {
    let sql = "SELECT count(*) = 0 OR coalesce(max(id = ?), 0) FROM master_keys";
    let known = sqlx::query_scalar(sql).bind(&master.id()[..]).fetch_one(connection).await;
    if known.map_err(|error| database_error("the master key could not be checked", error))? {
        return Ok(());
    }
    Err(StoreError::Configuration(format!(
        "the master key in {} is not the one that the store {} was sealed with; give it the right file",
        config.master_key.display(),
        config.url
    )))
}

async fn remember_master_key(connection: &mut SqliteConnection, master: &MasterKey, clock: &dyn Clock) -> Result<()> {
    let sql = "INSERT INTO master_keys (id, first_used_at) VALUES (?, ?) ON CONFLICT DO NOTHING";
    let done = sqlx::query(sql).bind(&master.id()[..]).bind(micros(clock.now())).execute(connection).await;
    done.map(drop).map_err(|error| database_error("the master key could not be noted", error))
}

/// Nobody else has the store open, so nobody holds a lease, or waits to hear what has vanished.
async fn forget_sessions(connection: &mut SqliteConnection) -> Result<()> {
    let leases =
        "UPDATE queue SET leased = 0, lease_token = lease_token + 1, claimable_at = next_attempt_at WHERE leased";
    for sql in [leases, "DELETE FROM vanished"] {
        let done = sqlx::query(sql).execute(&mut *connection).await;
        done.map_err(|error| database_error("old leases could not be released", error))?;
    }
    Ok(())
}

/// Removes the files that no message names: their transaction never came.
async fn sweep(connection: &mut SqliteConnection, bodies: &BodyFolder) -> Result<()> {
    let failed = |error| StoreError::io("the folder of bodies could not be swept", error);
    let folder = bodies.clone();
    let lists = tokio::task::spawn_blocking(move || folder.list()).await;
    let lists =
        lists.map_err(|_| StoreError::unavailable("the folder of bodies could not be read"))?.map_err(failed)?;
    for list in lists {
        let sql = "SELECT unhex(value) AS id FROM json_each(?) AS file
                   WHERE NOT EXISTS (SELECT 1 FROM messages WHERE id = unhex(file.value) AND body IS NULL)";
        let names = json_ids(list.iter().map(pli_types::MessageId::as_bytes));
        let orphans = sqlx::query(sql).bind(names).fetch_all(&mut *connection).await;
        for row in &orphans.map_err(|error| database_error("orphans could not be looked for", error))? {
            let message = rows::Row::new(row, "messages").message("id")?;
            failpoint!("store.sweep.remove.before");
            bodies.remove(message).map_err(failed)?;
            tracing::info!(id = %message, "removed the file of a body that was never accepted");
        }
    }
    Ok(())
}
