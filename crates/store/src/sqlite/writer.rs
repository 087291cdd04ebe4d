//! [`Writer`]: group commit.
//!
//! One thread owns the one writing connection. It takes every write that waits in a bounded queue into one
//! transaction and answers them all after the one sync. There is no timer: while one sync runs, the next batch
//! gathers. A write that fails before it changed anything fails alone; if one fails later, the batch is undone and
//! its writes are tried one by one. A caller that stops waiting cancels nothing that is queued.
//!
//! It is a thread and not a task, so that it neither waits for a busy runtime nor ends with one: what was queued
//! is written even if the runtime of those who queued it is gone.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::FutureExt;
use pli_failpoint::failpoint;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::load::{Load, Waiting};
use super::rows::database_error;
use super::setup::Lock;
use super::tx::{Effects, Tx};
use crate::seal::{BodyFolder, MasterKey};
use crate::{Backlog, Change, Result, StoreError};

/// Writes that may wait; more callers wait for a place.
const QUEUE_MAX: usize = 1024;
/// Writes in one transaction: bounds its memory (64 KiB of body each) and how long the first one waits.
const BATCH_MAX: usize = 256;

/// How often the others are let first while a batch gathers. Few are enough; tried on two cores only.
const STEPS_BACK: usize = 3;

/// One use case that changes something.
#[async_trait]
pub(super) trait Write: Send + Sync + 'static {
    /// What the caller gets once it is on stable storage.
    type Output: Send + 'static;

    /// Does it. May be called again, in another transaction, if the first one had to be undone.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output>;
}

/// The way to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    load: Load,
}

enum Message {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the thread. It ends, and lets go of the lock, when the last sender is gone.
    pub(super) fn start(hand: Hand) -> Result<Self> {
        let failed = |error| StoreError::io("the writing thread could not be started", error);
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed)?;
        let (queue, inbox) = mpsc::channel(QUEUE_MAX);
        let load = Load::default();
        let told = load.clone();
        let run = move || runtime.block_on(hand.run(inbox, &told));
        thread::Builder::new().name("pli-store-writer".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { queue, load })
    }

    /// Queues a write and waits for its outcome.
    pub(super) async fn write<W: Write>(&self, write: W) -> Result<W::Output> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Asked { write, outcome: None, reply, waiting: self.load.wait() });
        let closed = || StoreError::unavailable("it is closed");
        self.queue.send(Message::Write(job)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// How many writes wait, and since when.
    pub(super) fn backlog(&self) -> Backlog {
        self.load.backlog()
    }

    /// Waits until all that is queued is written and the database is closed.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the thread is gone, which is what was wanted.
            closed.await.ok();
        }
    }
}

/// A write whose kind is forgotten.
#[async_trait]
trait Job: Send {
    /// Does it and keeps the outcome for [`Job::answer`]; an error comes back only if the batch must know of it.
    async fn run(&mut self, tx: &mut Tx<'_>) -> std::result::Result<(), Failure>;
    /// When it was asked for.
    fn since(&self) -> Instant;
    /// Tells the caller: the outcome kept, or an error that came after.
    fn answer(self: Box<Self>, failed: Option<StoreError>);
}

struct Asked<W: Write> {
    write: W,
    outcome: Option<Result<W::Output>>,
    reply: oneshot::Sender<Result<W::Output>>,
    waiting: Waiting,
}

#[async_trait]
impl<W: Write> Job for Asked<W> {
    async fn run(&mut self, tx: &mut Tx<'_>) -> std::result::Result<(), Failure> {
        let outcome = self.write.run(tx).await;
        let touched = tx.take_touched();
        match outcome {
            Err(error) if touched || matches!(error, StoreError::Unavailable { .. }) => Err(Failure::of(error)),
            outcome => {
                self.outcome = Some(outcome);
                Ok(())
            }
        }
    }

    fn since(&self) -> Instant {
        self.waiting.since()
    }

