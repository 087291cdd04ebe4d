//! [`Traffic`]: how much may come in at once, in a minute, and while the store is behind.
//!
//! `behind` judges the store, `rate` counts messages a minute, `share` the messages that come in at one time. All three
//! decide by numbers that they are given; here they are kept, for all listeners together.

mod behind;
mod rate;
mod share;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pli_store::Backlog;

pub use self::behind::BehindLimits;
use self::behind::Episode;
use self::rate::Rates;
pub(crate) use self::share::Place;
pub use self::share::ShareLimits;
use self::share::Shares;
use crate::metrics;

/// What may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficLimits {
    /// When the store is behind.
    pub behind: BehindLimits,
    /// Messages that one peer may bring in a minute; 0 sets no limit.
    pub per_peer: u32,
    /// Messages that one account may send in a minute; 0 sets no limit.
    pub per_account: u32,
    /// Messages that come in at one time.
    pub share: ShareLimits,
}

impl Default for TrafficLimits {
    fn default() -> Self {
        Self {
            behind: BehindLimits { writes: 4096, age: Duration::from_secs(5) },
            per_peer: 6_000,
            per_account: 600,
            share: ShareLimits { all: 1_000, each: 250 },
        }
    }
}

/// One for the whole process. Copies share what they know.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    episode: Arc<Mutex<Episode>>,
    rates: Rates,
    shares: Shares,
}

/// Why a message is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch {
    /// Is it the first since this one was last let in? Then it is worth a line.
    pub(crate) first: bool,
}

impl Traffic {
    /// Is the store so far behind that nothing new is begun? It is told in the log when that begins and when it ends.
    pub(crate) fn store_is_behind(&self, backlog: Backlog, limits: BehindLimits) -> bool {
        metrics::store_backlog(backlog);
        let mut episode = self.episode.lock().unwrap_or_else(PoisonError::into_inner);
        let was = episode.is_on();
        let refused = episode.judge(backlog, limits);
        let Backlog { waiting, oldest } = backlog;
        match (was, episode.is_on()) {
            (false, true) => tracing::warn!(waiting, ?oldest, "the store is behind: new messages are put off"),
            (true, false) => tracing::info!(refused, "the store has caught up: new messages are taken again"),
            _ => {}
        }
        episode.is_on()
    }

    /// A message was put off because the store is behind.
    pub(crate) fn note_refusal(&self) {
        self.episode.lock().unwrap_or_else(PoisonError::into_inner).refuse();
        metrics::overloaded();
    }

    /// Lets `who` begin a message. The place is his until it is dropped.
    pub(crate) fn enter(
        &self,
        who: &str,
        per_minute: u32,
        share: ShareLimits,
        now: Timestamp,
    ) -> Result<Place, TooMuch> {
        // The place first: a message that gets none costs nothing of the minute.
        let place = self.shares.take(who, share)?;
        self.rates.take(who, per_minute, now)?;
        Ok(place)
    }
}
