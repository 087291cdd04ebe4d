//! [`Pace`]: how soon the directory may be asked again.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Calls in a second that one application may make (spec §7.2).
const CALLS_MAX: usize = 17;

const WINDOW: SignedDuration = SignedDuration::from_secs(1);

/// When the last calls were made.
#[derive(Debug, Default)]
pub struct Pace {
    calls: VecDeque<Timestamp>,
}

impl Pace {
    /// Takes a call's place: zero if it may be made at once, else how long to wait before it. Of any second, no more than
    /// 17 calls are made. A clock that was set back does not block for long: calls in its future are forgotten.
    pub fn take(&mut self, now: Timestamp) -> Duration {
        self.calls.retain(|call| call.duration_since(now) <= WINDOW);
        let at = match self.calls.len().checked_sub(CALLS_MAX).and_then(|place| self.calls.get(place)) {
            Some(call) => now.max(call.saturating_add(WINDOW).unwrap_or(now)),
            None => now,
        };
        self.calls.push_back(at);
        while self.calls.len() > CALLS_MAX {
            self.calls.pop_front();
        }
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn of_any_second_no_more_than_seventeen_calls_are_made() {
        let mut pace = Pace::default();
        let mut made = Vec::new();
        let mut now = 1_000_000;
        for step in 0..500 {
            let wait = i64::try_from(pace.take(at(now)).as_millis()).unwrap();
            now += wait;
            made.push(now);
            now += step % 7;
        }
        for calls in made.windows(CALLS_MAX + 1) {
            assert!(calls[CALLS_MAX] - calls[0] >= 1000, "{calls:?}");
        }
        let (first, last) = (made[0], made[499]);
        assert!(last - first < 30_500, "it waits no longer than it must: {} ms", last - first);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_calls() {
        let mut pace = Pace::default();
        for _ in 0..40 {
            pace.take(at(10_000_000));
        }
        assert_eq!(pace.take(at(1_000)), Duration::ZERO);
    }
}
