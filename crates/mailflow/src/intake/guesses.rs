//! [`Guesses`]: how many patients without a space each sender has written to within the hour.
//!
//! The replies tell nobody which spaces there are (spec §1.6), but the reports that follow tell their receiver. Whoever
//! tries number after number is stopped here: over the limit every patient of ours is put off for him, those with a
//! space too, or the limit itself would tell which exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long counting goes on before it begins anew.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Senders that are remembered at once. They are proven: operators of the list, connectors, accounts.
const SENDERS_MAX: usize = 10_000;

/// One for the whole process. Copies share their counts.
#[derive(Debug, Clone, Default)]
pub struct Guesses {
    counts: Arc<Mutex<HashMap<String, Count>>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Timestamp,
    unknown: u32,
}

impl Count {
    fn is_over(self, now: Timestamp) -> bool {
        now.duration_since(self.since) >= WINDOW
    }
}

impl Guesses {
    /// Has this sender written to as many unknown patients as he may?
    pub(crate) fn are_too_many(&self, sender: &str, limit: u32, now: Timestamp) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(sender).is_some_and(|count| !count.is_over(now) && count.unknown >= limit)
    }

    /// Notes that he has written to one more; true if that was the last that he may.
    pub(crate) fn note(&self, sender: &str, limit: u32, now: Timestamp) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= SENDERS_MAX && !counts.contains_key(sender) {
            make_room(&mut counts, now);
        }
        let count = counts.entry(sender.to_owned()).or_insert(Count { since: now, unknown: 0 });
        if count.is_over(now) {
            *count = Count { since: now, unknown: 0 };
        }
        count.unknown = count.unknown.saturating_add(1);
        count.unknown == limit
    }
}

/// Forgets those whose hour is over; if there are none, the one with the fewest.
fn make_room(counts: &mut HashMap<String, Count>, now: Timestamp) {
    counts.retain(|_, count| !count.is_over(now));
    if counts.len() >= SENDERS_MAX
        && let Some(least) = counts.iter().min_by_key(|(_, count)| count.unknown).map(|(sender, _)| sender.clone())
    {
        counts.remove(&least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_limit_is_each_senders_own_and_is_told_once() {
        let guesses = Guesses::default();
        let told: Vec<bool> = (0..5).map(|second| guesses.note("a", 3, at(second))).collect();
        assert_eq!(told, [false, false, true, false, false]);
        assert!(guesses.are_too_many("a", 3, at(5)));
        assert!(!guesses.are_too_many("b", 3, at(5)));
    }

    #[test]
    fn an_hour_later_counting_begins_anew() {
        let guesses = Guesses::default();
        assert!(guesses.note("a", 1, at(0)));
        assert!(guesses.are_too_many("a", 1, at(3599)));
        assert!(!guesses.are_too_many("a", 1, at(3600)));
        assert!(guesses.note("a", 1, at(3600)), "and is told anew");
    }

    #[test]
    fn the_table_is_bounded_and_whoever_guesses_most_stays() {
        let guesses = Guesses::default();
        guesses.note("guesser", 2, at(0));
        guesses.note("guesser", 2, at(0));
        for number in 0..SENDERS_MAX + 50 {
            guesses.note(&number.to_string(), 2, at(1));
        }
        assert_eq!(guesses.counts.lock().unwrap().len(), SENDERS_MAX);
        assert!(guesses.are_too_many("guesser", 2, at(2)));
    }
}
