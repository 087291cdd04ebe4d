//! On a submission listener, nothing before sign-in (RFC 6409 §4.3).

use crate::told::Told;
use crate::{Decision, Facts, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    match facts.origin {
        Origin::Unauthenticated => Decision::Refuse(Reason::AuthenticationRequired),
        Origin::Peer { .. } | Origin::Account { .. } | Origin::Relay => Decision::Accept,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
}
