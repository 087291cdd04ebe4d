//! A recipient here has a mailbox that takes mail (spec §3.4 point 7; scenario 29). Refused while the sender is still
//! connected, so that he is told by his own server and no report has to find its way back.

use crate::told::Told;
use crate::{Decision, Facts, MailboxFacts, Reason, RecipientFacts, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    match recipient.mailbox {
        MailboxFacts::Open => Decision::Accept,
        MailboxFacts::Suspended => Decision::Refuse(Reason::RecipientSuspended),
        MailboxFacts::Closed => Decision::Refuse(Reason::PatientClosed),
        MailboxFacts::Full => Decision::Defer(Reason::MailboxFull),
        // The connector knows which addresses it has, and so does the operator elsewhere.
        MailboxFacts::None if recipient.connector_domain || !recipient.hosted => Decision::Accept,
        MailboxFacts::None => Decision::Refuse(unknown(recipient)),
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

fn unknown(recipient: &RecipientFacts) -> Reason {
    let address = &recipient.address;
    if address.domain().is_patient_domain() && !address.is_postmaster() {
        Reason::PatientUnknown
    } else {
        Reason::RecipientUnknown
    }
}
