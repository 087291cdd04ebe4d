//! [`Backlog`]: what was claimed and has not begun yet, by destination, and who is next.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use pli_store::Lease;
use pli_types::Domain;
use tokio::time::Instant;

use super::courier::Parcel;

/// Parcels that may wait here. Large, so that slow destinations do not keep out everyone else.
const WAITING_MAX: usize = 1_000;

/// Parcels of one destination that may wait here, for each that may be under way: more of them wait in the store, where
/// they keep nobody out.
const WAITING_EACH: usize = 4;

/// Recipients of one transaction (RFC 5321 §4.5.3.1.8: every server takes a hundred).
const RECIPIENTS_MAX: usize = 100;

/// Parcels that go back to their senders at once. They need no connection, and no other server's slots.
const RETURNS_MAX: usize = 4;

/// How long a parcel may wait here: its lease must outlive the try that follows.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(2);

/// Parcels waiting and under way. No input or output: the worker asks what to start and tells what ended.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// Connections at once: in all, and to one destination.
    slots: usize,
    per_destination: usize,
    /// Of all connections; those of tries that take long are not among them.
    under_way: usize,
    slow: usize,
    waiting: usize,
    lanes: HashMap<Domain, Lane>,
    /// Destinations with something waiting, in the order of their turns.
    turns: VecDeque<Domain>,
    /// What goes back to its sender, whatever its destination.
    returns: Lane,
    stale: Vec<Lease>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Those with a null reverse path go first.
    notices: VecDeque<(Parcel, Instant)>,
    letters: VecDeque<(Parcel, Instant)>,
    under_way: usize,
}

impl Lane {
    fn waiting(&self) -> usize {
        self.notices.len() + self.letters.len()
    }

    fn next(&mut self) -> Option<(Parcel, Instant)> {
        self.notices.pop_front().or_else(|| self.letters.pop_front())
    }

    fn is_idle(&self) -> bool {
        self.under_way == 0 && self.waiting() == 0
    }
}

impl Backlog {
    /// With so many deliveries at once in all, and for one destination.
    pub(crate) fn new(slots: usize, per_destination: usize) -> Self {
        Self {
            slots,
            per_destination,
            under_way: 0,
            slow: 0,
            waiting: 0,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            returns: Lane::default(),
            stale: Vec::new(),
        }
    }

    /// How many more rows it is worth claiming.
    pub(crate) fn room(&self) -> usize {
        WAITING_MAX.saturating_sub(self.waiting)
    }

