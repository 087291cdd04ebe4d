//! Shows mailboxes to mail programs: `IMAP4rev1` (RFC 3501) with IDLE, UIDPLUS, SPECIAL-USE, MOVE and a few more (the
//! one list is `capability.rs`).
//!
//! Read [`server`] (listeners, TLS), then `session.rs` (who may do what when), `view.rs` (sequence numbers against
//! UIDs, the one hard thing) and `op/`, one file per command. `command.rs` splits the client's bytes into commands,
//! imap-codec parses them; `message/` finds sections, ENVELOPE and BODYSTRUCTURE in a message; answers are written
//! as they are made, so that a large body never lies in memory.
//!
//! This crate decides nothing about mail: it shows what the store holds, and records who looked.

mod answer;
mod capability;
mod command;
mod format;
mod message;
mod metrics;
mod name;
mod op;
mod pattern;
mod preparse;
mod record;
mod search;
pub mod server;
mod session;
mod set;
mod source;
mod state;
mod view;
mod wire;

pub use name::{decode as decode_folder_name, encode as encode_folder_name};
pub use server::{ImapConfig, ImapContext, Security, serve};
pub use session::{Ended, Peer, run_session};
