//! When a row is tried again: the schedule as a pure function.

use std::time::Duration;

/// Pauses after the first tries, in minutes. The same for a server that is down and for one that is misconfigured:
/// either is mended by somebody else, at a time that we do not know.
const PAUSES_MINUTES: [u32; 6] = [1, 2, 5, 10, 20, 30];

/// The pause after every later try.
const PAUSE_MINUTES_LATER: u32 = 60;

/// How long to wait after a try that failed, or `None` to give up.
///
/// `attempts` counts the tries before this one, `age` is since acceptance, `lifetime` how long the queue tries, `jitter`
/// lies in 0..1 and moves the pause by at most a fifth either way, so that rows that failed together come back apart.
/// The last try is made at the very end of the lifetime.
pub(crate) fn pause(attempts: u32, age: Duration, lifetime: Duration, jitter: f64) -> Option<Duration> {
    let left = lifetime.checked_sub(age).filter(|left| !left.is_zero())?;
    let minutes = usize::try_from(attempts).ok().and_then(|index| PAUSES_MINUTES.get(index).copied());
    let base = Duration::from_mins(1) * minutes.unwrap_or(PAUSE_MINUTES_LATER);
    Some(base.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0)).min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn pauses_grow_to_an_hour() {
        let minutes =
            |attempts| pause(attempts, Duration::ZERO, 96 * HOUR, 0.5).map(|pause| pause.as_secs_f64() / 60.0);
        let schedule: Vec<_> = (0..9).filter_map(minutes).map(f64::round).collect();
        assert_eq!(schedule, [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0]);
        assert_eq!(minutes(u32::MAX).map(f64::round), Some(60.0));
    }

    #[test]
    fn jitter_moves_a_pause_by_a_fifth_at_most() {
        let seconds = |jitter| pause(0, Duration::ZERO, HOUR, jitter).unwrap().as_secs_f64();
        assert!((seconds(0.0) - 48.0).abs() < 1e-6);
        assert!((seconds(1.0) - 72.0).abs() < 1e-6);
        assert!((seconds(7.0) - 72.0).abs() < 1e-6, "held within bounds");
    }

    #[test]
    fn five_days_are_some_125_tries_and_the_last_is_made_at_their_end() {
        let lifetime = 120 * HOUR;
        let (mut age, mut tries) = (Duration::ZERO, 1);
        while let Some(pause) = pause(tries - 1, age, lifetime, 0.5) {
            age += pause;
            tries += 1;
        }
        assert_eq!((age, tries), (lifetime, 126));
    }

    #[test]
    fn the_last_try_falls_on_the_limit_and_none_after_it() {
        let left = Duration::from_secs(90);
        assert_eq!(pause(8, 96 * HOUR, 96 * HOUR + left, 0.5), Some(left));
        assert_eq!(pause(8, 96 * HOUR, 96 * HOUR, 0.5), None);
        assert_eq!(pause(8, 97 * HOUR, 96 * HOUR, 0.5), None);
    }
}
