//! `pli connector rm`.

use super::{Globals, change};
use crate::admin::connector::Ask;
use crate::exit::Failure;

/// Which, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

const NOTES: &str = "\
Its certificate is refused at the next MAIL, on open connections too. Mail for its domains goes where it went before:
to the mailboxes here, or to the servers that the DNS names. One that was removed before is `unchanged`; a name that
never was one is exit status 3.";

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let Args { name, reason, dry_run } = args;
    change(globals, &name, Ask::Rm { name: name.clone(), reason, dry_run })
}
