//! `pli audit`: the record, checked, handed out and proven.

mod erase;
mod export;
mod prove;
mod search;
mod source;
mod verify;

use pli_audit::VerifierKey;

use super::Globals;
use crate::exit::Failure;
use crate::sealer;

/// The file of an export that stands for all of it.
const CHECKPOINT: &str = "checkpoint";
/// The file of an export with the public key.
const KEY: &str = "key";

/// What can be done with the record.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check that the record is what was signed, entry by entry, and tell the first place that is not
    Verify(verify::Args),
    /// Hand out the record, or a part of it, as files that public tools can check, JSON lines, CSV, syslog or ATNA messages
    Export(export::Args),
    /// Prove that an entry is in the record, for whoever has the public key
    Prove(prove::Args),
    /// Find what is on record about a patient, an address, a mailbox or a message; health identifiers are masked
    Search(search::Args),
    /// Forget a patient: destroy his key, so that nobody can tell whom the record is about, in copies of it too
    #[command(after_help = erase::NOTES)]
    Erase(erase::Args),
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Verify(args) => verify::run(globals, args),
        Command::Export(args) => export::run(globals, args),
        Command::Prove(args) => prove::run(globals, args),
        Command::Search(args) => search::run(globals, args),
        Command::Erase(args) => erase::run(globals, args),
    }
}

/// The public half of the node's key.
fn own_key(globals: &Globals) -> Result<VerifierKey, Failure> {
    let config = globals.settings()?.config;
    Ok(sealer::key::read(&config.audit.key_in(&config.server.state))?.verifier().clone())
}
