//! What the scenarios stand on: a running sandbox, raw SMTP and IMAP wires, real peers.
//!
//! The clients here are written on rustls and a blocking socket, apart from Pli's own crates, so that a mistake
//! that both sides of our code share cannot hide.

#![allow(clippy::missing_panics_doc, clippy::print_stderr, reason = "this is test code")]

pub mod asking;
pub mod authority;
pub mod clamav;
pub mod client_hello;
pub mod collector;
pub mod command;
pub mod confidential;
#[cfg(target_os = "linux")]
pub mod crash;
pub mod crl_server;
pub mod cutter;
pub mod description;
#[cfg(target_os = "linux")]
pub mod disk;
pub mod exim;
pub mod faults;
pub mod imap;
pub mod issuer;
pub mod kept;
pub mod message;
pub mod metrics_page;
pub mod need;
pub mod page;
pub mod peer_server;
pub mod pli;
pub mod policy_server;
pub mod postfix;
pub mod publisher;
pub mod record;
pub mod sandbox;
pub mod smtp;
pub mod talk;
pub mod tls_server;
pub mod wait;
pub mod whitelist;
pub mod wire;

pub use pli::testing_binary;
pub use sandbox::{Sandbox, Seed};

/// What a scenario returns: an error is a failed test, with its causes.
pub type Outcome = anyhow::Result<()>;
