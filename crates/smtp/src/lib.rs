//! Speaks SMTP; decides nothing about mail.
//!
//! [`proto`] is the protocol machine, without sockets or clock; `driver.rs` carries its events to
//! [`pli_mailflow::Intake`] and the answers back; [`server`] has the listeners; [`replies`] is the one place with reply
//! texts. A message that is on stable storage gets its `250` here, and nothing else does.

mod driver;
mod letter;
mod metrics;
pub mod proto;
pub mod replies;
pub mod server;

pub use letter::letter;
pub use server::{SmtpConfig, operators, submission};
