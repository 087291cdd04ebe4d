//! SEARCH (RFC 3501 §6.4.4).

use std::fmt::Write as _;
use std::sync::Arc;

use imap_codec::imap_types::core::Charset;
use imap_codec::imap_types::search::SearchKey;
use pli_store::{Store, StoreError};

use crate::answer::{Answer, Fault};
use crate::message::structure;
use crate::search::{Header, Known, Test};
use crate::session::Session;
use crate::source::Source;
use crate::view::Picked;

pub(super) async fn run(
    session: &mut Session<'_>,
    charset: Option<&Charset<'_>>,
    keys: &[SearchKey<'_>],
    uid: bool,
) -> Result<Answer, Fault> {
    let selected = session.state.selected()?;
    let known = |charset: &Charset<'_>| {
        let name = charset.as_ref();
        name.eq_ignore_ascii_case("UTF-8") || name.eq_ignore_ascii_case("US-ASCII")
    };
    if !charset.is_none_or(known) {
        return Err(Answer::no("BADCHARSET (US-ASCII UTF-8)", "Search in one of these").into());
    }
    let test = Arc::new(Test::of(keys, &selected.view)?);
    let candidates: Vec<Picked> = selected.view.all().collect();
    let store = &*session.context.store;
    let mut found = String::new();
    for picked in candidates {
        if holds(store, &test, &picked).await? {
            let number = if uid { picked.entry.uid.0 } else { picked.sequence };
            // Writing to a String cannot fail.
            let _ = write!(found, " {number}");
        }
    }
    session.wire.say(&format!("* SEARCH{found}\r\n"));
    Ok(Answer::ok("Searched"))
}

/// Reads header and body only if the test cannot be decided without.
async fn holds(store: &dyn Store, test: &Arc<Test>, picked: &Picked) -> Result<bool, Fault> {
    if let Some(holds) = test.holds(&Known { picked, header: None, whole: None }) {
        return Ok(holds);
    }
    match holds_inside(store, test, picked).await {
        // Removed by another session while we searched.
        Err(Fault::Store(StoreError::NotFound(_))) => Ok(false),
        outcome => outcome,
    }
}

async fn holds_inside(store: &dyn Store, test: &Arc<Test>, picked: &Picked) -> Result<bool, Fault> {
    let mut source = Source::new(store, &picked.entry);
    let header = Header::read(&source.header().await?);
    if let Some(holds) = test.holds(&Known { picked, header: Some(&header), whole: None }) {
        return Ok(holds);
    }
    let whole = source.whole().await?;
    let (test, picked) = (Arc::clone(test), picked.clone());
    // Decoding megabytes takes a while: not on a thread that serves connections.
    let search = move || {
        let part = structure::walk(&whole.bytes);
        test.holds(&Known { picked: &picked, header: Some(&header), whole: Some((&whole.bytes, &part)) })
    };
    Ok(tokio::task::spawn_blocking(search).await.ok().flatten().unwrap_or(false))
}
