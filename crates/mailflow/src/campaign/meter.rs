//! [`Meter`]: how many messages of a campaign are due by now.

use std::time::Duration;

use jiff::Timestamp;
use pli_types::Pace;

/// Keeps a pace. What was not sent in time, because nothing was there or the machine was slow, is not made up for but for
/// one second's worth: mail that comes in is not pushed aside by a rush.
#[derive(Debug)]
pub(super) struct Meter {
    pace: Pace,
    since: Timestamp,
    taken: u64,
}

impl Meter {
    /// From now on.
    pub(super) fn new(pace: Pace, now: Timestamp) -> Self {
        Self { pace, since: now, taken: 0 }
    }

    /// How many are due; at another pace, or with a clock that was set back, it begins anew.
    pub(super) fn due(&mut self, pace: Pace, now: Timestamp) -> u64 {
        if pace != self.pace || now < self.since {
            *self = Self::new(pace, now);
        }
        // The first is due at once.
        let due = self.pace.due_in(self.elapsed(now)).saturating_add(1).saturating_sub(self.taken);
        let most = self.pace.due_in(Duration::from_secs(1)).max(1);
        if due > most {
            *self = Self::new(pace, now);
            return most;
        }
        due
    }

    /// So many were sent.
    pub(super) fn take(&mut self, messages: u64) {
        self.taken = self.taken.saturating_add(messages);
    }

    /// How long it is until the next is due.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        self.pace.time_for(self.taken).saturating_sub(self.elapsed(now))
    }

    fn elapsed(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.since)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        "2026-03-01T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(millis)
    }

    #[test]
    fn so_many_are_due_a_second_and_never_more() {
        let (pace, mut sent) = ("50/s".parse().unwrap(), 0);
        let mut meter = Meter::new(pace, at(0));
        for millis in (0..10_000).step_by(7) {
            let due = meter.due(pace, at(millis));
            meter.take(due);
            sent += due;
            assert!(sent <= 1 + 50 * u64::try_from(millis).unwrap() / 1000, "{sent} after {millis} ms");
        }
        assert!(sent >= 499, "{sent}");
    }

    #[test]
    fn the_wait_ends_when_the_next_is_due_and_not_before() {
        let pace = "600/min".parse().unwrap();
        let mut meter = Meter::new(pace, at(0));
        assert_eq!((meter.due(pace, at(0)), meter.wait(at(0))), (1, Duration::ZERO));
        meter.take(1);
        assert_eq!((meter.due(pace, at(0)), meter.wait(at(0))), (0, Duration::from_millis(100)));
        assert_eq!((meter.due(pace, at(99)), meter.due(pace, at(100))), (0, 1));
    }

    #[test]
    fn what_was_missed_is_not_made_up_for_in_a_rush() {
        let pace = "50/s".parse().unwrap();
        let mut meter = Meter::new(pace, at(0));
        let due = meter.due(pace, at(3_600_000));
        assert_eq!(due, 50);
        meter.take(due);
        assert_eq!(meter.due(pace, at(3_600_500)), 0);
        assert_eq!(meter.due(pace, at(3_601_020)), 2);
    }

    #[test]
    fn another_pace_or_a_clock_set_back_begins_anew() {
        let (slow, fast) = ("1/h".parse().unwrap(), "1000/s".parse().unwrap());
        let mut meter = Meter::new(slow, at(0));
        meter.take(1);
        assert_eq!(meter.due(slow, at(60_000)), 0);
        assert_eq!(meter.due(fast, at(60_000)), 1);
        meter.take(1);
        assert_eq!(meter.due(fast, at(-60_000)), 1);
    }
}
