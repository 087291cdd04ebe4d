//! Where state lives. Every public method is one use case and one transaction; no `begin()` leaks.
//!
//! The traits are split by who asks: [`Mailboxes`] (IMAP, intake), [`Queue`] (intake, delivery), [`Accounts`]
//! (sign-in), [`Registry`] and [`Connectors`] (admins), [`Patients`], [`Dispensings`], [`Contacts`], [`Campaigns`]
//! and [`Receipts`] (the patients' side), [`Stories`] (who asks where a message is), [`AuditRows`] (everyone),
//! [`AuditLog`] (who seals the record), [`AuditCheck`] (who checks it: [`mod@verify`]), [`AuditKeeping`] (what it need not
//! keep), [`Indicators`] (who counts it), [`Incidents`] (the register). Nothing of a backend shows in them. Callers hold `Arc<dyn Store>`.
//!
//! `250` means kept: [`Queue::accept`] returns only when message, deliveries, queue rows and audit rows are
//! on stable storage together.

pub mod app_password;
pub mod connectors;
pub mod directory_entries;
pub mod error;
pub mod model;
pub mod national;
pub mod publications;
pub mod seal;
pub mod sqlite;
pub mod traits;
pub mod verify;

use std::sync::Arc;

use pli_types::Clock;

pub use connectors::{ConnectorRecord, Connectors};
pub use directory_entries::{DirectoryEntries, DirectoryEntry};
pub use error::StoreError;
pub use model::*;
pub use publications::{Publication, PublicationBacklog, PublicationOutcome, Publications};
pub use traits::{
    Accounts, AuditCheck, AuditKeeping, AuditLog, AuditRows, BodyWriter, Campaigns, Contacts, Dispensings, Incidents,
    Indicators, Mailboxes, Patients, Queue, Receipts, Registry, Store, Stories, Watches,
};
pub use verify::{Checked, Checking, verify};

/// Result of every method.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Opens the store that the configuration names, making or migrating its tables.
///
/// An SQLite store is this process's alone from then on: `Configuration` if another one has it open.
pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    sqlite::open(config, clock).await
}

/// Would [`open`] take this? Changes nothing, and works beside the node that has the store open. A store that is not
/// there yet is no fault: `open` makes it.
pub async fn check(config: &Config) -> Result<()> {
    sqlite::check(config).await
}

/// Opens a store to look into it, also beside the node that has it open: whatever writes is `Configuration`.
pub async fn open_read_only(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    sqlite::open_read_only(config, clock).await
}
