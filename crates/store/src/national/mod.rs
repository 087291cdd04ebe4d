//! The local copy of the national directory: a file of its own beside the store, so that mail and a whole country's
//! entries never wait for each other.
//!
//! An [`Import`] builds a copy beside the one in use; [`install`] puts it in its place, in one rename. A copy is never
//! changed after that, so a [`LocalCopy`] reads it without a lock, beside a node, beside an import, several at once. What
//! reads (a command today, address books later) needs [`LocalCopy`], [`Lines`] and [`Search`] and nothing else.
//!
//! Lines are kept as they came. What stands in their columns is the reader's business; here are only the words that a
//! line is found by, in an index of our own (`terms.rs`): made in one pass, and no search reads more than its words'
//! part of it once, which is what gives every search an upper bound.

mod copy;
mod fold;
mod import;
mod install;
mod lines;
mod postings;
mod search;
mod terms;

pub use copy::{About, FILE_NAME, LocalCopy};
pub(crate) use fold::each_word;
pub use fold::same_words;
pub use import::{Import, Listed, Prepared};
pub use install::{discard, install, prepared};
pub use lines::Lines;
pub(crate) use search::Sought;
pub use search::{Place, Search, WORDS_MAX};
