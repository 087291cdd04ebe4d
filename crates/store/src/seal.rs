//! Bodies sealed at rest.

/// A body, sealed: in memory if small, in a file if large.
#[derive(Debug)]
pub(crate) struct Staged {}

impl Staged {
    pub(crate) fn size(&self) -> u64 {
        0
    }
}
