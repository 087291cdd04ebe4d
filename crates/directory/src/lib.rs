//! Who is trusted, and where their mail goes: the trust list, the connectors, the routes. Who exists: the national
//! directory, as its [`extraction`] and over [`fhir`].
//!
//! A list is *checked* by itself ([`check()`]: XML, schema, signature), let through the *gate* (not older, not set aside,
//! not half empty), *kept* in a folder, and only then put in force ([`TrustHandle`]). The list in force is an immutable
//! value swapped atomically: reading it takes no lock. Nothing here fetches anything, and nothing asks for the time.

pub mod changes;
pub mod check;
pub mod connectors;
pub mod extraction;
pub mod fhir;
pub mod file_source;
mod gate;
pub mod history;
pub mod in_force;
mod keeping;
pub mod list_fault;
mod place;
pub mod routes;
mod signature;
mod signature_shape;
pub mod trust_handle;
pub mod trust_list;
mod trust_xml;

pub use changes::{Changes, diff};
pub use check::{Checked, ListRules, NoSigner, Signature, SignatureRule, SignerJudge, check};
pub use connectors::{Connector, ConnectorConfig, ConnectorServer};
pub use file_source::FileSource;
pub use history::{HistoryAction, HistoryRow};
pub use in_force::{InForce, Installed, Offer};
pub use keeping::Held;
pub use list_fault::{ListFault, RollbackFault};
pub use place::KeepingFault;
pub use routes::{Route, RouteConfig, Routes, RoutesHandle};
pub use trust_handle::TrustHandle;
pub use trust_list::TrustList;
