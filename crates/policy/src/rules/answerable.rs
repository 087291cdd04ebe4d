//! A message with `X-MSS-MES: FIN` cannot be answered, and earlier ones of the same author can (spec §1.5; scenario 25).
//!
//! Whether a patient's message answers it, its header says. Whoever was taken as a recipient only because that was not
//! known yet is judged here by what is between him and the patient.

use super::relation::{door, tell_one};
use crate::told::Told;
use crate::{Decision, Facts, LetterFacts, Reason, RecipientFacts, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    if facts.patient.is_none() {
        return Decision::Accept;
    }
    let Some(letter) = &facts.letter else { return Decision::Refuse(Reason::MessageNotAnswerable) };
    if letter.recipients.iter().any(|recipient| cannot_be_answered(letter, recipient)) {
        return Decision::Refuse(Reason::MessageNotAnswerable);
    }
    let doors = letter.recipients.iter().map(|recipient| door(recipient, ruleset));
    doors.into_iter().find(|decision| !decision.accepts()).unwrap_or_default()
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.yes_or_no("a-patient-here-writes", facts.patient.is_some());
    let (Some(_), Some(letter)) = (&facts.patient, &facts.letter) else { return };
    told.answers(letter);
    for recipient in &letter.recipients {
        tell_one(recipient, told);
    }
}

/// Does it answer, to its author or where he wants answers, a message that cannot be answered?
fn cannot_be_answered(letter: &LetterFacts, recipient: &RecipientFacts) -> bool {
    letter.answers.iter().any(|message| !message.answerable && message.answer_goes_to(&recipient.address))
}
