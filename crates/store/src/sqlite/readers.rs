//! [`Readers`]: the few connections that read beside the writer.
//!
//! The pool of sqlx asks every connection that comes back for a sign of life, in a task of its own. For a file of this
//! process that costs as much as the read itself, so here a connection goes back as it is if its read went well, and
//! is closed if the read failed or was given up half-way.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::bulk::Sql;
use super::setup::{self, Location};

/// Connections at most; whoever needs one more waits.
const CONNECTIONS: u32 = 4;
/// How long it waits before the store counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opened as they are needed, kept open.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    places: Semaphore,
}

/// A connection taken. Dropped, it is closed; see [`Readers::give_back`].
pub(super) struct Reader<'r> {
    pub(super) connection: SqliteConnection,
    _place: SemaphorePermit<'r>,
}

impl Readers {
    pub(super) fn new(location: &Location) -> Self {
        let options = setup::reader_options(location);
        Self { options, idle: Mutex::default(), places: Semaphore::new(CONNECTIONS as usize) }
    }

    /// All rows.
    pub(super) async fn all(&self, sql: Sql<'_>) -> sqlx::Result<Vec<SqliteRow>> {
        let mut reader = self.take().await?;
        let rows = sql.fetch_all(&mut reader.connection).await?;
        self.give_back(reader);
        Ok(rows)
    }

    /// The one row, if there is one.
    pub(super) async fn one(&self, sql: Sql<'_>) -> sqlx::Result<Option<SqliteRow>> {
        let mut reader = self.take().await?;
        let row = sql.fetch_optional(&mut reader.connection).await?;
        self.give_back(reader);
        Ok(row)
    }

    /// A connection, for several reads of one snapshot.
    pub(super) async fn take(&self) -> sqlx::Result<Reader<'_>> {
        let place = timeout(PATIENCE, self.places.acquire()).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Reader { connection, _place: place })
    }

    /// Keeps a connection, all of whose reads went well, for the next one.
    pub(super) fn give_back(&self, reader: Reader<'_>) {
        // Before its place: who gets that finds a connection.
        self.idle().push(reader.connection);
    }

    /// Waits for the reads under way, then closes all connections. What is asked later is refused.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(CONNECTIONS).await;
        self.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection that only reads was not closed cleanly");
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
