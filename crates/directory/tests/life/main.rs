//! The life of the list on a real disk: what is offered, what stays, what a restart brings back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

#[path = "../support/lists.rs"]
mod support;

mod admin;
mod disk;
mod offers;
mod stage;
