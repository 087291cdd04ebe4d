//! [`Connectors`]: hospitals' own mail servers, as admins have added them by command. Those of the configuration are
//! not here, and whether all of them fit together is not known here (`pli_directory::Routes`).

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{DistinguishedName, Domain, MailAddress};

use crate::Result;

/// A connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRecord {
    /// Its name, for admins: the key.
    pub name: String,
    /// The subject of its certificate.
    pub certificate_name: DistinguishedName,
    /// The domains that it may send as. Read back in their order.
    pub domains: Vec<Domain>,
    /// The addresses of other domains that it may send as. Read back in their order.
    pub addresses: Vec<MailAddress>,
    /// Where the mail for its domains is handed, and at which port.
    pub server: Option<(String, u16)>,
    /// When it was first added.
    pub added_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// Hospitals' own mail servers.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// All of them, by name.
    async fn connectors(&self) -> Result<Vec<ConnectorRecord>>;

    /// Keeps this one, in the place of the one of its name if there is one. `Conflict` if another one has one of its
    /// domains or addresses.
    async fn put_connector(&self, connector: ConnectorRecord, audit: Vec<Event>) -> Result<()>;

    /// Removes one. `NotFound` if there is none of this name.
    async fn remove_connector(&self, name: &str, at: Timestamp, audit: Vec<Event>) -> Result<()>;

    /// Was there ever one of this name, removed since or not?
    async fn knows_connector(&self, name: &str) -> Result<bool>;
}
