//! `pli completions SHELL`.

use clap::CommandFactory;

use super::Cli;
use crate::exit::Failure;
use crate::output;

/// What `completions` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pli", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
