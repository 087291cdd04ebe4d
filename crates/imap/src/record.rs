//! What goes into the audit record from here: sign-ins, reading, removing (R-TRC-1, R-TRC-3).

use pli_audit::{Event, EventKind, Face};
use pli_store::Entry;
use pli_types::MailAddress;

use crate::server::Security;
use crate::session::Session;

/// An event of this session, with who and from where.
pub(crate) fn event(session: &Session<'_>, kind: EventKind) -> Event {
    let actor = session.state.account().map(|account| session.context.masker.address(&account.mailbox.address));
    let remote = Some(session.peer.remote.to_string());
    Event { actor, remote, ..Event::new(session.context.clock.now(), kind, Face::Imap) }
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

/// A name that someone tried to sign in with, fit to be kept. People type passwords and identifiers into that
/// field: what is no address is not kept.
pub(crate) fn claimed_name(session: &Session<'_>, name: &str) -> Option<String> {
    MailAddress::parse(name).ok().map(|address| session.context.masker.address(&address))
}

/// The name in the certificate that the client showed, believed or not.
pub(crate) fn shown_name(session: &Session<'_>) -> Option<String> {
    let Security::Tls(facts) = &session.peer.security else { return None };
    let certificate = facts.certificate.as_ref()?;
    Some(session.context.masker.scrub(&certificate.subject.to_string()))
}
