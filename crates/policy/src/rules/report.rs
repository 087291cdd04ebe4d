//! What an account sends with the empty path is a report on a message that one of its mailboxes received, to those who
//! wait for it (RFC 3464, RFC 8098; spec §1.5).
//!
//! Reports pass the rules on whom a patient may write to, also where the exchange was ended; so nothing else may.

use pli_types::ReversePath;

use crate::told::Told;
use crate::{Decision, Facts, LetterFacts, Origin, Reason, ReportKind, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    if !is_asked(facts) || facts.letter.as_ref().is_some_and(is_solicited) {
        return Decision::Accept;
    }
    Decision::Refuse(Reason::ReportUnsolicited)
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    told.path("sender", &facts.sender);
    let (true, Some(letter)) = (is_asked(facts), &facts.letter) else { return };
    told.word("report-type", letter.report.map_or("none", ReportKind::as_str));
    told.answers(letter);
    for recipient in &letter.recipients {
        told.address("recipient", &recipient.address);
    }
}

fn is_asked(facts: &Facts) -> bool {
    matches!(facts.origin, Origin::Account { .. }) && facts.sender == ReversePath::Null
}

fn is_solicited(letter: &LetterFacts) -> bool {
    let mut recipients = letter.recipients.iter();
    let waits = |address| letter.answers.iter().any(|message| message.report_goes_to(address));
    letter.report.is_some() && recipients.all(|recipient| waits(&recipient.address))
}
