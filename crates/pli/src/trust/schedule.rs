//! [`pause()`]: when the publisher is asked again. Pure.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// After the first fetch that failed.
const FIRST: Duration = Duration::from_secs(5);

/// How long to wait: `every` after a good fetch, and after `failures` in a row ever longer up to `every`. Moved by a tenth
/// either way by `random` (0 to 1), so that the country does not ask in the same second.
pub(crate) fn pause(every: Duration, failures: u32, random: f64) -> Duration {
    let base = match failures.checked_sub(1) {
        None => every,
        Some(doublings) => every.min(FIRST.saturating_mul(2_u32.saturating_pow(doublings))),
    };
    base.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

/// A number from 0 to 1 that nobody can predict.
pub(crate) fn random() -> f64 {
    let seed = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(seed >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_good_fetch_is_followed_by_the_next_an_hour_later_give_or_take_a_tenth() {
        let minutes = |random| pause(HOUR, 0, random).as_secs() / 60;
        assert_eq!((minutes(0.0), minutes(0.5), minutes(1.0)), (54, 60, 66));
    }

    #[test]
    fn a_failed_fetch_is_tried_again_soon_and_then_ever_later() {
        let seconds: Vec<u64> = (1..=12).map(|failures| pause(HOUR, failures, 0.5).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(pause(Duration::from_secs(1), 1, 0.5), Duration::from_secs(1), "never later than a good one");
        assert_eq!(pause(HOUR, u32::MAX, 0.5), HOUR);
    }

    #[test]
    fn chance_is_within_its_bounds() {
        assert!((0..1000).map(|_| random()).all(|random| (0.0..=1.0).contains(&random)));
    }
}
