//! What an answer tells of contacts: how a relation came to be what it is, and what a message would make of it.

use pli_policy::{Decision, RuleOutcome};
use pli_store::{ContactEvent, StoreError};
use pli_types::{ContactTurn, Ins, MailAddress, Masker};

use crate::intake::Intake;
use crate::intake::contacts::Turn;

/// How much of a history is told: its last events.
const HISTORY_MAX: usize = 10;

/// A fact by its name.
type Fact = (&'static str, String);

/// How it came to what lies between a patient and this contact.
pub(super) async fn history(intake: &Intake, patient: &Ins, contact: &MailAddress) -> Result<Vec<Fact>, StoreError> {
    let store = &intake.store.0;
    let pharmacies =
        ("pharmacies-that-may-be-written-to", intake.config.ruleset.patient.pharmacies.as_str().to_owned());
    let Some(known) = store.contact(patient, contact).await? else { return Ok(vec![pharmacies]) };
    let events = store.contact_history(patient, contact).await?;
    let left_out = events.len().saturating_sub(HISTORY_MAX);
    let told = events.iter().skip(left_out).map(|event| told(event, &intake.masker));
    let mut facts = vec![pharmacies, ("since-instant", known.since.to_string())];
    facts.extend(known.opened_by.map(|by| ("opened-by", intake.masker.address(&by))));
    facts.extend(known.unanswerable_at.map(|at| ("last-unanswerable", at.to_string())));
    facts.push(("history", told.collect::<Vec<_>>().join("; ")));
    if left_out > 0 {
        facts.push(("earlier-events", left_out.to_string()));
    }
    Ok(facts)
}

fn told(event: &ContactEvent, masker: &Masker) -> String {
    format!("{} {} by {}", event.at, event.turn.as_str(), masker.address(&event.by))
}

/// What the message would change for this patient, once it is accepted.
pub(super) async fn change(intake: &Intake, patient: &Ins, turn: Option<&Turn>) -> Result<RuleOutcome, StoreError> {
    let masker = &intake.masker;
    let mut facts = Vec::new();
    if let Some(Turn { kind, by, contacts }) = turn {
        facts.extend([("turn", kind.as_str().to_owned()), ("by", masker.address(by))]);
        let (mut shown, mut changes) = (Vec::new(), Vec::new());
        for contact in contacts {
            let known = intake.store.0.contact(patient, contact).await?;
            let before = known.map(|known| known.relation).unwrap_or_default();
            shown.push(masker.address(contact));
            changes.push(format!("{} to {}", before.as_str(), before.after(*kind).as_str()));
        }
        facts.extend([("contacts", shown.join(", ")), ("relation", changes.join(", "))]);
        if *kind == ContactTurn::Ended {
            facts.push(("closes-too", format!("whatever a message of {} opened", masker.address(by))));
        }
    } else {
        facts.push(("turn", "none: a report, or one whom no patient writes to".to_owned()));
    }
    Ok(RuleOutcome { rule: "contacts", decision: Decision::Accept, facts })
}
