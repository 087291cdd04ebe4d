//! Nothing goes to a domain outside of the trust list (R-WHO-1; scenario 15).

use crate::told::Told;
use crate::{Decision, Facts, Listing, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    if recipient.hosted || recipient.connector_domain {
        // It stays with this operator, or goes to a hospital of his.
        return Decision::Accept;
    }
    match recipient.listing {
        Listing::Listed | Listing::OtherCertificate => Decision::Accept,
        Listing::NotListed => Decision::Refuse(Reason::RecipientDomainNotListed),
        Listing::Unavailable => Decision::Defer(Reason::ListUnavailable),
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    let Some(recipient) = &facts.recipient else { return };
    told.word("recipient-domain", recipient.address.domain());
    told.yes_or_no("hosted-here", recipient.hosted);
    told.yes_or_no("connector-domain", recipient.connector_domain);
    told.listing("recipient-listing", recipient.listing);
}
