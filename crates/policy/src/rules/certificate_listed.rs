//! The name that a peer proves stands in the trust list, unless it is a connector's (R-SMTP-2; spec §3.4 point 3).

use crate::told::Told;
use crate::{Decision, Facts, Listing, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    match &facts.origin {
        // A hospital's own server is known by configuration, so it is recognised before the list is asked.
        Origin::Peer { connector: None, certificate_listing, .. } => match certificate_listing {
            Listing::Listed => Decision::Accept,
            Listing::NotListed | Listing::OtherCertificate => Decision::Refuse(Reason::CertificateNotListed),
            Listing::Unavailable => Decision::Defer(Reason::ListUnavailable),
        },
        Origin::Peer { .. } | Origin::Account { .. } | Origin::Unauthenticated | Origin::Relay => Decision::Accept,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    if let Origin::Peer { certificate_listing, connector, .. } = &facts.origin {
        told.connector(connector.as_ref());
        told.listing("certificate-listing", *certificate_listing);
    }
}
