//! [`Sealer`]: signs what is recorded, every second, and hands out what it signed.
//!
//! One step: the rows that are not sealed are hashed in their order, the tiles that come of it are kept together with a
//! signed checkpoint, and only once that is on stable storage does the checkpoint leave the node (`outlet`). A step counts
//! only if as much was sealed before as this sealer believed. Ended, paused or started twice at any point: what is sealed
//! is the beginning of the record, without a gap, and there is one history of it.
//!
//! What it goes on from it checks first (`tip`): the tiles against the signed checkpoint, and that against what was last
//! handed out. If they do not fit, or a row is missing, it signs nothing more, and an alarm says so.

pub(crate) mod key;
pub(crate) mod outlet;
mod standing;
#[cfg(test)]
mod tests;
mod tip;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::bundle::ENTRY_BYTES_MAX;
use pli_audit::{Hash, Leaf, SignedCheckpoint, SignerKey, SubjectId};
use pli_failpoint::failpoint;
use pli_net::Shutdown;
use pli_store::{NewSeal, Store, StoreError};
use pli_types::Clock;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::outlet::Outlet;
pub(crate) use self::standing::{Fault, Standing, Unkept};
use self::tip::Tip;
use crate::config::Settings;
use crate::exit::Failure;
use crate::metrics as names;
use crate::witness::Latest;

/// Entries of one step: bounds its memory and how long other writers wait for it.
const ROWS_MAX: usize = 2048;

/// When so many wait, the second is not waited for.
const HURRY: u64 = 20_000;

/// How often the log has a checkpoint.
const TOLD_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Signs a store's record.
pub(crate) struct Sealer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    key: Arc<SignerKey>,
    outlet: Outlet,
    every: Duration,
    standing: Standing,
    /// The newest checkpoint, for whoever takes it further.
    latest: watch::Sender<Option<Arc<SignedCheckpoint>>>,
    /// Where it goes on; none before it has looked.
    tip: Option<Tip>,
    told_at: Option<Timestamp>,
}

/// Why a step was not taken.
#[derive(Debug)]
enum Stop {
    /// The store did not answer: tried again.
    Store(StoreError),
    /// The record is not what was signed, or cannot be signed: nothing more is.
    Fault(Fault),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Rows, hashed.
struct Batch {
    tip: Tip,
    about: Vec<(SubjectId, u64)>,
}

impl Sealer {
    /// A sealer that has looked at nothing yet.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        key: SignerKey,
        outlet: Outlet,
        every: Duration,
    ) -> Self {
        let (key, standing, latest) = (Arc::new(key), Standing::default(), watch::Sender::default());
        standing.begins();
        Self { store, clock, key, outlet, every, standing, latest, tip: None, told_at: None }
    }

    /// What others see of it.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// The newest checkpoint, from now on; none before it has looked.
    pub(crate) fn latest(&self) -> Latest {
        self.latest.subscribe()
    }

