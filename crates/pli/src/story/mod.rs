//! The story of a message, as it is told: by the command line to admins, over HTTPS to its sender.
//!
//! [`Told`] is all that is known of one message (`told.rs`) and how that is written (`timeline.rs`); [`Own`] is the part of
//! it that a sender may know (`own.rs`); `asked.rs` reads what messages are asked for by.

pub(crate) mod asked;
mod own;
pub(crate) mod timeline;
mod told;

pub(crate) use self::own::{Own, Page};
pub(crate) use self::told::Told;
