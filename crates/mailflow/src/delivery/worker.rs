//! The worker: claims what is due, starts what is next, hears how it ended.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pli_failpoint::failpoint;
use pli_net::Shutdown;
use pli_policy::Reason;
use pli_store::{Change, Lease};
use pli_types::Domain;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::circuit::{Circuits, Standing};
use super::courier::{Courier, Parcel, Reach, Tried};
use super::transcript::Transcript;
use super::verdict::{Trouble, Verdict};
use super::{Delivery, pool, returned, settle};
use crate::intake::Intake;
use crate::metrics;
use crate::spans::{Begun, Step};

/// How long claimed rows are ours. Longer than a parcel may wait and a try may take, so that a row is never tried
/// twice at once; a node that dies among others holds its rows up for as long.
const LEASE: Duration = Duration::from_mins(30);

/// How long a try may take in all: ten minutes of it for the reply to the final dot.
const TRY_MAX: Duration = Duration::from_mins(27);

/// A try that has not ended by then takes long: its place among the connections is somebody else's from then on. Four
/// hospitals whose servers say nothing for five minutes (RFC 5321 §4.5.3.2.1) would else hold all there are.
const SLOW_AFTER: Duration = Duration::from_secs(15);

/// How many tries may take long besides, for each of the connections.
const SLOW_EACH: usize = 10;

/// Rows claimed at once.
const CLAIM_ROWS: usize = 100;

/// The queue is looked at so often even if nothing says that it changed.
const POLL: Duration = Duration::from_secs(30);

/// And so often while some destination has enough waiting here: what else comes due cannot be told from its rows.
const POLL_BESIDE: Duration = Duration::from_secs(1);

/// The shortest time between two looks that nothing asked for.
const SOON: Duration = Duration::from_millis(50);

/// How long deliveries under way may go on once shutdown has begun.
const LAST_DELIVERIES: Duration = Duration::from_secs(20);

/// Rows made due in one transaction when a server is there again: others want to write meanwhile.
const WAKE_ROWS: usize = 1_000;

/// Works until shutdown begins.
pub(super) async fn run(delivery: Delivery, shutdown: Shutdown) {
    let Delivery { intake, tls, resolver, config, hurry } = delivery;
    let changes = intake.store.0.subscribe();
    let connections = config.connections.max(1);
    // A place for every delivery, for what goes back, and for what is put off.
    let slow = connections.saturating_mul(SLOW_EACH);
    // Each try tells that it takes long, and that it ended.
    let (ends, ended) = mpsc::channel(connections.saturating_add(slow).saturating_mul(2) + 16);
    let courier = Courier::new(intake.clone(), tls, resolver, config.port, connections);
    let worker = Worker {
        intake,
        courier: Arc::new(courier),
        backlog: Backlog::new(connections, config.connections_per_destination.max(1)),
        circuits: Circuits::default(),
        putting_off: Arc::default(),
        slow: Arc::new(Semaphore::new(slow.min(Semaphore::MAX_PERMITS))),
        shutdown,
        cut: CancellationToken::new(),
        ends,
    };
    worker.run(changes, ended, &hurry).await;
}

/// What a task of the worker's tells when it ends.
enum End {
    /// Not an end: a delivery takes long.
    Slow,
    /// A delivery, what it says of its destination, and did it take long?
    Delivery(Domain, Reach, bool),
    /// Something has gone back to its sender.
    Return,
    /// What was not tried has been put off.
    PutOff,
}

struct Worker {
    intake: Intake,
    courier: Arc<Courier>,
    backlog: Backlog,
    circuits: Circuits,
    /// Held by each task that puts off rows of open circuits. Meanwhile none of those are claimed.
    putting_off: Arc<()>,
    /// A place for each try that takes long.
    slow: Arc<Semaphore>,
    shutdown: Shutdown,
    /// Cuts off deliveries that go on for too long after shutdown began.
    cut: CancellationToken,
    ends: mpsc::Sender<End>,
}

