//! [`Rates`]: how many messages each may bring in a minute. Pure but for its table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::TooMuch;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Senders that are remembered at once. They are proven: operators of the list, connectors, accounts.
const SENDERS_MAX: usize = 10_000;

/// A bucket that holds the messages of one minute and fills evenly. What is kept is when it will be full.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Timestamp,
    refusing: bool,
}

impl Bucket {
    /// Takes one message of `per_minute`; refuses if none is left.
    fn take(&mut self, per_minute: u32, now: Timestamp) -> Result<(), TooMuch> {
        let each = MINUTE / i32::try_from(per_minute).unwrap_or(i32::MAX);
        // Not more than a minute ahead, should the clock have been set back.
        self.full_at = self.full_at.clamp(now, now.saturating_add(MINUTE).unwrap_or(Timestamp::MAX));
        let after = self.full_at.saturating_add(each).unwrap_or(Timestamp::MAX);
        if after.duration_since(now) > MINUTE {
            return Err(TooMuch { first: !std::mem::replace(&mut self.refusing, true) });
        }
        *self = Self { full_at: after, refusing: false };
        Ok(())
    }
}

/// A bucket each.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates(Arc<Mutex<HashMap<String, Bucket>>>);

impl Rates {
    pub(super) fn take(&self, who: &str, per_minute: u32, now: Timestamp) -> Result<(), TooMuch> {
        if per_minute == 0 {
            return Ok(());
        }
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(who) {
            return bucket.take(per_minute, now);
        }
        if buckets.len() >= SENDERS_MAX {
            make_room(&mut buckets, now);
        }
        buckets.entry(who.to_owned()).or_insert(Bucket { full_at: now, refusing: false }).take(per_minute, now)
    }
}

/// Forgets those whose bucket is full again; if there are none, the one that is fullest.
fn make_room(buckets: &mut HashMap<String, Bucket>, now: Timestamp) {
    buckets.retain(|_, bucket| bucket.full_at > now);
    if buckets.len() >= SENDERS_MAX
        && let Some(fullest) = buckets.iter().min_by_key(|(_, bucket)| bucket.full_at).map(|(who, _)| who.clone())
    {
        buckets.remove(&fullest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_780_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_minutes_messages_may_come_at_once_and_then_evenly() {
        let rates = Rates::default();
        let may = |who, milliseconds| rates.take(who, 60, at(milliseconds)).is_ok();
        assert!((0..60).all(|_| may("a", 0)));
        assert!(!may("a", 0) && !may("a", 999));
        assert!(may("b", 0), "each has a bucket of his own");
        assert!(may("a", 1_000) && !may("a", 1_999) && may("a", 2_000));
        assert!((0..60).all(|_| may("a", 120_000)) && !may("a", 120_000), "it holds no more than a minute's");
    }

    #[test]
    fn the_first_refusal_in_a_row_is_told() {
        let rates = Rates::default();
        let told = |milliseconds| rates.take("a", 2, at(milliseconds)).map_err(|too_much| too_much.first);
        let expected = [Ok(()), Ok(()), Err(true), Err(false)];
        assert_eq!([told(0), told(0), told(0), told(1)], expected);
        assert_eq!([told(30_000), told(30_000)], [Ok(()), Err(true)]);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let rates = Rates::default();
        assert!((0..2).all(|_| rates.take("a", 2, at(86_400_000)).is_ok()));
        assert!(rates.take("a", 2, at(0)).is_err());
        assert!(rates.take("a", 2, at(30_000)).is_ok());
    }

    #[test]
    fn nobody_counts_where_there_is_no_limit_and_the_table_is_bounded() {
        let rates = Rates::default();
        assert!((0..1_000).all(|_| rates.take("a", 0, at(0)).is_ok()));
        assert!(rates.take("busy", 1, at(0)).is_ok());
        for number in 0..SENDERS_MAX + 50 {
            assert!(rates.take(&number.to_string(), 1_000, at(1)).is_ok());
        }
        assert_eq!(rates.0.lock().unwrap().len(), SENDERS_MAX);
        assert!(rates.take("busy", 1, at(2)).is_err(), "whoever brings most stays");
    }
}