    /// Seals until the end begins, then once more.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        let mut recorded = self.store.recorded();
        loop {
            let seen = *recorded.borrow_and_update();
            if !self.turn().await {
                return shutdown.begun().await;
            }
            let waited = async {
                // An error means that the store is closed: the end is near.
                if recorded.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                let many = recorded.wait_for(|rows| rows.saturating_sub(seen) >= HURRY);
                // Either way there is something to seal.
                timeout(self.every, many).await.is_ok()
            };
            let retried = async {
                if !self.standing.is_behind() && self.standing.unkept().is_none() {
                    std::future::pending::<()>().await;
                }
                sleep(self.every).await;
            };
            tokio::select! {
                () = shutdown.begun() => {
                    self.turn().await;
                    return;
                }
                _ = waited => {}
                () = retried => {}
            }
        }
    }

    /// Seals all that there is; false if nothing will be sealed any more.
    async fn turn(&mut self) -> bool {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => {
                    self.standing.caught_up();
                    return true;
                }
                Err(Stop::Store(error)) => {
                    // Whether the step was taken, only the store can tell.
                    self.tip = None;
                    if self.standing.falls_behind() {
                        tracing::warn!(%error, "the record cannot be sealed now; it is tried again");
                    }
                    return true;
                }
                Err(Stop::Fault(fault)) => {
                    tracing::error!(%fault, "the record is not sealed any more");
                    self.standing.stopped(fault);
                    return false;
                }
            }
        }
    }

    /// Takes one step; false if there was nothing to seal.
    async fn step(&mut self) -> Result<bool, Stop> {
        let tip = match self.tip.take() {
            Some(tip) => tip,
            None => self.begin().await?,
        };
        let rows = self.store.entries_from(tip.size(), ROWS_MAX).await?;
        if rows.is_empty() {
            self.tip = Some(tip);
            let unkept = self.latest.borrow().as_deref().cloned().filter(|_| self.standing.unkept().is_some());
            if let Some(checkpoint) = unkept {
                self.hand_out(checkpoint).await;
            }
            return Ok(false);
        }
        let from = tip.size();
        let hashed = tokio::task::spawn_blocking(move || hashed(tip, rows)).await;
        let ended = |_| StoreError::Unavailable { what: "hashing was ended", full: false, source: None };
        let Batch { mut tip, about } = hashed.map_err(ended)??;
        let tiles = tip.take_tiles();
        let checkpoint = tip.sign(&self.key)?;
        failpoint!("audit.seal.before");
        let (size, at) = (tip.size(), self.clock.now());
        let seal = NewSeal { from, size, tiles, checkpoint: checkpoint.encode(), about, at };
        if !self.store.seal(seal).await? {
            tracing::warn!(size, "another has sealed the record further; going on from there");
            return Ok(true);
        }
        failpoint!("audit.sealed");
        self.tip = Some(tip);
        self.hand_out(checkpoint).await;
        Ok(true)
    }

    /// Looks where to go on. What was sealed and not handed out, because the end came between, is handed out now.
    async fn begin(&mut self) -> Result<Tip, Stop> {
        let last = self.outlet.last(self.key.verifier());
        let tip = Tip::look(&*self.store, self.key.verifier(), last.as_ref()).await?;
        self.standing.seals(tip.size(), None);
        names::sealed(tip.size(), None);
        if let Some(checkpoint) = tip.checkpoint() {
            if last.is_none_or(|last| last.checkpoint().size() < tip.size()) {
                self.hand_out(checkpoint.clone()).await;
            } else {
                self.latest.send_replace(Some(Arc::new(checkpoint.clone())));
            }
        }
        Ok(tip)
    }

    async fn hand_out(&mut self, checkpoint: SignedCheckpoint) {
        let (size, root) = (checkpoint.checkpoint().size(), checkpoint.checkpoint().root());
        // Nobody is waited for there.
        self.latest.send_replace(Some(Arc::new(checkpoint.clone())));
        let (outlet, now) = (self.outlet.clone(), self.clock.now());
        self.standing.seals(size, Some(now));
        names::sealed(size, Some(now));
        let kept = tokio::task::spawn_blocking(move || outlet.append(&checkpoint)).await;
        let kept = kept.unwrap_or_else(|_| Err(std::io::Error::other("the writing panicked")));
        if let Err(error) = &kept
            && self.standing.unkept().is_none()
        {
            tracing::warn!(path = %self.outlet.path().display(), %error, "a checkpoint could not be handed out");
        }
        self.standing.kept(kept.err().map(|error| (now, error.to_string())));
        if self.told_at.is_none_or(|told_at| now.duration_since(told_at) >= TOLD_EVERY) {
            self.told_at = Some(now);
            tracing::info!(size, %root, "the record is sealed");
        }
    }
}

/// Appends rows to the tree. A row that is missing is not passed.
fn hashed(mut tip: Tip, rows: Vec<(u64, Vec<u8>)>) -> Result<Batch, Fault> {
    let mut about = Vec::new();
    for (index, bytes) in rows {
        if index != tip.size() {
            return Err(Fault::Gap(tip.size()));
        }
        if bytes.is_empty() || bytes.len() > ENTRY_BYTES_MAX {
            return Err(Fault::Entry(index));
        }
        if let Ok(leaf) = Leaf::parse(&bytes) {
            about.extend(leaf.subjects().map(|subject| (subject, index)));
        }
        tip.append(Hash::leaf(&bytes));
    }
    Ok(Batch { tip, about })
}

/// The sealer of a node with these settings. Its key is made if nothing is sealed yet.
pub(crate) async fn of_node(
    settings: &Settings,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> Result<Sealer, Failure> {
    let (audit, server) = (&settings.config.audit, &settings.config.server);
    let key = key::of_node(&audit.key_in(&server.state), server.name.0.as_str(), &**store).await?;
    let outlet = Outlet::new(audit.checkpoints_in(&server.state));
    Ok(Sealer::new(Arc::clone(store), Arc::clone(clock), key, outlet, audit.seal_every.get()))
}
