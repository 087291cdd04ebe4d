//! [`AuditCheck`].

use async_trait::async_trait;
use pli_audit::Damage;

use crate::{Indexed, KeptCheckpoint, Result};

/// What a store keeps around the record's tree, for [`mod@crate::verify`]: nothing here is believed.
#[async_trait]
pub trait AuditCheck: Send + Sync {
    /// The checkpoints that are kept, the newest first, as they lie there; of more than a few, the newest.
    async fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>>;

    /// The entries from this index on, as far as this many, each with what lies beside it at the same moment.
    async fn indexed_from(&self, index: u64, limit: usize) -> Result<Vec<Indexed>>;

    /// The first that belongs to no place of the record: tiles that it does not have or not so wide, rows in front of its
    /// first entry, what tells of entries that are not there.
    async fn stray(&self) -> Result<Option<Damage>>;
}
