//! What this crate promises, shown over real sockets with real certificates.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail a test"
)]

mod support;

mod certificates;
mod fetching;
mod fetching_points;
mod handshake;
mod handshake_forged;
mod handshake_openssl;
mod http;
mod judging;
mod listening;
mod own_certificate;
mod presented;
mod probing;
mod resolving;
mod resumption;
mod revocation;
mod shutdown;
