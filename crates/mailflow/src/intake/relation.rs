//! What lies between a patient of ours and those to whom he writes, and what his message answers: asks the store, and
//! decides nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_policy::{AnsweredMessage, Facts, LetterFacts, Origin, PharmacyFacts, RecipientFacts, RelationFacts};
use pli_store::{LastDispensings, ReceivedMessage, Store, StoreError};
use pli_types::{Ins, MailAddress, ReversePath};

use super::content::Thread;
use super::{Intake, Organisations};

/// The time of France: dispensings are noted by its calendar. Written out, so that it is the same on a machine without
/// a time zone database.
const FRANCE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// What lies between this patient and this recipient.
pub(crate) async fn between(
    intake: &Intake,
    patient: &Ins,
    recipient: &MailAddress,
) -> Result<RelationFacts, StoreError> {
    relation_facts(&*intake.store.0, &*intake.organisations, intake.clock.now(), patient, recipient).await
}

/// The same, for whoever asks without a message at hand.
pub async fn relation_facts(
    store: &dyn Store,
    organisations: &dyn Organisations,
    now: Timestamp,
    patient: &Ins,
    recipient: &MailAddress,
) -> Result<RelationFacts, StoreError> {
    let known = store.contact(patient, recipient).await?;
    let pharmacy = organisations.organisation(recipient).await?.filter(|found| found.pharmacy);
    let pharmacy = match pharmacy.map(|found| found.finess) {
        None => None,
        Some(finess) => {
            let LastDispensings { reimbursed, any } = store.last_dispensings(patient, &finess).await?;
            Some(PharmacyFacts { finess, reimbursed, any })
        }
    };
    Ok(RelationFacts {
        relation: known.as_ref().map(|known| known.relation).unwrap_or_default(),
        since: known.as_ref().map(|known| day(known.since)),
        unanswerable: known.is_some_and(|known| known.unanswerable_at.is_some()),
        pharmacy,
        today: day(now),
    })
}

/// The day in France.
pub(crate) fn day(at: Timestamp) -> Date {
    // The constant is well-formed: a test reads it.
    at.to_zoned(TimeZone::posix(FRANCE).unwrap_or(TimeZone::UTC)).date()
}

/// Must it be known what this message answers? Only a patient's and an account's report are judged by it.
pub(crate) fn is_asked(facts: &Facts) -> bool {
    facts.patient.is_some() || is_report_of_account(facts)
}

/// Does an account send with the empty path?
pub(crate) fn is_report_of_account(facts: &Facts) -> bool {
    matches!(facts.origin, Origin::Account { .. }) && facts.sender == ReversePath::Null
}

/// What the message answers, for the rules that ask.
pub(crate) async fn of_letter(
    intake: &Intake,
    facts: &Facts,
    thread: &Thread,
    recipients: Vec<RecipientFacts>,
) -> Result<LetterFacts, StoreError> {
    let mut letter = LetterFacts { report: thread.report, named: thread.answers.len(), ..LetterFacts::default() };
    if !is_asked(facts) {
        return Ok(letter);
    }
    letter.recipients = recipients;
    let addresses = match (&facts.origin, facts.sender.address()) {
        (_, Some(sender)) => std::slice::from_ref(sender),
        (Origin::Account { addresses }, None) => addresses,
        _ => &[],
    };
    for address in addresses.iter().filter(|_| !thread.answers.is_empty()) {
        let Some(mailbox) = intake.store.0.mailbox(address).await? else { continue };
        for id in &thread.answers {
            letter.answers.extend(intake.store.0.received(mailbox.id, id).await?.map(answered));
        }
    }
    Ok(letter)
}

fn answered(received: ReceivedMessage) -> AnsweredMessage {
    let ReceivedMessage { from, reply_to, answerable, receipt_to, .. } = received;
    AnsweredMessage { author: from, reply_to, receipt_to, answerable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_france_in_winter_and_in_summer() {
        for (at, on) in [
            ("2026-01-31T22:59:59Z", "2026-01-31"),
            ("2026-01-31T23:00:00Z", "2026-02-01"),
            ("2026-06-30T21:59:59Z", "2026-06-30"),
            ("2026-06-30T22:00:00Z", "2026-07-01"),
        ] {
            assert_eq!(day(at.parse().unwrap()).to_string(), on, "{at}");
        }
    }
}
