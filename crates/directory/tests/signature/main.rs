//! Signed lists: what is believed, and every way in which one is not.
#![expect(clippy::unwrap_used, reason = "these are tests")]
#![allow(clippy::similar_names, reason = "who signs, and what is signed")]

#[path = "../support/lists.rs"]
mod lists;
#[path = "../support/signer.rs"]
#[expect(dead_code, reason = "shared with the tests against xmlsec1, which need files")]
mod signer;

mod forged;
mod rules;
mod shapes;
mod stage;
