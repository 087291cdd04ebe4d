//! `cargo xtask bench`: absolute figures, measured and reported, never asserted.

mod load;
mod smtp;

use anyhow::Result;

/// What can be measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Messages a second and CPU, mutual TLS, beside Postfix in the same run.
    Smtp(smtp::Options),
}

/// Measures.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Smtp(options) => smtp::run(options),
    }
}
