//! [`Load`]: how many writes wait, and since when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::Backlog;

/// Shared by those who ask for a write and the thread that writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Load(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    /// When the oldest write of the batch in hand was asked for.
    oldest: Mutex<Option<Instant>>,
}

/// A write that was asked for. It counts until it is dropped, whoever drops it.
#[derive(Debug)]
pub(super) struct Waiting {
    load: Load,
    since: Instant,
}

impl Load {
    pub(super) fn wait(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting { load: self.clone(), since: Instant::now() }
    }

    /// The batch in hand, if there is one: writes are taken up in the order in which they came, so that none that waits is
    /// older.
    pub(super) fn in_hand(&self, oldest: Option<Instant>) {
        *self.0.oldest.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
    }

    pub(super) fn backlog(&self) -> Backlog {
        let oldest = *self.0.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        Backlog {
            waiting: self.0.waiting.load(Ordering::Relaxed),
            oldest: oldest.map(|since| since.elapsed()).unwrap_or_default(),
        }
    }
}

impl Waiting {
    pub(super) fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.load.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
