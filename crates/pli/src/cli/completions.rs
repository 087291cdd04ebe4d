//! `pli completions SHELL`.

use super::command;
use crate::exit::Failure;
use crate::output;
use crate::words::language;

/// What `completions` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(language()), "pli", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
