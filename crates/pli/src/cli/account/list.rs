//! `pli account list`.

use serde_json::{Map, Value};

use crate::admin::account::{AccountTold, Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::Globals;
use crate::cli::asking::{Columns, PAGE, members, pages};
use crate::cli::reveal::Reveal;
use crate::exit::Failure;

const COLUMNS: Columns = Columns {
    table: &["name", "type", "display_name", "rpps", "default_mailbox", "mailbox_count", "disabled"],
    widths: &[32, 7, 24, 11, 48, 13, 0],
    csv: &[
        "name",
        "type",
        "display_name",
        "rpps",
        "default_mailbox",
        "mailbox_count",
        "disabled",
        "created_at",
        "last_sign_in_at",
    ],
};

/// Prints them as they come.
pub(super) fn run(globals: &Globals, reveal: &Reveal) -> Result<(), Failure> {
    let reveal = reveal.why();
    let request = |after| Request::Account(Ask::List { after, limit: PAGE, reveal: reveal.clone() });
    let page = |answer| match answer {
        Answer::Account(Told::Page { rows, next }) => Some((rows, next)),
        _ => None,
    };
    pages(globals, &COLUMNS, reveal.is_some(), request, page, row)
}

fn row(account: &AccountTold) -> Map<String, Value> {
    let mut row = members(account);
    let default = account.mailboxes.iter().find(|grant| grant.default);
    row.insert("default_mailbox".to_owned(), default.map(|grant| grant.address.as_str()).into());
    row.insert("mailbox_count".to_owned(), account.mailboxes.len().into());
    row
}
