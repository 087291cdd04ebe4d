//! What happened, in a form that can be kept and later sealed.
//!
//! An [`Event`] is written in the transaction of what it records. It holds no content, no subject and no
//! health identifier: addresses come in masked (see `pli_types::Masker`).

pub mod event;

pub use event::{Event, EventKind, Face};
