//! `pli account grant` and `pli account revoke`.

use crate::admin::account::Ask;
use crate::cli::Globals;
use crate::cli::asking::{Trial, Why};
use crate::exit::Failure;

/// What is opened, to whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The account
    name: String,
    /// The mailbox
    address: String,
    /// It is the one that opens if no other is asked for at sign-in
    #[arg(long)]
    default: bool,
    /// The mailbox is a patient's, and the account his helper's: what he writes says so
    #[arg(long)]
    helper: bool,
    #[command(flatten)]
    trial: Trial,
}

/// What is closed, to whom.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The account
    name: String,
    /// The mailbox
    address: String,
    #[command(flatten)]
    why: Why,
}

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let Args { name, address, default, helper, trial } = args;
    let ask = Ask::Grant { name: name.clone(), mailbox: address, default, helper, dry_run: trial.dry_run };
    super::change(globals, ask, &name)
}

pub(super) fn revoke(globals: &Globals, args: RevokeArgs) -> Result<(), Failure> {
    let RevokeArgs { name, address, why } = args;
    let ask = Ask::Revoke { name: name.clone(), mailbox: address, reason: why.reason, dry_run: why.dry_run };
    super::change(globals, ask, &name)
}
