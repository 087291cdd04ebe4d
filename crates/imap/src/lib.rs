//! Shows mailboxes to mail programs: IMAP4rev1 (RFC 3501) with IDLE, UIDPLUS, SPECIAL-USE.

pub mod server;

pub use server::{ImapConfig, serve};
