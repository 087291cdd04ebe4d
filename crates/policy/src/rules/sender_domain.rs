//! A peer writes only for the domains that are bound to its certificate: by the trust list (R-SMTP-2..4; spec §3.4
//! point 4); a connector for those, and as those addresses, that an admin has given it.

use pli_types::MailAddress;

use crate::told::Told;
use crate::{Decision, Facts, Listing, MaySendAs, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    // The null path has no domain; the header's From answers for it, see `header_from`.
    let Some(sender) = facts.sender.address() else { return Decision::Accept };
    match &facts.origin {
        Origin::Peer { connector: Some(own), .. } => of_connector(own, sender, facts.sender_listing),
        Origin::Peer { connector: None, .. } => match facts.sender_listing {
            Listing::Listed => Decision::Accept,
            Listing::NotListed => Decision::Refuse(Reason::SenderDomainNotListed),
            Listing::OtherCertificate => Decision::Refuse(Reason::SenderDomainOtherCertificate),
            Listing::Unavailable => Decision::Defer(Reason::ListUnavailable),
        },
        Origin::Account { .. } | Origin::Unauthenticated | Origin::Relay => Decision::Accept,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    told.path("sender", &facts.sender);
    if let Origin::Peer { certificate, connector, .. } = &facts.origin {
        told.certificate(certificate);
        told.connector(connector.as_ref());
        told.listing("sender-listing", facts.sender_listing);
    }
}

/// What the list says only tells a connector which mistake it made; it never lets it write as a domain not its own.
fn of_connector(own: &MaySendAs, sender: &MailAddress, listing: Listing) -> Decision {
    match listing {
        _ if own.allows(sender) => Decision::Accept,
        // The domain is right, and the address is another's.
        _ if own.has_address_in(sender.domain()) => Decision::Refuse(Reason::SenderNotOwned),
        Listing::NotListed => Decision::Refuse(Reason::SenderDomainNotListed),
        Listing::Listed | Listing::OtherCertificate | Listing::Unavailable => {
            Decision::Refuse(Reason::SenderDomainOtherCertificate)
        }
    }
}
