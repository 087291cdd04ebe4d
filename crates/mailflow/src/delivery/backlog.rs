//! [`Backlog`]: what was claimed and has not begun yet, by destination, and who is next.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use pli_store::Lease;
use pli_types::Domain;
use tokio::time::Instant;

use super::courier::Parcel;

/// Connections to one destination at once: a burst for one hospital must not hold every slot, nor flood the hospital.
const PER_DESTINATION: usize = 5;

/// Parcels that may wait here. Large, so that a slow destination's do not keep out everyone else's.
const WAITING_MAX: usize = 1_000;

/// Recipients of one transaction (RFC 5321 §4.5.3.1.8: every server takes a hundred).
const RECIPIENTS_MAX: usize = 100;

/// How long a parcel may wait here: its lease must outlive the try that follows.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(2);

/// Parcels waiting and under way. No input or output: the worker asks what to start and tells what ended.
#[derive(Debug)]
pub(crate) struct Backlog {
    slots: usize,
    under_way: usize,
    waiting: usize,
    lanes: HashMap<Domain, Lane>,
    /// Destinations with something waiting, in the order of their turns.
    turns: VecDeque<Domain>,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<(Parcel, Instant)>,
    under_way: usize,
}

impl Backlog {
    /// With so many deliveries at once in all.
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots, under_way: 0, waiting: 0, lanes: HashMap::new(), turns: VecDeque::new() }
    }

    /// How many more rows it is worth claiming.
    pub(crate) fn room(&self) -> usize {
        WAITING_MAX.saturating_sub(self.waiting)
    }

    /// Deliveries under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Takes claimed rows in: those of one message for one destination are one parcel, and those that go
    /// back to the sender another.
    pub(crate) fn add(&mut self, leases: Vec<Lease>, now: Instant) {
        let mut parcels: Vec<Parcel> = Vec::new();
        for lease in leases {
            let fits = |parcel: &&mut Parcel| {
                parcel.message == lease.message
                    && parcel.destination == lease.destination
                    && parcel.leases.first().is_some_and(|first| first.returned.is_some() == lease.returned.is_some())
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
            let lane = self.lanes.entry(parcel.destination.clone()).or_default();
            if lane.waiting.is_empty() {
                self.turns.push_back(parcel.destination.clone());
            }
            lane.waiting.push_back((parcel, now));
            self.waiting += 1;
        }
    }

    /// The next parcel to start, if there is a slot for one. Destinations take turns. A parcel that waited too long is
    /// dropped: its rows come due again when their lease ends.
    pub(crate) fn start(&mut self, now: Instant) -> Option<Parcel> {
        for _ in 0..self.turns.len() {
            if self.under_way >= self.slots {
                return None;
            }
            let destination = self.turns.pop_front()?;
            let started = self.start_for(&destination, now);
            if self.lanes.get(&destination).is_some_and(|lane| !lane.waiting.is_empty()) {
                self.turns.push_back(destination);
            } else {
                self.forget_if_idle(&destination);
            }
            if started.is_some() {
                return started;
            }
        }
        None
    }

    fn start_for(&mut self, destination: &Domain, now: Instant) -> Option<Parcel> {
        let lane = self.lanes.get_mut(destination)?;
        while lane.under_way < PER_DESTINATION {
            let (parcel, since) = lane.waiting.pop_front()?;
            self.waiting -= 1;
            if now.saturating_duration_since(since) <= WAIT_MAX {
                lane.under_way += 1;
                self.under_way += 1;
                return Some(parcel);
            }
        }
        None
    }

    /// A delivery ended, however it did.
    pub(crate) fn ended(&mut self, destination: &Domain) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
        self.forget_if_idle(destination);
    }

    /// Takes out everything that waits for a destination which cannot be reached: it would fare no better.
    pub(crate) fn take_waiting(&mut self, destination: &Domain) -> Vec<Parcel> {
        let Some(lane) = self.lanes.get_mut(destination) else { return Vec::new() };
        let parcels: Vec<_> = lane.waiting.drain(..).map(|(parcel, _)| parcel).collect();
        self.waiting -= parcels.len();
        self.turns.retain(|turn| turn != destination);
        self.forget_if_idle(destination);
        parcels
    }

    fn forget_if_idle(&mut self, destination: &Domain) {
        if self.lanes.get(destination).is_some_and(|lane| lane.under_way == 0 && lane.waiting.is_empty()) {
            self.lanes.remove(destination);
        }
    }
}

