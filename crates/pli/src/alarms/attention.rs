//! [`Attention`]: what of the mail waits for an admin, and of the record for its seal, as of the last look into the store.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use pli_store::{HeldBacklog, OverdueBacklog, QueueBacklog, Result, Store, UnsealedLog};

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Waiting {
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
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks anew. A store that cannot be read leaves what was known: it has an alarm of its own wherever it is used.
    pub(crate) async fn look(&self, store: &dyn Store, now: Timestamp) {
        match waiting(store, now).await {
            Ok(waiting) => *self.0.lock().unwrap_or_else(PoisonError::into_inner) = waiting,
            Err(error) => tracing::debug!(%error, "what waits for an admin could not be counted"),
        }
    }
}

async fn waiting(store: &dyn Store, now: Timestamp) -> Result<Waiting> {
    let (held, overdue) = (store.held_backlog().await?, store.overdue().await?);
    Ok(Waiting { queue: store.queue_backlog(now).await?, held, overdue, unsealed: store.unsealed().await? })
}
