//! A document that goes to a patient is about that patient.
//!
//! A letter in the wrong envelope is the mistake that nobody catches: both addresses are good, and only the document
//! knows whom it is about. Where it names nobody by an INS, nothing can be compared, and nothing is refused.

use crate::document::is_judged;
use crate::told::Told;
use crate::{Decision, Facts, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    if goes_to_another(facts) && is_judged(facts) {
        return ruleset.documents.other_patient.decide(Reason::DocumentOtherPatient);
    }
    Decision::Accept
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.yes_or_no("documents-judged", is_judged(facts));
    told.word("patients-addressed", facts.documents.addressed.len());
    told.word("patients-identified", facts.documents.identified.len());
    told.yes_or_no("goes-to-another-patient", goes_to_another(facts));
}

/// Is it addressed to a patient whom its documents are not about?
fn goes_to_another(facts: &Facts) -> bool {
    let documents = &facts.documents;
    let is_about = |ins| documents.identified.contains(ins);
    !documents.identified.is_empty() && documents.addressed.iter().any(|patient| !is_about(&patient.ins))
}