#[cfg(test)]
mod tests {
    use pli_types::{DsnNotify, EnvelopeParameters, MailAddress, MessageId, QueueId, Recipient, ReversePath};

    use super::*;

    fn lease(message: u8, domain: &str) -> Lease {
        let address = MailAddress::parse(&format!("a@{domain}")).unwrap();
        Lease {
            row: QueueId::from_bytes([message; 16]),
            token: 1,
            message: MessageId::from_bytes([message; 16]),
            sender: ReversePath::Null,
            parameters: EnvelopeParameters::default(),
            destination: address.domain().clone(),
            recipient: Recipient { address, notify: DsnNotify::default(), orcpt: None },
            attempts: 0,
            accepted_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            delay_reported: false,
            size: 1,
            returned: None,
            steps: 0,
            asked: false,
        }
    }

    fn started(backlog: &mut Backlog, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| backlog.start(now)).map(|parcel| parcel.destination.to_string()).collect()
    }

    #[tokio::test]
    async fn recipients_of_one_message_and_destination_travel_together() {
        let mut backlog = Backlog::new(20);
        let leases = vec![lease(1, "a.fr"), lease(1, "a.fr"), lease(1, "b.fr"), lease(2, "b.fr")];
        backlog.add(leases, Instant::now());
        let parcels: Vec<_> = std::iter::from_fn(|| backlog.start(Instant::now())).map(|p| p.leases.len()).collect();
        assert_eq!(parcels, [2, 1, 1]);
        let mut many = Backlog::new(20);
        many.add((0..250).map(|_| lease(1, "a.fr")).collect(), Instant::now());
        let parcels: Vec<_> = std::iter::from_fn(|| many.start(Instant::now())).map(|p| p.leases.len()).collect();
        assert_eq!(parcels, [100, 100, 50]);
    }

    #[tokio::test]
    async fn destinations_take_turns_and_none_takes_every_slot() {
        let now = Instant::now();
        let mut backlog = Backlog::new(8);
        let crowd = (0..50).map(|n| lease(n, "slow.fr"));
        backlog.add(crowd.chain([lease(60, "a.fr"), lease(61, "b.fr")]).collect(), now);
        let first = started(&mut backlog, now);
        assert_eq!(first.iter().filter(|name| *name == "slow.fr").count(), PER_DESTINATION);
        assert!(first.contains(&"a.fr".to_owned()) && first.contains(&"b.fr".to_owned()));
        assert_eq!((backlog.under_way(), backlog.room()), (7, WAITING_MAX - 45));
        backlog.ended(&Domain::parse("slow.fr").unwrap());
        assert_eq!(started(&mut backlog, now), ["slow.fr"]);
    }

    #[tokio::test]
    async fn slots_bound_what_is_under_way() {
        let now = Instant::now();
        let mut backlog = Backlog::new(2);
        backlog.add((0..5).map(|n| lease(n, &format!("d{n}.fr"))).collect(), now);
        assert_eq!(started(&mut backlog, now), ["d0.fr", "d1.fr"]);
        backlog.ended(&Domain::parse("d0.fr").unwrap());
        assert_eq!(started(&mut backlog, now), ["d2.fr"]);
    }

    #[tokio::test]
    async fn what_waits_for_a_dead_destination_can_be_taken_out() {
        let now = Instant::now();
        let dead = Domain::parse("dead.fr").unwrap();
        let mut backlog = Backlog::new(20);
        backlog.add((0..9).map(|n| lease(n, "dead.fr")).chain([lease(9, "a.fr")]).collect(), now);
        assert_eq!(started(&mut backlog, now).len(), PER_DESTINATION + 1);
        assert_eq!(backlog.take_waiting(&dead).len(), 4);
        assert_eq!(backlog.room(), WAITING_MAX);
        for _ in 0..PER_DESTINATION {
            backlog.ended(&dead);
        }
        assert!(!backlog.lanes.contains_key(&dead), "nothing is kept about it");
    }

    #[tokio::test]
    async fn a_parcel_whose_lease_may_end_too_soon_is_not_started() {
        let now = Instant::now();
        let mut backlog = Backlog::new(20);
        backlog.add(vec![lease(1, "a.fr")], now);
        assert!(backlog.start(now + WAIT_MAX + Duration::from_secs(1)).is_none());
        assert_eq!(backlog.room(), WAITING_MAX);
    }
}
