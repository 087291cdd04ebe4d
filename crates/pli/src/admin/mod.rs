//! What an admin asks of a node, and how: commands send a [`Request`] over the admin socket, a [`Desk`] answers it. With no
//! node running, the command has a desk of its own, over the same folders, under the same locks.
//!
//! Read [`protocol`], then [`desk`]. `docs/admin-socket.md` is the page for people.

pub(crate) mod account;
mod attachment;
mod changes;
mod client;
pub(crate) mod connector;
mod desk;
mod diff;
mod direct;
pub(crate) mod directory;
pub(crate) mod dispensation;
pub(crate) mod effect;
mod house;
pub(crate) mod incident;
pub(crate) mod mailbox;
mod national;
pub(crate) mod notice;
pub(crate) mod patient;
pub(crate) mod protocol;
mod publishing;
pub(crate) mod queue;
pub(crate) mod queue_filter;
pub(crate) mod record;
pub(crate) mod relation;
pub(crate) mod report;
pub(crate) mod reveal;
pub(crate) mod rows;

mod server;
mod sight;
mod visit;
mod who;

pub(crate) use attachment::read_file;
pub(crate) use client::ask;
pub(crate) use desk::{Desk, Office, checked_reason, no_list};
pub(crate) use diff::differences;
pub(crate) use direct::{check_owner, pki};
pub(crate) use house::House;
pub(crate) use protocol::{Answer, Request};
pub(crate) use rows::Numbered;
pub(crate) use server::{bind, serve};
pub(crate) use sight::Sight;
pub(crate) use visit::Visit;
