//! `cargo xtask`: what the project runs on itself. One file a task; a server that checks changes calls nothing else.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod ci;
mod docs;

use std::path::PathBuf;

use clap::Parser;

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// All checks and tests, as they must pass before a change is taken.
    Ci,
    /// Writes the pages that are made from the code (`docs/reasons.md`).
    Docs(docs::Args),
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Ci => ci::run(),
        Task::Docs(args) => docs::run(&args),
    }
}

/// The top of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
