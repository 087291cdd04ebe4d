//! What the reader sees as the author is what was proven (spec §3.4 points 4 and 6; scenarios 18, 19 and 33).

use pli_types::MailAddress;

use super::sender_owned::owns;
use crate::told::Told;
use crate::{Decision, Facts, HeaderMailbox, Listing, MaySendAs, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    if facts.origin == Origin::Relay {
        // Our own report; no peer can take this origin.
        return Decision::Accept;
    }
    let Some(HeaderMailbox::Address { address, listing, .. }) = facts.authorship.as_ref().map(|header| &header.from)
    else {
        return Decision::Refuse(Reason::HeaderFromMismatch);
    };
    match &facts.origin {
        Origin::Peer { .. } if !agrees_with_envelope(facts, address) => Decision::Refuse(Reason::HeaderFromMismatch),
        origin => match proven(origin, address, *listing) {
            Decision::Accept if !agrees_on_patient(facts, address) => Decision::Refuse(Reason::HeaderFromMismatch),
            decision => decision,
        },
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    let from = facts.authorship.as_ref().map_or(&HeaderMailbox::Malformed, |header| &header.from);
    told.mailbox("header-from", from);
    told.path("sender", &facts.sender);
    tell_what_is_proven(&facts.origin, told);
}

/// Has whoever brings the message proven that he may write as this address? With `<>` as the envelope's sender this is
/// the only word on whose report it is (R-SMTP-2).
pub(super) fn proven(origin: &Origin, address: &MailAddress, listing: Listing) -> Decision {
    match origin {
        Origin::Account { addresses } => of_account(addresses, address),
        Origin::Peer { connector: Some(own), .. } => of_connector(own, address),
        Origin::Peer { connector: None, .. } => of_operator(listing),
        Origin::Unauthenticated => Decision::Refuse(Reason::AuthenticationRequired),
        Origin::Relay => Decision::Accept,
    }
}

/// What [`proven`] looks at beside the address.
pub(super) fn tell_what_is_proven(origin: &Origin, told: &mut Told<'_>) {
    match origin {
        Origin::Account { addresses } => told.addresses("own-addresses", addresses),
        Origin::Peer { connector, .. } => told.connector(connector.as_ref()),
        Origin::Unauthenticated | Origin::Relay => {}
    }
}

fn of_account(own: &[MailAddress], from: &MailAddress) -> Decision {
    if owns(own, from) { Decision::Accept } else { Decision::Refuse(Reason::SenderNotOwned) }
}

/// The domain of the envelope, or any where the envelope has none (`<>`).
fn agrees_with_envelope(facts: &Facts, from: &MailAddress) -> bool {
    facts.sender.address().is_none_or(|sender| sender.domain() == from.domain())
}

/// Whom a patient may write to is judged by the envelope, and the reader sees the header: both name the same patient,
/// though whoever brings it may write as several.
fn agrees_on_patient(facts: &Facts, from: &MailAddress) -> bool {
    facts.sender.address().is_none_or(|sender| sender.ins() == from.ins())
}

fn of_connector(own: &MaySendAs, from: &MailAddress) -> Decision {
    if own.allows(from) { Decision::Accept } else { Decision::Refuse(Reason::HeaderFromMismatch) }
}

fn of_operator(listing: Listing) -> Decision {
    match listing {
        Listing::Listed => Decision::Accept,
        Listing::NotListed | Listing::OtherCertificate => Decision::Refuse(Reason::HeaderFromMismatch),
        Listing::Unavailable => Decision::Defer(Reason::ListUnavailable),
    }
}
