//! What a message's header says of its documents is what they are (REF2 ECO.2.4.1 to 2.4.3, spec §5).
//!
//! Asked of our own, at submission. `X-MSS-CODECDA`, `X-MSS-INS` and `X-MSS-NIL` are what operators count by; a program
//! that writes them wrong is best told by its own operator. Without a setting it is only warned of.

use crate::document::{HeaderCheck, HeaderFault, is_submitted};
use crate::told::Told;
use crate::{Decision, Facts, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    let is_asked = is_submitted(facts) && ruleset.documents.headers == HeaderCheck::Refuse;
    if is_asked && !facts.documents.header_faults().is_empty() {
        return Decision::Refuse(Reason::DocumentHeaders);
    }
    Decision::Accept
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.yes_or_no("submitted-here", is_submitted(facts));
    let faults: Vec<&str> = facts.documents.header_faults().into_iter().map(HeaderFault::code).collect();
    told.word("header-faults", if faults.is_empty() { "none".to_owned() } else { faults.join(", ") });
}

/// How the header differs, where that is to be told and not to be refused.
pub(super) fn warnings(facts: &Facts, ruleset: &Ruleset) -> Vec<HeaderFault> {
    if is_submitted(facts) && ruleset.documents.headers == HeaderCheck::Warn {
        return facts.documents.header_faults();
    }
    Vec::new()
}