    fn answer(self: Box<Self>, failed: Option<StoreError>) {
        let Self { write, outcome, reply, waiting } = *self;
        drop(waiting);
        // With it goes the file of a message that was refused: before the caller hears of it.
        drop(write);
        let outcome = failed.map(Err).or(outcome);
        let outcome = outcome.unwrap_or_else(|| Err(StoreError::unavailable("a write was lost")));
        // An error means that the caller has gone; what he asked for is done.
        reply.send(outcome).ok();
    }
}

/// Why a batch was not written.
enum Failure {
    /// One of its writes could not be done: the others can.
    Write(StoreError),
    /// The database could not: nobody's fault, and trying one by one would not help.
    Database(StoreError),
    /// The COMMIT failed: it may have reached the disk or not.
    Commit(StoreError),
}

impl Failure {
    fn of(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Database(error),
            _ => Self::Write(error),
        }
    }
}

/// The thread's own things.
pub(super) struct Hand {
    pub(super) options: SqliteConnectOptions,
    /// None after a fault, until the next batch connects again.
    pub(super) connection: Option<SqliteConnection>,
    pub(super) master: Arc<MasterKey>,
    pub(super) bodies: BodyFolder,
    pub(super) changes: broadcast::Sender<Change>,
    /// Rows of the record, counted as they are committed.
    pub(super) recorded: watch::Sender<u64>,
    /// Files being removed that nothing names any more.
    pub(super) removals: JoinSet<()>,
    /// Let go last.
    pub(super) lock: Lock,
}

impl Hand {
    async fn run(mut self, mut inbox: mpsc::Receiver<Message>, load: &Load) {
        let mut messages = Vec::with_capacity(BATCH_MAX);
        let mut closing = Vec::new();
        while closing.is_empty() && gather(&mut inbox, &mut messages).await {
            let mut jobs = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Write(job) => jobs.push(job),
                    Message::Close(done) => closing.push(done),
                }
            }
            load.in_hand(jobs.first().map(|job| job.since()));
            self.write_all(jobs).await;
            load.in_hand(None);
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly; nothing that was answered is lost");
        }
        while self.removals.join_next().await.is_some() {}
        drop(self.lock);
        for done in closing {
            // Should nobody wait any more, there is nobody to tell.
            done.send(()).ok();
        }
    }

    /// Writes the batch, or its writes one by one, and answers all of them.
    async fn write_all(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        match self.write_batch(&mut jobs).await {
            Ok(effects) => self.done(jobs, effects),
            Err(Failure::Write(_)) if jobs.len() > 1 => {
                for job in jobs {
                    let mut alone = vec![job];
                    match self.write_batch(&mut alone).await {
                        Ok(effects) => self.done(alone, effects),
                        Err(failure) => refuse(alone, failure),
                    }
                }
            }
            Err(failure) => refuse(jobs, failure),
        }
    }

    async fn write_batch(&mut self, jobs: &mut [Box<dyn Job>]) -> std::result::Result<Effects, Failure> {
        if jobs.is_empty() {
            return Ok(Effects::default());
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(|error| database("connecting failed", error))?,
        };
        // One write that panics must not end the process, nor the thread that all others need.
        let written = AssertUnwindSafe(write_in(&mut connection, &self.master, jobs)).catch_unwind().await;
        let written = written.unwrap_or_else(|_| Err(Failure::Commit(StoreError::unavailable("a write panicked"))));
        // After a COMMIT with unknown outcome only a new connection tells the truth.
        let keep = match &written {
            Ok(_) => true,
            Err(Failure::Commit(_)) => false,
            Err(_) => roll_back(&mut connection).await,
        };
        self.connection = keep.then_some(connection);
        written
    }

    fn done(&mut self, jobs: Vec<Box<dyn Job>>, effects: Effects) {
        failpoint!("store.answer.before");
        for change in effects.changes {
            // An error means that nobody listens.
            self.changes.send(change).ok();
        }
        if effects.recorded > 0 {
            self.recorded.send_modify(|rows| *rows = rows.saturating_add(effects.recorded));
        }
        for (id, first, recipients) in effects.merged {
            tracing::info!(%id, %first, recipients, "a message came again: whoever has it gets it no second time");
        }
        for job in jobs {
            job.answer(None);
        }
        if !effects.dropped.is_empty() {
            let bodies = self.bodies.clone();
            while self.removals.try_join_next().is_some() {}
            self.removals.spawn_blocking(move || remove_bodies(&bodies, &effects.dropped));
        }
    }
}

