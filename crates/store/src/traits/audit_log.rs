//! [`AuditLog`].

use async_trait::async_trait;
use pli_audit::{BundleId, TileId};
use pli_types::MessageId;
use tokio::sync::watch;

use crate::{NewSeal, Result, SealedLog, UnsealedLog};

/// The record as a tree that is signed. Its entries are the rows of [`crate::AuditRows`], counted from zero without a gap.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// How many rows were recorded since the store was opened, told as they are committed.
    fn recorded(&self) -> watch::Receiver<u64>;

    /// What was sealed last; none if nothing was.
    async fn sealed(&self) -> Result<Option<SealedLog>>;

    /// The rows from this index on, each with its index, as far as this many. Where one is missing its index is: that is
    /// damage, and whoever seals must not pass it.
    async fn entries_from(&self, index: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>>;

    /// How much is not sealed.
    async fn unsealed(&self) -> Result<UnsealedLog>;

    /// The bytes of these tiles, in their order and their widths; none for one that is not there. Of one that is kept
    /// shorter there are as many bytes as there are.
    async fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>>;

    /// A bundle's bytes, made of the rows; none if no row of it is there. A row that is not there is left out, and one that
    /// is too long for a bundle is cut: neither has ever been sealed so.
    async fn bundle(&self, id: BundleId) -> Result<Option<Vec<u8>>>;

    /// Which entries are about this message, in order.
    async fn entries_of(&self, message: MessageId) -> Result<Vec<u64>>;

    /// Takes one step, whole, if as much is sealed as its maker believed; false, and nothing, if another was faster. On stable
    /// storage when it returns true: only then may the checkpoint be handed out. A step that adds no entry is `Conflict`.
    async fn seal(&self, seal: NewSeal) -> Result<bool>;
}
