//! [`due`]: when a revocation list is asked for again. Nothing but arithmetic.

use jiff::{SignedDuration, Timestamp};

/// Between two tries at least, whatever the list's life.
const RETRY_MIN: SignedDuration = SignedDuration::from_secs(1);
/// Between a failed try and the next at first, for a list of usual life.
const RETRY: SignedDuration = SignedDuration::from_mins(1);
/// And while there is no list, so that nobody is believed.
const RETRY_WITHOUT_LIST: SignedDuration = SignedDuration::from_secs(5);
/// How long a server that keeps failing is left alone at most.
const RETRY_MAX: SignedDuration = SignedDuration::from_mins(15);

/// From `thisUpdate` to `nextUpdate` of the list that we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
}

/// The last try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) at: Timestamp,
    /// How many tries in a row have failed; 0 if this one has not.
    pub(super) failures: u32,
    /// Drawn at this try: spreads the tries of many relays over time.
    pub(super) draw: u8,
}

/// When to ask next.
///
/// After a good answer: when `every` has passed, up to a tenth earlier; or if that comes first, when the list has
/// between a fifth and a tenth of its life left. If the authority has not renewed it by then, at ever shorter times
/// until its end. After a failure: later and later, up to [`RETRY_MAX`] or `every`, but never so late that a list
/// which would end meanwhile were not asked for several times.
pub(super) fn due(list: Option<Life>, before: Option<Last>, every: SignedDuration) -> Timestamp {
    let Some(tried) = before else { return Timestamp::MIN };
    let regular = every - part(every, u32::from(tried.draw), 10 * 255);
    let left = list.map(|list| list.next_update.duration_since(tried.at)).filter(SignedDuration::is_positive);
    let wait = match (tried.failures, list, left) {
        (0, Some(list), Some(left)) => {
            let early = part(life(list), 255 + u32::from(tried.draw), 10 * 255);
            let wait = if left > early { left - early } else { (left / 8).max(retry(list)) };
            wait.min(regular)
        }
        // The authority's server gives a list that has ended, or none was there to be judged.
        (0, Some(list), None) => retry(list).min(regular),
        (0, None, _) => regular,
        (failures, list, left) => {
            let first = list.map_or(RETRY_WITHOUT_LIST, retry);
            let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(RETRY_MAX).min(every);
            let spread = doubled - part(doubled, u32::from(tried.draw), 2 * 255);
            left.map_or(spread, |left| spread.min((left / 8).max(first)))
        }
    };
    tried.at.saturating_add(wait.max(RETRY_MIN)).unwrap_or(Timestamp::MAX)
}

/// The shortest pause worth making: a list that lives a minute is not asked for every minute.
fn retry(list: Life) -> SignedDuration {
    (life(list) / 100).clamp(RETRY_MIN, RETRY)
}

fn life(list: Life) -> SignedDuration {
    list.next_update.duration_since(list.this_update)
}

/// `of × numerator / denominator`, to the millisecond.
fn part(of: SignedDuration, numerator: u32, denominator: u32) -> SignedDuration {
    let millis = of.as_millis().saturating_mul(i128::from(numerator)) / i128::from(denominator);
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn wait(list: Option<(i64, i64)>, failures: u32, draw: u8, every: SignedDuration) -> i64 {
        let list = list.map(|(from, to)| Life { this_update: at(from), next_update: at(to) });
        due(list, Some(Last { at: at(0), failures, draw }), every).duration_since(at(0)).as_secs()
    }

    #[test]
    fn what_was_never_asked_for_is_due() {
        assert_eq!(due(None, None, HOUR), Timestamp::MIN);
    }

    #[test]
    fn a_list_is_asked_for_at_least_as_often_as_set_and_not_by_all_relays_at_once() {
        let week = Some((0, 7 * 86_400));
        assert_eq!(wait(week, 0, 0, HOUR), 3_600);
        assert_eq!(wait(week, 0, 255, HOUR), 3_240);
    }

    #[test]
    fn a_list_is_asked_for_before_it_ends() {
        let hour = Some((0, 3_600));
        assert_eq!(wait(hour, 0, 0, HOUR * 24), 3_240, "a tenth of its life is left");
        assert_eq!(wait(hour, 0, 255, HOUR * 24), 2_880, "a fifth of its life is left");
        assert_eq!(wait(Some((-3_400, 200)), 0, 0, HOUR), 36, "not renewed yet: soon again");
        assert_eq!(wait(Some((-7_200, -3_600)), 0, 0, HOUR), 36, "ended");
    }

    #[test]
    fn a_server_that_fails_is_left_alone_for_longer_and_longer() {
        let waits: Vec<i64> = (1..8).map(|failures| wait(None, failures, 0, HOUR)).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320], "nobody is believed without a list");
        assert_eq!(wait(None, 1, 255, HOUR), 2, "half of it is drawn");
        assert_eq!(wait(None, u32::MAX, 0, HOUR), 900);
        let week = Some((0, 7 * 86_400));
        assert_eq!([1, 2, 5, 9].map(|failures| wait(week, failures, 0, HOUR)), [60, 120, 900, 900]);
        assert_eq!(wait(week, 9, 0, SignedDuration::from_secs(10)), 10, "never less often than set");
        assert_eq!(wait(Some((-604_000, 800)), 9, 0, HOUR), 100, "the list ends soon");
    }

    proptest! {
        #[test]
        fn a_list_in_force_is_always_asked_for_before_it_ends(
            life in 60_i64..100_000_000, gone in 0.0_f64..0.95, failures in 0_u32..40, draw: u8, every in 1_i64..1_000_000,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a drawn instant")]
            let gone = (life as f64 * gone) as i64;
            let every = SignedDuration::from_secs(every);
            let wait = wait(Some((-gone, life - gone)), failures, draw, every);
            prop_assert!(wait >= 1 || every.as_secs() < 2);
            prop_assert!(wait < life - gone, "{wait} of {}", life - gone);
            prop_assert!(wait <= every.as_secs().max(1));
        }
    }
}
