//! `pli dispensation`: what pharmacies have dispensed, which opens their doors to patients.

mod import;
mod list;
mod run;

use super::Globals;
use crate::exit::Failure;

/// What can be done with dispensings.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Keep what a file says; the same file again changes nothing
    Import(import::Args),
    /// What was dispensed to a patient, the last first; health identifiers are masked
    List(list::Args),
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import::run(globals, args),
        Command::List(args) => list::run(globals, args),
    }
}