/// Waits for something to do, and takes all that waits; false if nothing will come any more.
///
/// Callers who have just been answered often have the next write at hand, but no core to run on. Stepping
/// back for a moment lets them join this batch, instead of waiting for all of it; with nobody ready, it costs nothing.
async fn gather(inbox: &mut mpsc::Receiver<Message>, messages: &mut Vec<Message>) -> bool {
    if inbox.recv_many(messages, BATCH_MAX).await == 0 {
        return false;
    }
    for _ in 0..STEPS_BACK {
        thread::yield_now();
        while messages.len() < BATCH_MAX
            && let Ok(message) = inbox.try_recv()
        {
            messages.push(message);
        }
    }
    true
}

async fn write_in(
    connection: &mut SqliteConnection,
    master: &MasterKey,
    jobs: &mut [Box<dyn Job>],
) -> std::result::Result<Effects, Failure> {
    failpoint!("store.batch.before", Failure::Database(StoreError::unavailable("a failpoint")));
    let mut tx = Tx::new(&mut *connection, master);
    for job in jobs {
        job.run(&mut tx).await?;
    }
    failpoint!("store.flush.before");
    tx.flush().await.map_err(Failure::of)?;
    let effects = std::mem::take(&mut tx.effects);
    if !tx.is_begun() {
        return Ok(effects);
    }
    effects.named.iter().for_each(|file| file.set_named(true));
    failpoint!("store.commit.before", Failure::Commit(StoreError::unavailable("a failpoint")));
    let commit = sqlx::query("COMMIT").execute(&mut *connection).await;
    failpoint!("store.commit.after", Failure::Commit(StoreError::unavailable("a failpoint")));
    match commit.map_err(|error| database_error("COMMIT failed", error)) {
        Ok(_) => Ok(effects),
        // The frame that commits is the last one, and there was no room for it.
        Err(error @ StoreError::Unavailable { full: true, .. }) => {
            effects.named.iter().for_each(|file| file.set_named(false));
            Err(Failure::Database(error))
        }
        Err(error) => Err(Failure::Commit(error)),
    }
}

/// Undoes the batch; false if the connection is not to be trusted any more.
async fn roll_back(connection: &mut SqliteConnection) -> bool {
    match sqlx::query("ROLLBACK").execute(connection).await {
        Ok(_) => true,
        // SQLite has done so itself, as it does when the disk is full (sqlite.org/lang_transaction.html).
        Err(sqlx::Error::Database(error)) => error.message().contains("no transaction is active"),
        Err(_) => false,
    }
}

fn database(what: &'static str, error: sqlx::Error) -> Failure {
    Failure::Database(database_error(what, error))
}

/// Tells all of them why. The cause itself goes to the first one; the others get its summary.
fn refuse(jobs: Vec<Box<dyn Job>>, failure: Failure) {
    let (Failure::Write(error) | Failure::Database(error) | Failure::Commit(error)) = failure;
    let (what, full) = match &error {
        StoreError::Unavailable { what, full, .. } => (*what, *full),
        _ => ("a write failed", false),
    };
    let mut error = Some(error);
    for job in jobs {
        job.answer(error.take().or(Some(StoreError::Unavailable { what, full, source: None })));
    }
}

fn remove_bodies(bodies: &BodyFolder, dropped: &[pli_types::MessageId]) {
    for message in dropped {
        failpoint!("store.body.remove.before");
        if let Err(error) = bodies.remove(*message) {
            tracing::warn!(id = %message, %error, "a body's file stays behind; it is removed at the next start");
        }
    }
}

#[cfg(test)]
mod tests;
