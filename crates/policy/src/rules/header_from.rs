//! What the reader sees as the author is what was proven (spec §3.4 points 4 and 6; scenarios 18, 19 and 33).

use pli_types::MailAddress;

use super::sender_owned::owns;
use crate::told::Told;
use crate::{Decision, Facts, HeaderFrom, Listing, MaySendAs, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    if facts.origin == Origin::Relay {
        // Our own report; no peer can take this origin.
        return Decision::Accept;
    }
    let Some(HeaderFrom::Address { address, listing }) = &facts.header_from else {
        return Decision::Refuse(Reason::HeaderFromMismatch);
    };
    match &facts.origin {
        Origin::Account { addresses } => of_account(addresses, address),
        Origin::Peer { .. } if !agrees_with_envelope(facts, address) => Decision::Refuse(Reason::HeaderFromMismatch),
        Origin::Peer { connector: Some(own), .. } => of_connector(own, address),
        Origin::Peer { connector: None, .. } => of_operator(*listing),
        Origin::Unauthenticated => Decision::Refuse(Reason::AuthenticationRequired),
        Origin::Relay => Decision::Accept,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    match &facts.header_from {
        Some(HeaderFrom::Address { address, listing }) => {
            told.address("header-from", address);
            told.listing("header-from-listing", *listing);
        }
        Some(HeaderFrom::Malformed) | None => told.word("header-from", "not one From with one address"),
    }
    told.path("sender", &facts.sender);
    match &facts.origin {
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

fn of_connector(own: &MaySendAs, from: &MailAddress) -> Decision {
    if own.allows(from) { Decision::Accept } else { Decision::Refuse(Reason::HeaderFromMismatch) }
}

/// With `<>` this is the only word on whose report it is (R-SMTP-2).
fn of_operator(listing: Listing) -> Decision {
    match listing {
        Listing::Listed => Decision::Accept,
        Listing::NotListed | Listing::OtherCertificate => Decision::Refuse(Reason::HeaderFromMismatch),
        Listing::Unavailable => Decision::Defer(Reason::ListUnavailable),
    }
}
