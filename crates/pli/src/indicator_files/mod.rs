//! The indicators of a month as files: which, with which columns, is a [`Layout`], read from a file; [`sheet`] writes them.

mod layout;
mod sheet;

pub(crate) use layout::{DEFAULT, Layout, Rows};
pub(crate) use sheet::{Counts, write};
