//! A message carries the documents of one patient only (R-WHO-9, REF2 ECO.2.1.1).
//!
//! Whoever receives it files it under one patient; the other's documents end up in a record that is not his.

use crate::document::is_judged;
use crate::told::Told;
use crate::{Decision, Facts, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    if facts.documents.patients > 1 && is_judged(facts) {
        return ruleset.documents.several_patients.decide(Reason::DocumentSeveralPatients);
    }
    Decision::Accept
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    told.yes_or_no("documents-judged", is_judged(facts));
    told.yes_or_no("archive", facts.documents.has_archive);
    told.word("document-patients", facts.documents.patients);
}
