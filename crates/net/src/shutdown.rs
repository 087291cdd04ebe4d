//! [`Shutdown`]: soft, then hard.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells every task that the end has come, and waits for them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Shutdown {
    /// Resolves when the end has come: finish the transaction under way, then stop.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Has the end come?
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Starts a task that the end waits for. The one place that may spawn.
    ///
    /// The task must watch [`Shutdown::begun`] by itself: nothing interrupts it, so that a transaction is never cut
    /// in the middle. One that panics ends alone. Tasks may still be started after the end has begun, by those that
    /// are finishing.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Says that the end has come and waits for all tasks, for `patience` at most. True if all ended; if not, the
    /// process had better exit: what hangs will hang on.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
