//! `pli peer list` and `pli peer probe`.

mod list;
pub(super) mod probe;

use super::Globals;
use crate::exit::Failure;

/// What can be done about other operators.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// The operators that were seen, by the name of their certificate, beside what the trust list says of them
    List(list::Args),
    /// Walk the way of a message to a domain's server, step by step, and send none
    Probe(probe::Args),
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::run(globals, args),
        Command::Probe(args) => probe::run(globals, args),
    }
}
