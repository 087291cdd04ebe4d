//! Delivery: claim, route, carry, settle.
//!
//! [`Delivery::run`] claims due rows and starts what `backlog` says is next; `courier` carries one parcel and tells
//! how it went; `settle` turns that into outcome, record and report. `retry` says when to try again and `dsn`
//! what the sender is told: both are pure.

mod backlog;
mod canonical;
mod commands;
mod courier;
mod dialogue;
mod dsn;
mod exchange;
mod opening;
mod ours;
mod pool;
pub mod probe;
mod reply;
mod retry;
mod returned;
mod route;
mod settle;
mod transport;
mod unproven;
mod verdict;
mod words;

use std::sync::Arc;
use std::time::Duration;

use pli_failpoint::failpoint;
use pli_net::{ClientTls, Resolver, Shutdown};
use pli_policy::Reason;
use pli_store::Change;
use pli_types::Domain;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::intake::Intake;
use crate::metrics;
use backlog::Backlog;
use courier::{Courier, Parcel, Tried};
use verdict::{Trouble, Verdict};

/// How long claimed rows are ours. Longer than a parcel may wait and a try may take, so that a row is never tried
/// twice at once; a node that dies among others holds its rows up for as long.
const LEASE: Duration = Duration::from_mins(30);

/// How long a try may take in all: ten minutes of it for the reply to the final dot.
const TRY_MAX: Duration = Duration::from_mins(27);

/// Rows claimed at once.
const CLAIM_ROWS: usize = 100;

/// The queue is looked at so often even if nothing says that it changed.
const POLL: Duration = Duration::from_secs(30);

/// How long deliveries under way may go on once shutdown has begun.
const LAST_DELIVERIES: Duration = Duration::from_secs(20);

/// `[delivery]`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Connections to other servers at once.
    pub connections: usize,
    /// The port of the servers that the DNS names.
    pub port: u16,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { connections: 20, port: 25 }
    }
}

/// The way out.
#[derive(Debug)]
pub struct Delivery {
    /// Reports go in by the same door as every message.
    pub intake: Intake,
    /// What we show to other servers.
    pub tls: ClientTls,
    /// Where they are.
    pub resolver: Resolver,
    /// Settings.
    pub config: DeliveryConfig,
}

impl Delivery {
    /// Works until shutdown begins, then finishes what is under way, for 20 seconds at most. What is cut off then is
    /// tried again later.
    pub async fn run(self, shutdown: Shutdown) {
        let changes = self.intake.store.0.subscribe();
        let connections = self.config.connections.max(1);
        let (ends, ended) = mpsc::channel(connections);
        let intake = self.intake.clone();
        let courier = Courier::new(self.intake, self.tls, self.resolver, self.config.port, connections);
        let worker = Worker {
            intake,
            courier: Arc::new(courier),
            backlog: Backlog::new(connections),
            shutdown,
            cut: CancellationToken::new(),
            ends,
        };
        worker.run(changes, ended).await;
    }
}

/// A delivery ended: for which destination, and whether that could not be reached at all.
struct Ended {
    destination: Domain,
    unreachable: Option<Trouble>,
}

struct Worker {
    intake: Intake,
    courier: Arc<Courier>,
    backlog: Backlog,
    shutdown: Shutdown,
    /// Cuts off deliveries that go on for too long after shutdown began.
    cut: CancellationToken,
    ends: mpsc::Sender<Ended>,
}

impl Worker {
    async fn run(mut self, mut changes: broadcast::Receiver<Change>, mut ended: mpsc::Receiver<Ended>) {
        let mut look_at = Instant::now();
        let mut sweeping = tokio::time::interval(pool::IDLE_MAX);
        loop {
            if Instant::now() >= look_at {
                look_at = Instant::now() + self.claim().await;
            }
            while let Some(parcel) = self.backlog.start(Instant::now()) {
                self.start(parcel);
            }
            tokio::select! {
                () = self.shutdown.begun() => break,
                Some(end) = ended.recv() => self.end(end),
                () = queue_changed(&mut changes) => look_at = Instant::now(),
                () = tokio::time::sleep_until(look_at) => {}
                _ = sweeping.tick() => self.sweep(false),
            }
        }
        self.finish(ended).await;
    }

