//! What goes into the audit record from here: reading, removing (R-TRC-1, R-TRC-3). Of sign-in, [`pli_signin`] tells.

use pli_audit::{Event, EventKind, Face};
use pli_store::Entry;
use pli_types::Marked;

use crate::session::Session;

/// An event of this session, with who and from where.
pub(crate) fn event(session: &Session<'_>, kind: EventKind) -> Event {
    let account = session.state.account();
    let actor = account.map(|account| Marked::account(&account.name));
    let mailbox = account.map(|account| Marked::address(&account.mailbox.address));
    let remote = Some(session.peer.remote.to_string());
    Event { actor, mailbox, remote, ..Event::new(session.context.clock.now(), kind, Face::Imap) }
}

/// One event for each message.
pub(crate) fn events<'a>(
    session: &Session<'_>,
    kind: EventKind,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Vec<Event> {
    let event = event(session, kind);
    entries.into_iter().map(|entry| Event { message: Some(entry.message), ..event.clone() }).collect()
}
