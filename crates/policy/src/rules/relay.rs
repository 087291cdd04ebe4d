//! No relay between third parties (spec §3.4 point 5; scenario 17): another operator reaches the domains that this
//! one answers for, and no others. A connector and an account are this operator's own.

use crate::told::Told;
use crate::{Decision, Facts, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let ours = facts.recipient.as_ref().is_some_and(|recipient| recipient.hosted || recipient.connector_domain);
    match facts.origin {
        Origin::Peer { connector: None, .. } if !ours => Decision::Refuse(Reason::RelayDenied),
        Origin::Peer { .. } | Origin::Account { .. } | Origin::Unauthenticated | Origin::Relay => Decision::Accept,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    if let Some(recipient) = &facts.recipient {
        told.word("recipient-domain", recipient.address.domain());
        told.yes_or_no("hosted-here", recipient.hosted);
        told.yes_or_no("connector-domain", recipient.connector_domain);
    }
}