    /// Claims what is due; gives the time until the next look.
    async fn claim(&mut self) -> Duration {
        let limit = self.backlog.room().min(CLAIM_ROWS);
        if limit == 0 {
            return Duration::from_secs(1);
        }
        let store = &self.intake.store.0;
        let now = self.intake.clock.now();
        match store.claim_due(now, LEASE, limit).await {
            Ok(leases) => {
                failpoint!("delivery.claimed");
                let more = leases.len() >= limit;
                self.backlog.add(leases, Instant::now());
                if more {
                    return Duration::ZERO;
                }
            }
            Err(error) => {
                tracing::error!(error = %crate::chain(&error), "the queue could not be read");
                return Duration::from_secs(5);
            }
        }
        match store.next_due_at().await {
            Ok(Some(at)) => Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO).clamp(SOON, POLL),
            Ok(None) | Err(_) => POLL,
        }
    }

    fn start(&self, parcel: Parcel) {
        let (intake, courier, cut) = (self.intake.clone(), Arc::clone(&self.courier), self.cut.clone());
        let slot = Slot { ends: self.ends.clone(), end: Some(parcel.destination.clone()), unreachable: None };
        metrics::under_way(1.0);
        self.shutdown.spawn(async move {
            let mut slot = slot;
            if let Some(verdicts) = returned::verdicts(&parcel) {
                return settle::settle(&intake, &parcel, &verdicts).await;
            }
            let tried = tokio::select! {
                () = cut.cancelled() => return,
                tried = tokio::time::timeout(TRY_MAX, courier.deliver(&parcel)) => tried,
            };
            let tried = tried.unwrap_or_else(|_| too_long(&intake, &parcel));
            settle::settle(&intake, &parcel, &tried.verdicts).await;
            slot.unreachable = tried.unreachable;
        });
    }

    /// What waits for a destination that cannot be reached is put off together: trying each for itself would hold
    /// slots for hours.
    fn end(&mut self, end: Ended) {
        metrics::under_way(-1.0);
        self.backlog.ended(&end.destination);
        let Some(trouble) = end.unreachable else { return };
        let waiting = self.backlog.take_waiting(&end.destination);
        if waiting.is_empty() {
            return;
        }
        let intake = self.intake.clone();
        self.shutdown.spawn(async move {
            for parcel in waiting {
                let later = || vec![Verdict::Later(trouble.clone()); parcel.leases.len()];
                let verdicts = returned::verdicts(&parcel).unwrap_or_else(later);
                settle::settle(&intake, &parcel, &verdicts).await;
            }
        });
    }

    /// Says goodbye on connections that lie idle; not worth waiting for.
    fn sweep(&self, all: bool) {
        let courier = Arc::clone(&self.courier);
        self.shutdown.spawn(async move { courier.sweep(all).await });
    }

    async fn finish(mut self, mut ended: mpsc::Receiver<Ended>) {
        let last = async {
            while self.backlog.under_way() > 0 {
                let Some(end) = ended.recv().await else { break };
                self.backlog.ended(&end.destination);
            }
        };
        if tokio::time::timeout(LAST_DELIVERIES, last).await.is_err() {
            tracing::warn!(under_way = self.backlog.under_way(), "deliveries were cut off; they are tried again");
        }
        self.cut.cancel();
        self.sweep(true);
    }
}

fn too_long(intake: &Intake, parcel: &Parcel) -> Tried {
    let trouble = Trouble::new(&intake.masker, Reason::PeerUnreachable, "the delivery took too long");
    Tried { verdicts: vec![Verdict::Later(trouble); parcel.leases.len()], unreachable: None }
}

/// The shortest time between two looks that nothing asked for.
const SOON: Duration = Duration::from_millis(50);

/// Gives the slot back when the task ends, however it does: a defect in one delivery must not cost a slot for ever.
struct Slot {
    ends: mpsc::Sender<Ended>,
    end: Option<Domain>,
    unreachable: Option<Trouble>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(destination) = self.end.take() {
            // There is a place for every slot; after shutdown nobody listens.
            drop(self.ends.try_send(Ended { destination, unreachable: self.unreachable.take() }));
        }
    }
}

/// Waits for rows to become due. A receiver that fell behind looks for itself; one whose store is gone waits for ever.
async fn queue_changed(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Queue) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(Change::Folder(..) | Change::Folders(_) | Change::Campaigns | Change::Receipts | Change::Access) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
