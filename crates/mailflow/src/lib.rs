//! The way in ([`intake`]) and the way out ([`delivery`]).
//!
//! Gather facts, let `pli_policy` decide, commit once, answer. No function both decides and writes.

pub mod delivery;
pub mod intake;

pub use delivery::{Delivery, DeliveryConfig};
pub use intake::{Client, Intake, IntakeConfig, PeerOnWire, Refusal, Session, Transaction};
