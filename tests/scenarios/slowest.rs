//! Which scenarios took longest: what a run waits for should be known before it has become long.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::Outcome;

/// So many are told of.
const TOLD: usize = 10;
/// What took less is not slow.
const SLOW: Duration = Duration::from_secs(1);

static TIMES: Mutex<Vec<(Duration, &str)>> = Mutex::new(Vec::new());

/// Plays a scenario and notes how long it took, however it ends.
pub(crate) fn timed(name: &'static str, run: fn() -> Outcome) -> Outcome {
    let begin = Instant::now();
    let outcome = run();
    TIMES.lock().unwrap_or_else(PoisonError::into_inner).push((begin.elapsed(), name));
    outcome
}

/// Names the slowest of all that were played, in seconds that others ran in too.
pub(crate) fn tell() {
    let mut times = TIMES.lock().unwrap_or_else(PoisonError::into_inner);
    times.retain(|(time, _)| *time >= SLOW);
    times.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    if times.is_empty() {
        return;
    }
    eprintln!("slowest:");
    for (time, name) in times.iter().take(TOLD) {
        eprintln!("{:8.1} s  {name}", time.as_secs_f64());
    }
    eprintln!();
}
