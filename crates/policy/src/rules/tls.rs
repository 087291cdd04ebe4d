//! No transaction outside of TLS (R-SMTP-6; spec §3.4 point 1).

use crate::told::Told;
use crate::{Decision, Facts, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    match facts.origin {
        // Our own reports come over no wire.
        Origin::Relay => Decision::Accept,
        _ if facts.tls => Decision::Accept,
        _ => Decision::Refuse(Reason::TlsRequired),
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    told.yes_or_no("tls", facts.tls);
}
