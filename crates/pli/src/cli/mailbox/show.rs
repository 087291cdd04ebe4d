//! `pli mailbox show`.

use serde_json::json;

use crate::admin::mailbox::{Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::Globals;
use crate::cli::asking::{ask, beside_the_point, members};
use crate::cli::reveal::Reveal;
use crate::exit::Failure;
use crate::output;

pub(super) fn run(globals: &Globals, address: String, reveal: &Reveal) -> Result<(), Failure> {
    let request = Request::Mailbox(Ask::Show { address, reveal: reveal.why() });
    let Answer::Mailbox(Told::Shown(shown)) = ask(globals, request, None)? else {
        return Err(beside_the_point());
    };
    let mut object = members(&shown.mailbox);
    object.insert("folders".to_owned(), shown.folders.into());
    object.insert("messages".to_owned(), shown.messages.into());
    object.insert("opened_by".to_owned(), json!(shown.opened_by));
    output::print(&globals.format().object(&object))
}
