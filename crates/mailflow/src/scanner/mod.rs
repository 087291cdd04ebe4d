//! [`Scanner`]: clamd, asked about every message before it is taken (spec §8.4).
//!
//! It says what it was told and decides nothing: rule `virus` of `pli_policy` does. `place` is where it listens,
//! `clamd` the dialogue, `reply` what an answer means.

mod clamd;
mod place;
mod reply;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pli_net::Shutdown;
use pli_policy::{ScanFacts, ScanFault};
use pli_store::StoreError;
use pli_types::Clock;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use clamd::Matter;
use clamd::Trouble;
pub use place::{PlaceError, ScannerPlace};
pub use reply::Version;

use crate::metrics;

/// How often it is asked whether it is there.
const EVERY: Duration = Duration::from_secs(5);

/// Who is there says so at once: clamd answers this while it scans.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerConfig {
    /// Where it listens.
    pub place: ScannerPlace,
    /// How long a message may wait for its answer, its turn included.
    pub timeout: Duration,
    /// The largest message that it is shown, in bytes; without it, the scanner's own limit is the only one.
    pub size_max: Option<u64>,
    /// Messages shown at once.
    pub concurrency: usize,
}

/// The virus scanner. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Scanner {
    inner: Arc<Inner>,
}

struct Inner {
    config: ScannerConfig,
    turns: Semaphore,
    standing: Mutex<Standing>,
}

/// What is known of the scanner itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Since when it gives no answer, and why; `None` while it does, and before it was first asked.
    pub failing: Option<(Timestamp, ScanFault)>,
    /// What it last said of itself.
    pub version: Option<Version>,
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scanner({})", self.inner.config.place)
    }
}

impl Scanner {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(config: ScannerConfig) -> Self {
        let turns = Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Self { inner: Arc::new(Inner { config, turns, standing: Mutex::default() }) }
    }

    /// Where it listens.
    #[must_use]
    pub fn place(&self) -> &ScannerPlace {
        &self.inner.config.place
    }

    /// Shows it a message. An error only if the message itself cannot be read.
    pub(crate) async fn scan(&self, matter: Matter<'_>) -> Result<ScanFacts, StoreError> {
        let begun = Instant::now();
        let said = match self.shown(matter, begun).await {
            Ok(said) => said,
            Err(Trouble::Scanner(fault)) => ScanFacts::Unanswered(fault),
            Err(Trouble::Store(error)) => return Err(error),
        };
        metrics::scanned(&said, begun.elapsed());
        if let ScanFacts::Unanswered(fault) = &said {
            tracing::warn!(scanner = %self.place(), "a message was not scanned: {fault}");
        }
        Ok(said)
    }

    async fn shown(&self, matter: Matter<'_>, begun: Instant) -> Result<ScanFacts, Trouble> {
        let Inner { config, turns, .. } = &*self.inner;
        if config.size_max.is_some_and(|size_max| matter.size() > size_max) {
            return Ok(ScanFacts::TooLarge);
        }
        let deadline = begun + config.timeout;
        let busy = Trouble::Scanner(ScanFault::Busy);
        // The semaphore is never closed.
        let Ok(Ok(_turn)) = timeout_at(deadline, turns.acquire()).await else { return Err(busy) };
        let asked = async {
            let wire = config.place.connect().await.map_err(|_| Trouble::Scanner(ScanFault::Unreachable))?;
            clamd::scan(wire, matter).await
        };
        timeout_at(deadline, asked).await.unwrap_or(Err(Trouble::Scanner(ScanFault::Silent)))
    }

    /// Asks who is there.
    pub async fn version(&self) -> Result<Version, ScanFault> {
        let asked = async {
            let wire = self.place().connect().await.map_err(|_| ScanFault::Unreachable)?;
            clamd::version(wire).await
        };
        timeout(VERSION_PATIENCE, asked).await.unwrap_or(Err(ScanFault::Silent))
    }

    /// Asks every few seconds whether it is there, until the end: a night without mail must not hide that it is not.
    pub async fn watch(self, clock: Arc<dyn Clock>, shutdown: Shutdown) {
        loop {
            let said = self.version().await;
            self.note(said, clock.now());
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn note(&self, said: Result<Version, ScanFault>, now: Timestamp) {
        let mut standing = self.inner.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match said {
            Ok(version) => *standing = Standing { failing: None, version: Some(version) },
            Err(fault) => {
                let since = standing.failing.map_or(now, |(since, _)| since);
                standing.failing = Some((since, fault));
            }
        }
    }

    /// What is known of it now. Asks nobody.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.inner.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
