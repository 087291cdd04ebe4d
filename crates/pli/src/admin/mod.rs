//! What an admin asks of a node, and how: commands send a [`Request`] over the admin socket, a [`Desk`] answers it. With no
//! node running, the command has a desk of its own, over the same folders, under the same locks.
//!
//! Read [`protocol`], then [`desk`]. `docs/admin-socket.md` is the page for people.

mod attachment;
mod changes;
mod client;
pub(crate) mod connector;
mod desk;
mod diff;
mod direct;
pub(crate) mod directory;
pub(crate) mod effect;
mod national;
pub(crate) mod protocol;
mod publishing;
mod server;
mod who;

pub(crate) use attachment::read_file;
pub(crate) use client::ask;
pub(crate) use desk::{Desk, Office, no_list};
pub(crate) use diff::differences;
pub(crate) use direct::{check_owner, pki};
pub(crate) use protocol::{Answer, Request};
pub(crate) use server::{bind, serve};
