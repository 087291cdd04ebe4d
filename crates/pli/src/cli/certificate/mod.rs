//! `pli certificate list` and `pli certificate check`.

mod check;
mod list;

use super::Globals;
use crate::exit::Failure;

/// What can be done with certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Our certificate, those we believe by, their revocation lists and the connectors' names
    List,
    /// What stands in a certificate, and would a node believe it? Reads the file; needs no configuration
    Check(check::Args),
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List => list::run(globals),
        Command::Check(args) => check::run(globals, args),
    }
}
