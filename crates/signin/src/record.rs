//! What is kept of a try to sign in (R-TRC-1): who, to which mailbox, from where, how, and the answer.

use std::time::Duration;

use pli_audit::{Event, EventKind};
use pli_policy::Reason;
use pli_store::{Account, StoreError};
use pli_types::{MailAddress, Marked, Masker};

use crate::gate::Parts;
use crate::metrics::door;
use crate::proof::{Caller, Proof};

/// A try that was judged.
#[derive(Debug)]
pub(crate) struct Try<'a> {
    pub(crate) proof: &'a Proof,
    pub(crate) caller: &'a Caller<'a>,
    /// Who was let in.
    pub(crate) found: Option<&'a Account>,
    /// What was wrong, where it can be told more closely.
    pub(crate) why: Option<&'static str>,
}

/// Its event.
pub(crate) async fn event(parts: &Parts, tried: &Try<'_>) -> Result<Event, StoreError> {
    let Try { proof, caller, found, why } = tried;
    let (kind, reason) = match found {
        Some(_) => (EventKind::SignedIn, None),
        None => (EventKind::SignInFailed, Some(Reason::AuthenticationFailed.code().to_owned())),
    };
    let (actor, mailbox) = match found {
        Some(account) => (Some(Marked::account(&account.name)), Some(Marked::address(&account.mailbox.address))),
        None => (claimed(parts, proof, caller).await?, asked(proof)),
    };
    let detail = why.map_or_else(|| proof.word().to_owned(), |why| format!("{} {why}", proof.word()));
    let remote = Some(caller.remote.to_string());
    let event = Event::new(parts.clock.now(), kind, caller.face);
    Ok(Event { actor, mailbox, remote, reason, detail: Some(Marked::plain(detail)), ..event })
}

/// The event of a try that was not judged, because too many failed before. It names nobody: nothing was looked up.
pub(crate) fn too_many(parts: &Parts, proof: &Proof, caller: &Caller<'_>) -> Event {
    let (remote, reason) = (Some(caller.remote.to_string()), Some(Reason::RateExceeded.code().to_owned()));
    let event = Event::new(parts.clock.now(), EventKind::SignInFailed, caller.face);
    Event { remote, reason, detail: Some(Marked::plain(proof.word())), ..event }
}

pub(crate) fn log(masker: &Masker, event: &Event, caller: &Caller<'_>) {
    let [account, mailbox, how] =
        [&event.actor, &event.mailbox, &event.detail].map(|text| masker.show_any(text.as_ref()));
    let (remote, door) = (caller.remote, door(caller.face));
    match event.reason.as_deref() {
        None => tracing::info!(account, mailbox, %remote, door, how, "signed in"),
        Some(reason) => tracing::info!(account, mailbox, %remote, door, how, reason, "sign-in refused"),
    }
}

pub(crate) fn log_too_many(event: &Event, caller: &Caller<'_>, retry_after: Duration) {
    let (remote, door, how) = (caller.remote, door(caller.face), event.detail.as_ref().map(ToString::to_string));
    let (reason, retry_after) = (event.reason.as_deref(), retry_after.as_secs());
    tracing::warn!(%remote, door, how, reason, retry_after, "too many failed tries to sign in from this address");
}

/// How a log names someone who is signed in: several may work in one mailbox.
#[must_use]
pub fn actor(masker: &Masker, account: &Account) -> String {
    masker.account(&account.name)
}

/// Who tried. People type passwords and identifiers into the field for the name: what is neither an address nor the name
/// of an account is not kept.
async fn claimed(parts: &Parts, proof: &Proof, caller: &Caller<'_>) -> Result<Option<Marked>, StoreError> {
    if matches!(proof, Proof::Certificate { .. }) {
        let shown = caller.tls.and_then(|tls| tls.certificate.as_ref());
        return Ok(shown.map(|shown| Marked::certificate_name(&shown.subject)));
    }
    let Some(name) = proof.name() else { return Ok(None) };
    if let Ok(address) = MailAddress::parse(name) {
        return Ok(Some(Marked::address(&address)));
    }
    let account = parts.store.account(name).await?;
    Ok(account.map(|account| Marked::account(&account.name)))
}

/// The mailbox that was asked for.
fn asked(proof: &Proof) -> Option<Marked> {
    let asked = match proof {
        Proof::Password { acts_for, .. } | Proof::Certificate { acts_for } => acts_for,
        Proof::Token { bearer, .. } => &bearer.name,
    };
    MailAddress::parse(asked).ok().map(|address| Marked::address(&address))
}
