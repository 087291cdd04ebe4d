//! The state's health directory (Annuaire Santé) over FHIR R4: what is asked of it, what it answers, and what of our
//! mailboxes it should hold (spec §4.3, §7.2, §7.3).
//!
//! A mailbox is a `telecom` of the resource that carries it: [`Carrier`]. [`question`] makes addresses to ask at,
//! [`answer`] reads what comes back, [`plan()`] compares what the directory has of a mailbox with what it should have and
//! gives the orders, and [`Order::request`] makes a `FHIRPath` Patch of each. [`Pace`] keeps the allowed number of calls.
//! No network and no clock: whoever carries requests to and fro is elsewhere.
//!
//! The resources are written by hand, as small as the need: what is not in them is passed over, and what a mailbox has
//! beyond our knowledge is given back as it came.

mod address_line;
pub mod answer;
mod carrier;
mod fault;
mod found;
mod listing;
mod order;
mod pace;
mod plan;
pub mod question;
pub mod resource;
mod word;

pub use answer::{Page, read_page, read_refusal, read_written};
pub use carrier::Carrier;
pub use fault::FhirFault;
pub use found::{Found, mailboxes_of};
pub use listing::Listing;
pub use order::{Operation, Order, Parameters, Request};
pub use pace::Pace;
pub use plan::{Held, Wanted, plan};
