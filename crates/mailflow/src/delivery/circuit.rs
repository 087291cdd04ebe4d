//! [`Circuits`]: which destinations cannot be reached just now, so that one dead hospital slows nobody else.
//!
//! After [`OPEN_AFTER`] tries in a row without a server that can be talked to, a destination's circuit opens: nothing is
//! tried for it until its time has come. Then one parcel goes, as a probe. If a server is there, the circuit is closed and
//! all goes; if not, it stays open for longer. No input or output, and time comes as an argument.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_types::Domain;

use super::retry;
use super::verdict::Trouble;

/// Tries in a row that fail before a circuit opens. One may have met a restart.
const OPEN_AFTER: u32 = 3;

/// The longest that a circuit stays open without a probe.
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(30);

/// Destinations that are remembered as there. Then all are forgotten, and each begins with one parcel again.
const THERE_MAX: usize = 100_000;

/// An open circuit that nobody has tried for so long is forgotten: no mail waits for it any more.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// How a destination stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As far as is known, it can be reached.
    Closed,
    /// Nothing is tried before this time, because of this trouble.
    Open {
        /// When the next probe goes.
        until: Timestamp,
        /// What was in the way last.
        trouble: Trouble,
    },
    /// One parcel may go, as a probe.
    Probing,
}

/// All destinations that failed lately. The others are closed.
#[derive(Debug, Default)]
pub(crate) struct Circuits {
    failing: HashMap<Domain, Circuit>,
    /// Those whose server was talked to last time.
    there: HashSet<Domain>,
}

#[derive(Debug, Default)]
struct Circuit {
    /// Tries in a row without a server.
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Timestamp,
    trouble: Trouble,
    /// Probes that failed since it opened.
    probes: u32,
    /// Is one under way?
    probing: bool,
}

impl Circuits {
    /// May anything be tried for this destination now?
    pub(crate) fn standing(&self, destination: &Domain, now: Timestamp) -> Standing {
        match self.failing.get(destination).and_then(|circuit| circuit.open.as_ref()) {
            None => Standing::Closed,
            Some(open) if open.is_shut(now) => Standing::Open { until: open.until, trouble: open.trouble.clone() },
            Some(_) => Standing::Probing,
        }
    }

    /// How many parcels may be under way for it at once, if it is usually so many: one goes first, and the others once
    /// that has found a server. A server that takes connections and says nothing holds one place, and not all of its own.
    pub(crate) fn allowance(&self, destination: &Domain, usual: usize) -> usize {
        if self.there.contains(destination) { usual } else { 1 }
    }

    /// A try begins.
    pub(crate) fn begins(&mut self, destination: &Domain) {
        if let Some(open) = self.failing.get_mut(destination).and_then(|circuit| circuit.open.as_mut()) {
            open.probing = true;
        }
    }

    /// A server of the destination was talked to. True if that closes its circuit: then all goes.
    pub(crate) fn reached(&mut self, destination: &Domain) -> bool {
        if self.there.len() >= THERE_MAX {
            self.there.clear();
        }
        self.there.insert(destination.clone());
        self.failing.remove(destination).is_some_and(|circuit| circuit.open.is_some())
    }

    /// No server could be talked to; `jitter` as in [`retry::pause`]. True if the circuit is open now.
    pub(crate) fn failed(&mut self, destination: &Domain, trouble: &Trouble, now: Timestamp, jitter: f64) -> bool {
        self.there.remove(destination);
        let circuit = self.failing.entry(destination.clone()).or_default();
        match &mut circuit.open {
            // A try that began before the circuit opened says nothing new.
            Some(open) if !open.probing => {}
            Some(open) => {
                open.probing = false;
                open.trouble = trouble.clone();
                // A probe that somebody asked for does not put off the next.
                if !open.is_shut(now) {
                    open.probes = open.probes.saturating_add(1);
                    open.until = after(now, open.probes, jitter);
                }
            }
            None => {
                circuit.failures = circuit.failures.saturating_add(1);
                if circuit.failures >= OPEN_AFTER {
                    let until = after(now, 0, jitter);
                    circuit.open = Some(Open { until, trouble: trouble.clone(), probes: 0, probing: false });
                }
            }
        }
        circuit.open.is_some()
    }

    /// A try ended without telling whether a server is there.
    pub(crate) fn untold(&mut self, destination: &Domain) {
        if let Some(open) = self.failing.get_mut(destination).and_then(|circuit| circuit.open.as_mut()) {
            open.probing = false;
        }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.failing.values().filter(|circuit| circuit.open.is_some()).count()
    }

    /// Destinations of which nothing may be tried now.
    pub(crate) fn shut(&self, now: Timestamp) -> Vec<Domain> {
        let shut = |circuit: &Circuit| circuit.open.as_ref().is_some_and(|open| open.is_shut(now));
        self.failing.iter().filter(|(_, circuit)| shut(circuit)).map(|(destination, _)| destination.clone()).collect()
    }

    /// Forgets destinations that nobody has written to for long.
    pub(crate) fn forget_old(&mut self, now: Timestamp) {
        self.failing.retain(|_, circuit| {
            circuit.open.as_ref().is_none_or(|open| now.duration_since(open.until) < FORGOTTEN_AFTER)
        });
    }
}

impl Open {
    /// A time further off than any pause was set before the clock went back.
    fn is_shut(&self, now: Timestamp) -> bool {
        now < self.until && self.until.duration_since(now) <= PAUSE_MAX
    }
}

