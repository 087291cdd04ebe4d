//! `pli mailbox publish`, `unpublish`, `suspend`, `resume` and `undelete`.

use super::Taken;
use crate::admin::mailbox::{Ask, Step};
use crate::cli::Globals;
use crate::cli::asking::Because;
use crate::exit::Failure;

pub(super) fn run(globals: &Globals, step: Step, taken: Taken<Because>) -> Result<(), Failure> {
    let Taken { address, why: Because { reason, dry_run } } = taken;
    super::change(globals, Ask::Step { address: address.clone(), step, reason, dry_run }, &address)
}
