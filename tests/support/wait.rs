//! Waiting for an event, with a deadline, instead of sleeping and hoping.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks again and again until the answer is `Some`, for `patience` at most.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > patience {
            bail!("{what}: not within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
