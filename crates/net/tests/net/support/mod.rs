//! What several tests need: a public-key infrastructure in a folder, and peers to shake hands with.

pub(crate) mod peers;
pub(crate) mod publisher;
pub(crate) mod space;
pub(crate) mod trust;
