//! [`Watches`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;

use crate::{DueWatch, NewMessage, OverdueBacklog, Relay, Result, WatchId};

/// Deadlines on what becomes of messages ([`crate::NewWatch`]). Whether one is met is what the story of the message says:
/// nothing else is kept of it.
#[async_trait]
pub trait Watches: Send + Sync {
    /// Those whose time is over while what they wait for has not come, the oldest first.
    async fn watches_due(&self, now: Timestamp, limit: usize) -> Result<Vec<DueWatch>>;

    /// When the next one's time is over.
    async fn next_watch_at(&self) -> Result<Option<Timestamp>>;

    /// Ends one that is late, with the alert to its sender, the message's second way and the record, all in one. False if
    /// what it waits for has come meanwhile, or if it was ended before: then nothing of it is done. It is told of in
    /// [`Watches::overdue`] until what it waited for comes.
    async fn settle_watch(
        &self,
        id: WatchId,
        alert: Option<NewMessage>,
        resend: Option<Relay>,
        now: Timestamp,
        audit: Vec<Event>,
    ) -> Result<bool>;

    /// Forgets those that need not wait any more: their time is over and what they wait for has come, or they were ended
    /// before that time. How many.
    async fn forget_watches(&self, now: Timestamp, ended_before: Timestamp) -> Result<u64>;

    /// How much is late and still waited for.
    async fn overdue(&self) -> Result<OverdueBacklog>;
}
