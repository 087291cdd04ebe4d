//! What a backend does, a trait for each of those who ask.

mod accounts;
mod audit_check;
mod audit_keeping;
mod audit_log;
mod audit_rows;
mod campaigns;
mod contacts;
mod dispensings;
mod incidents;
mod indicators;
mod mailboxes;
mod patients;
mod queue;
mod receipts;
mod registry;
mod stories;
mod watches;

use async_trait::async_trait;
use tokio::sync::broadcast;

pub use accounts::Accounts;
pub use audit_check::AuditCheck;
pub use audit_keeping::AuditKeeping;
pub use audit_log::AuditLog;
pub use audit_rows::AuditRows;
pub use campaigns::Campaigns;
pub use contacts::Contacts;
pub use dispensings::Dispensings;
pub use incidents::Incidents;
pub use indicators::Indicators;
pub use mailboxes::Mailboxes;
pub use patients::Patients;
pub use queue::{BodyWriter, Queue};
pub use receipts::Receipts;
pub use registry::Registry;
pub use stories::Stories;
pub use watches::Watches;

use crate::{Backlog, Change, Connectors, DirectoryEntries, Publications, Result};

/// One store, all roles.
#[async_trait]
pub trait Store:
    Mailboxes
    + Queue
    + Registry
    + Accounts
    + Connectors
    + DirectoryEntries
    + Publications
    + Patients
    + Dispensings
    + Contacts
    + Campaigns
    + Receipts
    + Stories
    + Watches
    + AuditRows
    + AuditLog
    + AuditCheck
    + Indicators
    + Incidents
    + AuditKeeping
{
    /// What changes, as it is committed. A receiver that falls behind is told so and looks for itself.
    fn subscribe(&self) -> broadcast::Receiver<Change>;

    /// How far writing is behind. Asks nobody, and waits for nothing.
    fn backlog(&self) -> Backlog;

    /// Writes something that means nothing, in the next group commit; returns when it is on stable storage. This is
    /// how to learn that a store which can still be read takes no more mail: `Unavailable`.
    async fn probe(&self) -> Result<()>;

    /// Writes what is queued and lets go of the files; after that every method answers `Unavailable`. A store that
    /// is dropped does the same, later: wait for this where the store is opened again at once.
    async fn close(&self) {}
}
