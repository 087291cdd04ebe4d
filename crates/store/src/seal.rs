//! Bodies sealed at rest.
//!
//! Every message has a random AES-256-GCM key of its own, kept wrapped by the operator's `MasterKey`. A body is
//! cut into chunks of 64 KiB, each sealed with its index as nonce and with the message's id, the index and
//! "is it the last" authenticated beside it: a flipped bit, a chunk moved, taken from another message, cut off
//! or added is found. A part can be read without the rest.
//!
//! A body of one chunk stays in memory and goes into the database; a larger one is sealed into a file of
//! `BodyFolder` as it comes, so that never more than one chunk of it is in memory.

mod chunk;
mod files;
mod key;
mod reader;
mod staged;
mod writer;

pub(crate) use chunk::BodyKey;
pub(crate) use files::{BodyFolder, create_folder};
pub(crate) use key::{KeyId, MasterKey};
pub(crate) use reader::{SealedBody, SealedContent};
pub(crate) use staged::{FileGuard, Staged, StagedContent};
pub(crate) use writer::SealingWriter;
