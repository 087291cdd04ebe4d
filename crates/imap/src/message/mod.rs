//! What FETCH and SEARCH read in a message. Pure: bytes in, offsets and values out, nothing decoded that the protocol
//! wants as it stands, and nothing that the message's writer can make expensive.

pub(crate) mod address;
pub(crate) mod bodystructure;
pub(crate) mod budget;
pub(crate) mod envelope;
pub(crate) mod field;
pub(crate) mod lexer;
pub(crate) mod section;
pub(crate) mod structure;
pub(crate) mod text;
