//! [`clock()`]: what time it is, for everything that takes a clock.
//!
//! A build with the cargo feature `testing` takes it from a file, so that a test can make certificates, lists and
//! queues grow old. The feature is never on by default, and `pli --version` names it.

#[cfg(any(test, feature = "testing"))]
mod file;

use std::sync::Arc;

use pli_types::{Clock, SystemClock};

/// Names the file, in builds with the feature `testing`.
#[cfg(feature = "testing")]
const VARIABLE: &str = "PLI_CLOCK_FILE";

/// What `--version` says.
pub(crate) const VERSION: &str = if cfg!(feature = "testing") {
    concat!(
        env!("CARGO_PKG_VERSION"),
        " (feature testing: PLI_CLOCK_FILE sets the clock, PLI_FAILPOINTS_FILE ends the process)"
    )
} else {
    env!("CARGO_PKG_VERSION")
};

/// The machine's clock.
#[cfg(not(feature = "testing"))]
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The machine's clock, or the one of the file that `PLI_CLOCK_FILE` names.
#[cfg(feature = "testing")]
pub(crate) fn clock() -> Arc<dyn Clock> {
    match std::env::var_os(VARIABLE) {
        None => Arc::new(SystemClock),
        Some(path) => {
            tracing::warn!(file = %path.display(), "a build for tests: the clock is read from this file");
            Arc::new(file::FileClock::new(path.into(), Arc::new(SystemClock)))
        }
    }
}
