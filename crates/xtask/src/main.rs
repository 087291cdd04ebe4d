//! `cargo xtask`: what the project runs on itself. One file a task; a server that checks changes calls nothing else.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod bench;
mod ci;
mod crash;
mod docs;
mod fuzz;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// All checks and tests, as they must pass before a change is taken.
    Ci,
    /// Ends a node at every point, on a disk that forgets, and counts what became of every `250`. Root only.
    Crash(crash::Args),
    /// Writes the pages that are made from the code (`docs/reasons.md`).
    Docs(docs::Args),
    /// Runs the fuzz targets, each for a while. Needs the nightly compiler and cargo-fuzz.
    Fuzz(fuzz::Args),
    /// Measures, and prints what it measured.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Ci => ci::run(),
        Task::Crash(args) => crash::run(&args),
        Task::Docs(args) => docs::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Bench(bench) => bench::run(&bench),
    }
}

/// Where cargo builds: this program lies in `debug/` below it.
fn target_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.ancestors().nth(2).map(PathBuf::from).context("this program was not built by cargo")
}

/// The top of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
