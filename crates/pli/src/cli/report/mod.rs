//! `pli report`: what an operator reports of his service.

mod incidents;
mod indicators;

use super::Globals;
use crate::exit::Failure;
use crate::indicator_files::DEFAULT;
use crate::output;

/// What can be reported.
#[derive(Debug, clap::Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the command runs")]
pub(crate) enum Command {
    /// What is counted of a month: mailboxes, messages, refusals, sign-ins; nobody is named
    #[command(after_help = indicators::NOTES)]
    Indicators(indicators::Args),
    /// The register of incidents: facts, scope, measures, and who was told; nothing is sent to anybody
    #[command(subcommand)]
    Incidents(incidents::Command),
    /// Print the built-in layout of the indicators' files, to be changed and given to `--layout`
    Layout,
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Indicators(args) => indicators::run(globals, &args),
        Command::Incidents(command) => incidents::run(globals, command),
        Command::Layout => output::print(DEFAULT),
    }
}
