//! The way in ([`intake`]) and the way out ([`delivery`]).
//!
//! Gather facts, let `pli_policy` decide, commit once, answer. No function both decides and writes.
//!
//! [`campaign`] sends notices to patients here, [`receipts`] their read receipts; [`watch`] tells senders of what is late. Only [`intake`] builds a message for the store, our own included; only [`delivery`] connects to another
//! server, and only over TLS, to a certificate that was judged first.

pub mod campaign;
pub mod delivery;
mod document_metrics;
pub mod intake;
pub mod metrics;
mod mime;
pub mod peer_book;
pub mod receipts;
pub mod scanner;
pub mod spans;
mod traffic;
pub mod watch;

pub use campaign::Herald;
pub use delivery::probe::{Probe, ProbeReport};
pub use delivery::{Delivery, DeliveryConfig};
pub use intake::{
    Client, Explanation, Guesses, Intake, IntakeConfig, Letter, LineFault, NotReleased, PeerOnWire, Question, Refusal,
    Released, Session, Strangers, Transaction, explain,
};
pub use peer_book::{PeerBook, PeerRecord, Seen};
pub use receipts::Receiptor;
pub use scanner::{Scanner, ScannerConfig, ScannerPlace};
pub use traffic::{BehindLimits, ShareLimits, Traffic, TrafficLimits};
pub use watch::{Deadline, Watcher};

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        out.push_str(": ");
        out.push_str(&cause.to_string());
        next = cause.source();
    }
    out
}
