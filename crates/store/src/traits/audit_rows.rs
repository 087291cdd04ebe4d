//! [`AuditRows`].

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::MessageId;

use crate::Result;

/// The record of what happened.
#[async_trait]
pub trait AuditRows: Send + Sync {
    /// Adds rows of their own (refusals, sign-ins). They join the next group commit; returns when it is done.
    async fn append_audit(&self, events: Vec<Event>) -> Result<()>;

    /// Every event about one message, in order.
    async fn events_of(&self, message: MessageId) -> Result<Vec<Event>>;
}
