//! A patient of ours writes to those who have written to him and have not ended the exchange since (R-WHO-3, spec §1.5;
//! scenarios 24 to 26), and to the pharmacies that have dispensed to him (R-WHO-4, R-WHO-4b, R-WHO-5; scenario 27).
//!
//! The right is per contact, not per thread. What a message answers is not known before its header has come: where that
//! could make a difference, the recipient is taken, and [`super::answerable`] has the last word.

use pli_types::Relation;

use crate::told::Told;
use crate::{
    DISPENSING_DAYS, Decision, Facts, PatientRules, PharmacyDoor, PharmacyFacts, Reason, RecipientFacts, RelationFacts,
    Ruleset,
};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    if facts.patient.is_none() {
        return Decision::Accept;
    }
    match door(recipient, ruleset) {
        Decision::Refuse(_) if recipient.relation.as_ref().is_some_and(|known| known.unanswerable) => Decision::Accept,
        decision => decision,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    let Some(recipient) = &facts.recipient else { return };
    told.yes_or_no("a-patient-here-writes", facts.patient.is_some());
    if facts.patient.is_some() {
        tell_one(recipient, told);
    }
}

/// May the patient write to this recipient, whatever the message answers?
pub(super) fn door(recipient: &RecipientFacts, ruleset: &Ruleset) -> Decision {
    // Whoever runs the patients' server can be told of its faults (RFC 5321 §4.5.1).
    if recipient.hosted && recipient.address.is_postmaster() {
        return Decision::Accept;
    }
    let Some(known) = &recipient.relation else { return Decision::Refuse(Reason::RelationNone) };
    may_write(known, &ruleset.patient)
}

/// May the patient write to whom this lies between, whatever his message answers? For whoever asks why he could not.
#[must_use]
pub fn may_write(known: &RelationFacts, rules: &PatientRules) -> Decision {
    match (known.relation, &known.pharmacy) {
        (Relation::Open, _) => Decision::Accept,
        (_, Some(pharmacy)) if lets_in(known, pharmacy, rules.pharmacies) => Decision::Accept,
        (Relation::Closed, _) => Decision::Refuse(Reason::RelationClosed),
        (Relation::None, Some(_)) => Decision::Refuse(Reason::PharmacyNoDispensing),
        (Relation::None, None) => Decision::Refuse(Reason::RelationNone),
    }
}

/// What [`door`] looks at.
pub(super) fn tell_one(recipient: &RecipientFacts, told: &mut Told<'_>) {
    told.address("recipient", &recipient.address);
    let Some(known) = &recipient.relation else { return told.word("relation", "not asked for") };
    told.word("relation", known.relation.as_str());
    if let Some(since) = known.since {
        told.word("since", since);
    }
    told.yes_or_no("has-sent-what-cannot-be-answered", known.unanswerable);
    match &known.pharmacy {
        None => told.word("pharmacy", "not a pharmacy's ORG mailbox that the directory shows"),
        Some(pharmacy) => {
            let day = |day: Option<jiff::civil::Date>| day.map_or_else(|| "never".to_owned(), |day| day.to_string());
            told.word("pharmacy", &pharmacy.finess);
            told.word("last-reimbursed-dispensing", day(pharmacy.reimbursed));
            told.word("last-dispensing", day(pharmacy.any));
            told.word("judged-on", known.today);
        }
    }
}

/// An exchange that was ended stays so until the pharmacy serves the patient again: on a later day, since a day is all
/// that is known of a dispensing.
fn lets_in(known: &RelationFacts, pharmacy: &PharmacyFacts, door: PharmacyDoor) -> bool {
    let this_year =
        pharmacy.reimbursed.filter(|on| *on <= known.today && (known.today - *on).get_days() <= DISPENSING_DAYS);
    match (known.relation, door) {
        (Relation::Closed, _) => this_year.is_some_and(|on| known.since.is_some_and(|closed| on > closed)),
        (_, PharmacyDoor::AnyCompatiblePharmacy) => true,
        (_, PharmacyDoor::DispensedLastYear) => this_year.is_some(),
    }
}
