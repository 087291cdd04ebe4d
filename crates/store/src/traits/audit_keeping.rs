//! [`AuditKeeping`].

use async_trait::async_trait;
use pli_audit::Event;

use crate::{Erase, Prune, Pruned, Result, Traces};

/// What the record need not keep any more.
#[async_trait]
pub trait AuditKeeping: Send + Sync {
    /// Empties sealed entries whose time is over, some of them: `more` says whether to ask again. Their hashes stay, and with
    /// them every root and proof. While many entries wait for their seal, nothing is done.
    async fn prune(&self, prune: Prune) -> Result<Pruned>;

    /// What is there of a patient.
    async fn traces_of(&self, erase: &Erase) -> Result<Traces>;

    /// Forgets a patient: his key goes, and with it all that the record has sealed of him, in copies of it too; and every row
    /// that is only a record of him. What was there comes back. When it returns, neither database nor log of writes holds
    /// what would open the record. `Conflict` while something of him is in use. May be called again.
    async fn erase(&self, erase: Erase, audit: Vec<Event>) -> Result<Traces>;
}
