//! Whole records: verified, damaged on purpose, and compared with another implementation.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod damage;
mod forms;
mod healthy;
mod mutation;
mod oracle;
mod support;
