//! [`AuditRows`].

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{MessageId, Person};

use crate::{Recorded, Result};

/// The record of what happened.
#[async_trait]
pub trait AuditRows: Send + Sync {
    /// Adds rows of their own (refusals, sign-ins). They join the next group commit; returns when it is done.
    async fn append_audit(&self, events: Vec<Event>) -> Result<()>;

    /// Every event about one message, in order; of those that are pruned nothing.
    async fn events_of(&self, message: MessageId) -> Result<Vec<Event>>;

    /// The entries from this index on, in order, as far as this many. What is recorded and not sealed is among them.
    async fn events_from(&self, index: u64, limit: usize) -> Result<Vec<Recorded>>;

    /// The entries of these indexes, in order; of one that is not there nothing.
    async fn events_at(&self, indexes: &[u64]) -> Result<Vec<Recorded>>;

    /// Which entries from this index on are about this person, in order, as far as this many: those that are sealed and
    /// those that wait for it. Nobody finds one that is pruned, nor anything of a person who is erased.
    async fn entries_about(&self, person: &Person, from: u64, limit: usize) -> Result<Vec<u64>>;
}
