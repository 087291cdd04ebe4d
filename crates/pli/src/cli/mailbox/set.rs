//! `pli mailbox set`.

use crate::admin::mailbox::{Ask, Attributes, Wish};
use crate::cli::Globals;
use crate::cli::asking::Because;
use crate::exit::Failure;

/// What is to be different.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Its address
    address: String,
    #[command(flatten)]
    attributes: Attributes,
    #[command(flatten)]
    why: Because,
}

const NOTES: &str = "\
What is not said stays as it is; an empty text (--service \"\") removes what was told. Another holder or structure needs
--reason: whoever gets the mailbox can read what lies in it. With --liste-rouge yes a published mailbox is unpublished.";

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let wish = Wish { address: args.address.clone(), kind: None, attributes: args.attributes };
    let ask = Ask::Set { wish: Box::new(wish), reason: args.why.reason, dry_run: args.why.dry_run };
    super::change(globals, ask, &args.address)
}
