//! Who is trusted, and where their mail goes: the trust list, the connectors, the routes.
//!
//! The trust list in force is an immutable value swapped atomically: reading it takes no lock.

pub mod connectors;
pub mod trust_file;
pub mod trust_list;
mod trust_xml;

pub use connectors::{Connector, ConnectorConfig, Route, RouteConfig, Routes};
pub use trust_file::TrustHandle;
pub use trust_list::{ListFault, TrustList};
