//! [`Incidents`].

use async_trait::async_trait;
use pli_audit::Event;

use crate::{IncidentVersion, Result};

/// The register of incidents.
#[async_trait]
pub trait Incidents: Send + Sync {
    /// The last version of each, the newest incident first, at most so many.
    async fn incidents(&self, limit: usize) -> Result<Vec<IncidentVersion>>;

    /// All versions of one, the first first; none if there is no such incident.
    async fn incident(&self, number: u64) -> Result<Vec<IncidentVersion>>;

    /// Writes a version: the one behind the last of its incident, or the first of the number behind the last. False, and
    /// nothing, if it is neither: somebody was faster.
    async fn write_incident(&self, version: IncidentVersion, audit: Vec<Event>) -> Result<bool>;
}
