//! What the scenarios stand on: a running sandbox, raw SMTP and IMAP wires, real peers.
//!
//! The clients here are written on rustls and a blocking socket, apart from Pli's own crates, so that a mistake
//! that both sides of our code share cannot hide.

#![allow(clippy::missing_panics_doc, clippy::print_stderr, reason = "this is test code")]

pub mod imap;
pub mod message;
pub mod need;
pub mod pli;
pub mod postfix;
pub mod sandbox;
pub mod smtp;
pub mod wait;
pub mod wire;

pub use sandbox::Sandbox;

/// What a scenario returns: an error is a failed test, with its causes.
pub type Outcome = anyhow::Result<()>;
