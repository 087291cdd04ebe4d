//! The trust list's way through a node: a [`Lookout`] looks at its source, the [`Custodian`] has it checked and installed
//! and then tells everyone, [`watch`] does both for as long as the node lives.

mod custodian;
mod lookout;
mod publisher;
mod schedule;
mod signers;

pub(crate) use custodian::{Author, ChangeFault, Custodian};
pub(crate) use lookout::{Looked, Lookout, watch};
pub(crate) use signers::Signers;
