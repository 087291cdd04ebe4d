//! `pli account set`.

use crate::admin::account::{Ask, Details};
use crate::cli::Globals;
use crate::cli::asking::Because;
use crate::exit::Failure;

/// What is to be different.
#[derive(Debug, clap::Args)]
#[command(after_help = "What is not said stays as it is; an empty text (--rpps \"\") removes what was told.")]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// Whose it is: with it, a token of Pro Santé Connect signs in
    #[arg(long, value_name = "NUMBER")]
    rpps: Option<String>,
    /// Who it is, for people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// It may not sign in any more; open sessions end
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// It may sign in again
    #[arg(long)]
    enable: bool,
    #[command(flatten)]
    why: Because,
}

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let Args { name, rpps, display_name, disable, enable, why } = args;
    let enabled = (disable || enable).then_some(enable);
    let details = Details { rpps, display_name, enabled };
    let ask = Ask::Set { name: name.clone(), details, reason: why.reason, dry_run: why.dry_run };
    super::change(globals, ask, &name)
}
