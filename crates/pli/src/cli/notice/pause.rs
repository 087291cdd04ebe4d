//! `pli notice pause` and `pli notice resume`.

use super::{Globals, beside_the_point, done, members_of};
use crate::admin::notice::{Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::asking::ask;
use crate::exit::Failure;
use crate::output;

pub(super) fn run(
    globals: &Globals,
    name: String,
    paused: bool,
    reason: Option<String>,
    dry_run: bool,
) -> Result<(), Failure> {
    let request = Request::Notice(Ask::Pause { name, paused, reason, dry_run });
    let Answer::Notice(Told::Done { effect, row }) = ask(globals, request, None)? else {
        return Err(beside_the_point());
    };
    let mut members = done(effect);
    members.extend(row.as_ref().map(members_of).unwrap_or_default());
    output::print(&globals.format().object(&members))
}
