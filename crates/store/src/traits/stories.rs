//! [`Stories`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::MessageId;

use crate::{Result, Story, StoryFilter};

/// What became of messages. What happened on the way is in the record ([`crate::AuditRows::events_of`]).
#[async_trait]
pub trait Stories: Send + Sync {
    /// The stories to which the filter applies, the last that was taken in first.
    async fn find_stories(&self, filter: &StoryFilter, limit: usize) -> Result<Vec<Story>>;

    /// The story of one message; none if there was no such message, or its story is no longer kept.
    async fn story(&self, message: MessageId) -> Result<Option<Story>>;

    /// Forgets up to so many stories that ended before then; how many.
    async fn forget_stories(&self, ended_before: Timestamp, limit: usize) -> Result<u64>;
}