impl Worker {
    async fn run(mut self, mut changes: broadcast::Receiver<Change>, mut ended: mpsc::Receiver<End>, hurry: &Notify) {
        let mut look_at = Instant::now();
        let mut sweeping = tokio::time::interval(pool::IDLE_MAX);
        loop {
            if Instant::now() >= look_at {
                look_at = Instant::now() + self.claim().await;
            }
            while let Some(parcel) = self.next_parcel() {
                self.start(parcel);
            }
            tokio::select! {
                () = self.shutdown.begun() => break,
                Some(end) = ended.recv() => {
                    self.end(end);
                    look_at = look_at.min(Instant::now() + SOON);
                }
                () = queue_changed(&mut changes) => look_at = Instant::now(),
                () = hurry.notified() => look_at = Instant::now(),
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
            return POLL_BESIDE;
        }
        let store = Arc::clone(&self.intake.store.0);
        let now = self.intake.clock.now();
        self.circuits.forget_old(now);
        let mut sated = self.backlog.sated();
        if Arc::strong_count(&self.putting_off) > 1 {
            sated.extend(self.circuits.shut(now));
        }
        match store.claim_turns(now, LEASE, limit, &sated).await {
            Ok(leases) => {
                failpoint!("delivery.claimed");
                let more = leases.len() >= limit;
                let leases = self.put_off_shut(leases);
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
        if !sated.is_empty() {
            return POLL_BESIDE;
        }
        match store.next_due_at().await {
            Ok(Some(at)) => Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO).clamp(SOON, POLL),
            Ok(None) | Err(_) => POLL,
        }
    }

    /// Of claimed rows, those whose destination is not to be tried now are put off until its next probe, and those whose
    /// time is over meanwhile end. What somebody has asked for is tried all the same.
    fn put_off_shut(&mut self, leases: Vec<Lease>) -> Vec<Lease> {
        let now = self.intake.clock.now();
        let (mut shut, mut verdicts, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for lease in leases {
            match self.circuits.standing(&lease.destination, now) {
                Standing::Open { until, trouble } if lease.returned.is_none() && !lease.asked => {
                    verdicts.push(Verdict::NotNow { until, trouble });
                    shut.push(lease);
                }
                _ => others.push(lease),
            }
        }
        self.put_off(shut, verdicts);
        others
    }

    fn put_off(&mut self, leases: Vec<Lease>, verdicts: Vec<Verdict>) {
        if leases.is_empty() {
            return;
        }
        let (intake, ends, putting_off) = (self.intake.clone(), self.ends.clone(), Arc::clone(&self.putting_off));
        self.shutdown.spawn(async move {
            settle::settle(&intake, &leases, &verdicts, None).await;
            drop(putting_off);
            // Whoever claims is not waited for: he looks again by himself.
            drop(ends.try_send(End::PutOff));
        });
    }

    fn next_parcel(&mut self) -> Option<Parcel> {
        let circuits = &self.circuits;
        let next = self.backlog.start(Instant::now(), |name, usual| circuits.allowance(name, usual));
        let stale = self.backlog.take_stale();
        if !stale.is_empty() {
            self.give_up(stale);
        }
        next
    }

    /// Leases of which nothing was tried.
    fn give_up(&self, leases: Vec<Lease>) {
        let store = Arc::clone(&self.intake.store.0);
        self.shutdown.spawn(async move {
            if let Err(error) = store.unclaim(&leases).await {
                // They are due again when the leases end.
                tracing::warn!(rows = leases.len(), error = %crate::chain(&error), "leases could not be given up");
            }
        });
    }

    fn start(&mut self, parcel: Parcel) {
        let (intake, courier, cut) = (self.intake.clone(), Arc::clone(&self.courier), self.cut.clone());
        metrics::under_way(1.0);
        if let Some(verdicts) = returned::verdicts(&parcel) {
            let slot = Slot { ends: self.ends.clone(), end: Some(End::Return) };
            self.shutdown.spawn(async move {
                let _slot = slot;
                settle::settle(&intake, &parcel.leases, &verdicts, None).await;
            });
            return;
        }
        self.circuits.begins(&parcel.destination);
        let untold = End::Delivery(parcel.destination.clone(), Reach::Untold, false);
        let slot = Slot { ends: self.ends.clone(), end: Some(untold) };
        let late = Arc::clone(&self.slow);
        self.shutdown.spawn(async move {
            let mut slot = slot;
            let transcript = Transcript::new(&intake.masker);
            let trying = trying(&parcel, &intake);
            let mut place = None;
            let work = tokio::time::timeout(TRY_MAX, courier.deliver(&parcel, &transcript));
            let tried = tokio::select! {
                () = cut.cancelled() => return,
                tried = told_when_slow(work, || place = slot.slows(&late)) => tried,
            };
            let tried = tried.unwrap_or_else(|_| too_long(&intake, &parcel));
            trying.end_of_try(&tried.verdicts, &*intake.clock);
            let settling = Begun::now(Step::Settle, parcel.message, &*intake.clock);
            settle::settle(&intake, &parcel.leases, &tried.verdicts, Some(&transcript)).await;
            settling.done(&*intake.clock);
            slot.end = Some(End::Delivery(parcel.destination, tried.reach, place.is_some()));
        });
    }

    fn end(&mut self, end: End) {
        match end {
            End::PutOff => {}
            End::Return => {
                metrics::under_way(-1.0);
                self.backlog.returned();
            }
            End::Slow => self.backlog.slows(),
            End::Delivery(destination, reach, slow) => {
                metrics::under_way(-1.0);
                self.backlog.ended(&destination, slow);
                match reach {
                    Reach::Reached => self.reached(&destination),
                    Reach::Unreachable(trouble) => self.unreachable(&destination, &trouble),
                    Reach::Untold => self.circuits.untold(&destination),
                }
                metrics::circuits_open(self.circuits.open());
            }
        }
    }

    /// A server is there. If it was not before, all that waits for it is due now.
    fn reached(&mut self, destination: &Domain) {
        if !self.circuits.reached(destination) {
            return;
        }
        tracing::info!(%destination, "the destination can be reached again: all that waits for it is due");
        let (intake, destination) = (self.intake.clone(), destination.clone());
        self.shutdown.spawn(async move {
            let store = &intake.store.0;
            loop {
                match store.wake(&destination, intake.clock.now(), WAKE_ROWS).await {
                    Ok(woken) if woken >= WAKE_ROWS => {}
                    Ok(_) => return,
                    Err(error) => {
                        // What was not woken comes at its own time.
                        tracing::warn!(%destination, error = %crate::chain(&error), "what waits could not be made due");
                        return;
                    }
                }
            }
        });
    }

    /// No server is there. Once that is sure, what waits for it is put off together: trying each for itself would hold
    /// slots for hours.
    fn unreachable(&mut self, destination: &Domain, trouble: &Trouble) {
        let now = self.intake.clock.now();
        let was_open = matches!(self.circuits.standing(destination, now), Standing::Open { .. });
        if !self.circuits.failed(destination, trouble, now, settle::jitter()) {
            return;
        }
        let Standing::Open { until, .. } = self.circuits.standing(destination, now) else { return };
        if !was_open {
            let (reason, detail) = (trouble.reason.code(), &trouble.detail);
            tracing::warn!(%destination, %until, reason, detail, "the destination is not tried until then");
        }
        let waiting = self.backlog.take_waiting(destination);
        let verdicts = vec![Verdict::NotNow { until, trouble: trouble.clone() }; waiting.len()];
        self.put_off(waiting, verdicts);
    }

    /// Says goodbye on connections that lie idle; not worth waiting for.
    fn sweep(&self, all: bool) {
        let courier = Arc::clone(&self.courier);
        self.shutdown.spawn(async move { courier.sweep(all).await });
    }

    async fn finish(mut self, mut ended: mpsc::Receiver<End>) {
        let waiting = self.backlog.take_all();
        self.give_up(waiting);
        let last = async {
            while self.backlog.under_way() > 0 {
                match ended.recv().await {
                    Some(End::Delivery(destination, _, slow)) => self.backlog.ended(&destination, slow),
                    Some(End::Slow) => self.backlog.slows(),
                    Some(End::Return) => self.backlog.returned(),
                    Some(End::PutOff) => {}
                    None => break,
                }
            }
        };
        if tokio::time::timeout(LAST_DELIVERIES, last).await.is_err() {
            tracing::warn!(under_way = self.backlog.under_way(), "deliveries were cut off; they are tried again");
        }
        self.cut.cancel();
        self.sweep(true);
    }
}

/// Waits for the work; once it has taken [`SLOW_AFTER`], that is told, and waited on.
async fn told_when_slow<T>(work: impl Future<Output = T>, tell: impl FnOnce()) -> T {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(SLOW_AFTER) => tell(),
    }
    work.await
}

/// What is told of a try.
fn trying(parcel: &Parcel, intake: &Intake) -> Begun {
    Begun::now(Step::Deliver, parcel.message, &*intake.clock).with(|span| {
        span.recipients = Some(parcel.leases.len());
        span.attempt = parcel.leases.iter().map(|lease| lease.attempts.saturating_add(1)).max();
    })
}

fn too_long(intake: &Intake, parcel: &Parcel) -> Tried {
    let trouble = Trouble::new(&intake.masker, Reason::PeerUnreachable, "the delivery took too long");
    Tried { verdicts: vec![Verdict::Later(trouble); parcel.leases.len()], reach: Reach::Untold }
}

/// Gives the slot back when the task ends, however it does: a defect in one delivery must not cost a slot for ever.
struct Slot {
    ends: mpsc::Sender<End>,
    end: Option<End>,
}

impl Slot {
    /// Tells that the delivery takes long, if there is room for one more such; the place is held until it ends.
    fn slows(&mut self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(places).try_acquire_owned().ok()?;
        self.ends.try_send(End::Slow).ok()?;
        // However it ends from now on, it ends as one that took long.
        if let Some(End::Delivery(_, _, slow)) = &mut self.end {
            *slow = true;
        }
        Some(place)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // There is a place for every slot; after shutdown nobody listens.
            drop(self.ends.try_send(end));
        }
    }
}

/// Waits for rows to become due. A receiver that fell behind looks for itself; one whose store is gone waits for ever.
async fn queue_changed(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Queue) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(
                Change::Folder(..)
                | Change::Folders(_)
                | Change::Campaigns
                | Change::Receipts
                | Change::Watches
                | Change::Access,
            ) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
