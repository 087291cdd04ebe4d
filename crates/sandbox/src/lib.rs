//! A trust space in a folder: test CA, whitelist, operators, patients, bad peers, and the demo's story.
//!
//! [`seed`] makes the folder, [`process`] runs the operators as `pli serve`, [`manifest`] is what tests read.
//! [`cast`] says who plays, [`letter`] writes what they send, [`demo`] is their story, told through [`client`]. Nothing here is part of the relay: a sandbox uses it from outside, but for the
//! stores, which it fills before the operators start.

pub mod cast;
pub mod cli;
pub mod client;
pub mod config;
pub mod crl;
pub mod crl_server;
pub mod demo;
mod earlier;
pub mod fault;
pub mod files;
mod keys;
pub mod letter;
pub mod lock;
pub mod mailboxes;
pub mod manifest;
mod national;
pub mod pki;
pub mod ports;
pub mod process;
pub mod revoke;
pub mod secrets;
pub mod seed;
pub mod whitelist;
