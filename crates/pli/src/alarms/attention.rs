//! [`Attention`]: whether the store takes anything, what of the mail waits for an admin, and of the record for its seal, as of the last look into the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pli_store::{HeldBacklog, OverdueBacklog, QueueBacklog, Result, Store, StoreError, UnsealedLog};
use tokio::time::timeout;

/// A store that takes longer is not there for a sender either.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// Why the store takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreFault {
    /// It says that there is no room.
    Full,
    /// It says that it cannot.
    Failing,
    /// It says nothing.
    Silent,
}

/// What waits, and whether the store takes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Waiting {
    /// Why the store takes nothing, if so.
    pub(crate) store: Option<StoreFault>,
    /// Mail that waits for its turn, or for its next server.
    pub(crate) queue: QueueBacklog,
    /// Mail that is held until he decides.
    pub(crate) held: HeldBacklog,
    /// Mail of which something should have been heard by now.
    pub(crate) overdue: OverdueBacklog,
    /// What is recorded and not sealed.
    pub(crate) unsealed: UnsealedLog,
}

/// How much waited at the last look. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attention(Arc<Mutex<Waiting>>);

impl Attention {
    pub(crate) fn get(&self) -> Waiting {
        *self.lock()
    }

    /// Does the store answer, and take what is written? On a full disk everything can still be read, and no message is taken.
    pub(crate) async fn probe(&self, store: &dyn Store) {
        let both = async {
            store.next_due_at().await?;
            store.probe().await
        };
        let fault = match timeout(STORE_PATIENCE, both).await {
            Ok(Ok(())) => None,
            Ok(Err(StoreError::Unavailable { full: true, .. })) => Some(StoreFault::Full),
            Ok(Err(_)) => Some(StoreFault::Failing),
            Err(_) => Some(StoreFault::Silent),
        };
        self.lock().store = fault;
    }

    /// Looks anew. A store that cannot be read leaves what was known of the mail, and has an alarm of its own.
    pub(crate) async fn look(&self, store: &dyn Store, now: Timestamp) {
        self.probe(store).await;
        match waiting(store, now).await {
            Ok(waiting) => {
                let mut known = self.lock();
                *known = Waiting { store: known.store, ..waiting };
            }
            Err(error) => tracing::debug!(%error, "what waits for an admin could not be counted"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn waiting(store: &dyn Store, now: Timestamp) -> Result<Waiting> {
    let (held, overdue) = (store.held_backlog().await?, store.overdue().await?);
    let (queue, unsealed) = (store.queue_backlog(now).await?, store.unsealed().await?);
    Ok(Waiting { store: None, queue, held, overdue, unsealed })
}
