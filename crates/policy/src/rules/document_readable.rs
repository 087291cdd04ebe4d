//! Documents that cannot be read are delivered, unless a setting has them refused (spec §6.4; scenario 38).
//!
//! An archive is not refused because it is unusual. Whoever wants certainty that rules on documents were asked about all
//! of them pays for it with letters that others would have taken.

use crate::document::is_judged;
use crate::told::Told;
use crate::{Decision, Facts, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    if facts.documents.unreadable.is_some() && is_judged(facts) {
        return ruleset.documents.unreadable.decide(Reason::DocumentUnreadable);
    }
    Decision::Accept
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.yes_or_no("documents-judged", is_judged(facts));
    told.word("unreadable", facts.documents.unreadable.unwrap_or("nothing"));
}
