//! The protocol machine: bytes in, [`Event`]s out, [`Reply`]s back. No sockets, no clock, no tasks.
//!
//! Read [`session`] first (who may say what, when), then [`command`] (one line) and [`data`] (the body).

pub mod command;
pub mod data;
pub mod event;
mod input;
pub mod parameters;
pub mod path;
pub mod reply;
pub mod session;

pub use command::Command;
pub use event::{Event, Interrupt};
pub use reply::Reply;
pub use session::{Door, Session, SessionConfig, Tls};