    /// Deliveries under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way + self.slow + self.returns.under_way
    }

    /// Destinations of which enough waits here.
    pub(crate) fn sated(&self) -> Vec<Domain> {
        let enough = self.per_destination * WAITING_EACH;
        self.lanes.iter().filter(|(_, lane)| lane.waiting() >= enough).map(|(name, _)| name.clone()).collect()
    }

    /// Takes claimed rows in: those of one message for one destination are one parcel, and those that go
    /// back to the sender another.
    pub(crate) fn add(&mut self, leases: Vec<Lease>, now: Instant) {
        let mut parcels: Vec<Parcel> = Vec::new();
        for lease in leases {
            let fits = |parcel: &&mut Parcel| {
                parcel.message == lease.message
                    && parcel.destination == lease.destination
                    && parcel.goes_back() == lease.returned.is_some()
                    && parcel.leases.len() < RECIPIENTS_MAX
            };
            // The store gives rows of one parcel one after the other.
            match parcels.last_mut().filter(fits) {
                Some(parcel) => parcel.leases.push(lease),
                None => parcels.push(Parcel {
                    message: lease.message,
                    destination: lease.destination.clone(),
                    leases: vec![lease],
                }),
            }
        }
        for parcel in parcels {
            self.waiting += 1;
            if parcel.goes_back() {
                self.returns.notices.push_back((parcel, now));
                continue;
            }
            let lane = self.lanes.entry(parcel.destination.clone()).or_default();
            if lane.waiting() == 0 {
                self.turns.push_back(parcel.destination.clone());
            }
            let queue = if parcel.is_notice() { &mut lane.notices } else { &mut lane.letters };
            queue.push_back((parcel, now));
        }
    }

    /// The next parcel to start, if there is a slot for one: what goes back to its sender, then notices, then the rest.
    /// Destinations take turns; `allowance` says how many may be under way for one, if it is usually so many. A parcel
    /// that waited too long is put aside (see [`Backlog::take_stale`]).
    pub(crate) fn start(&mut self, now: Instant, allowance: impl Fn(&Domain, usize) -> usize) -> Option<Parcel> {
        while self.returns.under_way < RETURNS_MAX {
            let Some((parcel, since)) = self.returns.next() else { break };
            self.waiting -= 1;
            if let Some(parcel) = self.if_fresh(parcel, since, now) {
                self.returns.under_way += 1;
                return Some(parcel);
            }
        }
        while self.under_way < self.slots {
            let free = |name: &&Domain, notices: bool| {
                let lane = self.lanes.get(*name);
                lane.is_some_and(|lane| {
                    (!notices || !lane.notices.is_empty()) && lane.under_way < allowance(name, self.per_destination)
                })
            };
            let next = self.turns.iter().position(|name| free(&name, true));
            let next = next.or_else(|| self.turns.iter().position(|name| free(&name, false)))?;
            let destination = self.turns.remove(next)?;
            if let Some(parcel) = self.start_for(&destination, now) {
                return Some(parcel);
            }
        }
        None
    }

    /// Starts one for this destination, whose turn it was; its next turn comes after everybody else's.
    fn start_for(&mut self, destination: &Domain, now: Instant) -> Option<Parcel> {
        let lane = self.lanes.get_mut(destination)?;
        let (parcel, since) = lane.next()?;
        self.waiting -= 1;
        if lane.waiting() > 0 {
            self.turns.push_back(destination.clone());
        }
        let parcel = self.if_fresh(parcel, since, now);
        if parcel.is_some() {
            self.under_way += 1;
            if let Some(lane) = self.lanes.get_mut(destination) {
                lane.under_way += 1;
            }
        }
        self.forget_if_idle(destination);
        parcel
    }

    fn if_fresh(&mut self, parcel: Parcel, since: Instant, now: Instant) -> Option<Parcel> {
        if now.saturating_duration_since(since) <= WAIT_MAX {
            return Some(parcel);
        }
        self.stale.extend(parcel.leases);
        None
    }

    /// What goes back to its sender has gone.
    pub(crate) fn returned(&mut self) {
        self.returns.under_way = self.returns.under_way.saturating_sub(1);
    }

    /// A delivery takes long: somebody else may begin in its place. It still counts for its own destination.
    pub(crate) fn slows(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.slow += 1;
    }

    /// A delivery to this destination ended, however it did. `slow`: it had taken long ([`Backlog::slows`]).
    pub(crate) fn ended(&mut self, destination: &Domain, slow: bool) {
        let counted = if slow { &mut self.slow } else { &mut self.under_way };
        *counted = counted.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
        self.forget_if_idle(destination);
    }

    /// Takes out everything that waits for a destination which cannot be reached: it would fare no better.
    pub(crate) fn take_waiting(&mut self, destination: &Domain) -> Vec<Lease> {
        let Some(lane) = self.lanes.get_mut(destination) else { return Vec::new() };
        let parcels: Vec<_> = lane.notices.drain(..).chain(lane.letters.drain(..)).collect();
        self.waiting -= parcels.len();
        self.turns.retain(|turn| turn != destination);
        self.forget_if_idle(destination);
        parcels.into_iter().flat_map(|(parcel, _)| parcel.leases).collect()
    }

    /// Leases that waited too long for a try that might outlive them, to be given up: others may claim them.
    pub(crate) fn take_stale(&mut self) -> Vec<Lease> {
        std::mem::take(&mut self.stale)
    }

    /// Everything that has not begun, at the end.
    pub(crate) fn take_all(&mut self) -> Vec<Lease> {
        let lanes = std::mem::take(&mut self.lanes).into_values().chain([std::mem::take(&mut self.returns)]);
        let parcels = lanes.flat_map(|lane| lane.notices.into_iter().chain(lane.letters));
        let leases = parcels.flat_map(|(parcel, _)| parcel.leases).chain(self.take_stale()).collect();
        self.turns.clear();
        self.waiting = 0;
        leases
    }

    fn forget_if_idle(&mut self, destination: &Domain) {
        if self.lanes.get(destination).is_some_and(Lane::is_idle) {
            self.lanes.remove(destination);
        }
    }
}

#[cfg(test)]
mod tests;
