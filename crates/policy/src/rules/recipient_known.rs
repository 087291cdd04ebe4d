//! A recipient here has a mailbox that takes mail (spec §3.4 point 7; scenario 29). Refused while the sender is still
//! connected, so that he is told by his own server and no report has to find its way back.
//!
//! Patients are the exception (spec §1.6): whoever may write to one would learn from the replies which of a country's
//! people have a space. What is for an unknown or a closed space is taken, and returned by a report.

use crate::told::Told;
use crate::{Decision, Facts, MailboxFacts, Origin, Reason, RecipientFacts, Ruleset, SpaceRefusal};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    match recipient.mailbox {
        MailboxFacts::Open => Decision::Accept,
        MailboxFacts::Suspended => Decision::Refuse(Reason::RecipientSuspended),
        MailboxFacts::Closed if is_patient(recipient) => no_space(facts, ruleset, Reason::PatientClosed),
        MailboxFacts::Full => Decision::Defer(Reason::MailboxFull),
        // The connector knows which addresses it has, and so does the operator elsewhere.
        MailboxFacts::None if recipient.connector_domain || !recipient.hosted => Decision::Accept,
        MailboxFacts::None if is_patient(recipient) => no_space(facts, ruleset, Reason::PatientUnknown),
        MailboxFacts::None | MailboxFacts::Closed => Decision::Refuse(Reason::RecipientUnknown),
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    let Some(recipient) = &facts.recipient else { return };
    told.address("recipient", &recipient.address);
    told.yes_or_no("hosted-here", recipient.hosted);
    told.yes_or_no("connector-domain", recipient.connector_domain);
    let mailbox = match recipient.mailbox {
        MailboxFacts::None => "none here",
        MailboxFacts::Open => "open",
        MailboxFacts::Suspended => "suspended",
        MailboxFacts::Closed => "closed",
        MailboxFacts::Full => "full",
    };
    told.word("mailbox", mailbox);
}

/// A report of our own is refused all the same: one on a report would have nobody to go to, and whoever wrote it hears
/// at once that it cannot be delivered.
fn no_space(facts: &Facts, ruleset: &Ruleset, reason: Reason) -> Decision {
    match ruleset.patient.refusal {
        SpaceRefusal::Notice if facts.origin != Origin::Relay => Decision::Return(reason),
        SpaceRefusal::Notice | SpaceRefusal::Session => Decision::Refuse(reason),
    }
}

/// The patients' domain has other mailboxes, of its postmaster and of its service.
fn is_patient(recipient: &RecipientFacts) -> bool {
    recipient.address.ins().is_some()
}