/// The pauses of a row's own back-off, and never more than [`PAUSE_MAX`]. In whole microseconds, as the store keeps until when
/// a row waits: else a row that is due could still find its circuit shut.
fn after(now: Timestamp, probes: u32, jitter: f64) -> Timestamp {
    let pause = retry::pause(probes, Duration::ZERO, Duration::MAX, jitter).unwrap_or_default();
    let pause = SignedDuration::try_from(pause).unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
    let until = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    Timestamp::from_microsecond(until.as_microsecond()).unwrap_or(until)
}

#[cfg(test)]
mod tests {
    use pli_policy::Reason;

    use super::*;

    const JITTER: f64 = 0.5;

    fn dead() -> Domain {
        Domain::parse("dead.fr").unwrap()
    }

    fn trouble() -> Trouble {
        Trouble::scrubbed(Reason::PeerUnreachable, "no answer".to_owned())
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    /// One that opened at 0, to stay so for a minute.
    fn opened() -> Circuits {
        let mut circuits = Circuits::default();
        let open: Vec<_> = (0..3).map(|_| circuits.failed(&dead(), &trouble(), at(0), JITTER)).collect();
        assert_eq!(open, [false, false, true]);
        circuits
    }

    fn until(circuits: &Circuits, now: Timestamp) -> Option<Timestamp> {
        match circuits.standing(&dead(), now) {
            Standing::Open { until, .. } => Some(until),
            _ => None,
        }
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let mut circuits = Circuits::default();
        for _ in 0..5 {
            circuits.failed(&dead(), &trouble(), at(0), JITTER);
            circuits.failed(&dead(), &trouble(), at(0), JITTER);
            assert!(!circuits.reached(&dead()), "it was never open");
        }
        assert_eq!((circuits.standing(&dead(), at(0)), circuits.open()), (Standing::Closed, 0));
        let circuits = opened();
        assert_eq!(until(&circuits, at(0)), Some(at(1)));
        assert_eq!((circuits.open(), circuits.shut(at(0)), circuits.shut(at(1))), (1, vec![dead()], vec![]));
    }

    #[test]
    fn the_first_goes_alone_and_the_others_once_it_has_found_a_server() {
        let mut circuits = Circuits::default();
        assert_eq!(circuits.allowance(&dead(), 5), 1, "nothing is known of it");
        assert!(!circuits.reached(&dead()));
        assert_eq!(circuits.allowance(&dead(), 5), 5);
        circuits.failed(&dead(), &trouble(), at(0), JITTER);
        assert_eq!(circuits.allowance(&dead(), 5), 1);
    }

    #[test]
    fn one_probe_goes_when_its_time_has_come() {
        let mut circuits = opened();
        assert_eq!(circuits.standing(&dead(), at(1)), Standing::Probing);
        assert_eq!(circuits.allowance(&dead(), 5), 1);
        circuits.begins(&dead());
        assert!(circuits.reached(&dead()), "it closes, and all goes");
        assert_eq!((circuits.standing(&dead(), at(1)), circuits.allowance(&dead(), 5)), (Standing::Closed, 5));
    }

    #[test]
    fn each_probe_that_fails_keeps_it_open_for_longer_up_to_half_an_hour() {
        let mut circuits = opened();
        let mut now = at(0);
        let mut minutes = Vec::new();
        for _ in 0..8 {
            let until = until(&circuits, now).unwrap();
            minutes.push(until.duration_since(now).as_mins());
            now = until;
            circuits.begins(&dead());
            assert!(circuits.failed(&dead(), &trouble(), now, JITTER));
        }
        assert_eq!(minutes, [1, 2, 5, 10, 20, 30, 30, 30]);
    }

    /// A row waits until then as the store keeps it: in microseconds.
    #[test]
    fn a_row_that_is_due_finds_the_circuit_ready_for_a_probe() {
        for nanoseconds in [0, 1, 500, 999] {
            let now = at(0) + SignedDuration::from_nanos(nanoseconds);
            for jitter in [0.0, 0.1, 0.123_456_789, 0.987_654_321] {
                let mut circuits = Circuits::default();
                for _ in 0..3 {
                    circuits.failed(&dead(), &trouble(), now, jitter);
                }
                let kept = Timestamp::from_microsecond(until(&circuits, now).unwrap().as_microsecond()).unwrap();
                assert_eq!(circuits.standing(&dead(), kept), Standing::Probing, "{now} {jitter}");
            }
        }
    }

    #[test]
    fn a_try_that_began_before_it_opened_changes_nothing() {
        let mut circuits = opened();
        assert!(circuits.failed(&dead(), &trouble(), at(0), JITTER));
        assert_eq!(until(&circuits, at(0)), Some(at(1)));
        let mut circuits = opened();
        assert!(circuits.reached(&dead()), "unless it found a server");
    }

    #[test]
    fn a_probe_that_somebody_asked_for_does_not_put_off_the_next() {
        let mut circuits = opened();
        circuits.begins(&dead());
        assert!(circuits.failed(&dead(), &trouble(), at(0), JITTER));
        assert_eq!(until(&circuits, at(0)), Some(at(1)));
    }

    #[test]
    fn a_probe_that_tells_nothing_is_made_again() {
        let mut circuits = opened();
        circuits.begins(&dead());
        circuits.untold(&dead());
        assert_eq!(circuits.standing(&dead(), at(1)), Standing::Probing);
    }

    #[test]
    fn a_clock_that_goes_back_shuts_nothing_for_ever() {
        let circuits = opened();
        assert_eq!(circuits.standing(&dead(), at(-60 * 24)), Standing::Probing);
    }

    #[test]
    fn what_nobody_writes_to_is_forgotten() {
        let mut circuits = opened();
        circuits.forget_old(at(300));
        assert_eq!(circuits.open(), 1);
        circuits.forget_old(at(361));
        assert_eq!(circuits.open(), 0);
    }
}
