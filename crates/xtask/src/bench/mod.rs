//! `cargo xtask bench`: absolute figures, measured and reported, never asserted.

mod connections;
mod directory;
mod dispensations;
mod extraction;
mod idle;
mod lists;
mod load;
mod numbers;
mod patients;
mod smtp;
mod story;
mod trust;

use anyhow::Result;

/// What can be measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Memory with thousands of connections at once, and what the one too many hears.
    Connections(connections::Options),
    /// The national directory: how long its import takes, and searches in it.
    Directory(directory::Options),
    /// What pharmacies have dispensed: how fast it is imported and found.
    Dispensations(dispensations::Options),
    /// A country's patients: how long their import takes, what they take on the disk, how fast one is found.
    Patients(patients::Options),
    /// Messages a second and CPU, mutual TLS, beside Postfix in the same run.
    Smtp(smtp::Options),
    /// The stories of messages: how fast `pli message trace` finds one among many.
    Story(story::Options),
    /// The trust list: how long until it is in force, and how long a question to it takes.
    Trust(trust::Options),
}

/// Measures.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Connections(options) => connections::run(options),
        Bench::Directory(options) => directory::run(options),
        Bench::Dispensations(options) => dispensations::run(options),
        Bench::Patients(options) => patients::run(options),
        Bench::Smtp(options) => smtp::run(options),
        Bench::Story(options) => story::run(options),
        Bench::Trust(options) => trust::run(options),
    }
}
