//! Speaks SMTP; decides nothing about mail.
//!
//! `proto/` is the protocol machine without sockets, `server.rs` the driver, `replies.rs` the one place with reply texts.

pub mod server;

pub use server::{SmtpConfig, operators, submission};
