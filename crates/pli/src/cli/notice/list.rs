//! `pli notice list`.

use super::{Globals, members_of};
use crate::admin::notice::{Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::asking::{Columns, PAGE, pages};
use crate::exit::Failure;

const COLUMNS: Columns = Columns {
    table: &["name", "state", "sent", "waiting", "returned", "pace", "begun_at"],
    widths: &[32, 8, 10, 10, 10, 10, 0],
    csv: &["name", "state", "sent", "waiting", "returned", "pace", "begun_at", "first_sent_at", "last_sent_at"],
};

pub(super) fn run(globals: &Globals) -> Result<(), Failure> {
    let request = |after| Request::Notice(Ask::List { after, limit: PAGE });
    let page = |answer| match answer {
        Answer::Notice(Told::Page { rows, next }) => Some((rows, next)),
        _ => None,
    };
    pages(globals, &COLUMNS, false, request, page, members_of)
}
