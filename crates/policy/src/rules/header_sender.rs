//! Whoever is named as the sender beside the author is proven too: `Sender`, `Resent-From`, `Resent-Sender`
//! (RFC 5322 §3.6.2 and §3.6.6; spec §3.4 point 6; scenario 33).
//!
//! A program may show "Sender on behalf of From", or whoever sent a letter again as its author. Unlike `From`, these
//! need not be of the envelope's domain: a secretary may send for a doctor of another domain of the same operator.
//! `From` is judged all the same, so a letter of another operator cannot be resent; it is passed on as an attachment.

use super::header_from::{proven, tell_what_is_proven};
use crate::told::Told;
use crate::{Decision, Facts, HeaderMailbox, HeaderSender, Origin, Reason, Ruleset, SenderField};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Some(header) = &facts.authorship else { return Decision::Refuse(Reason::HeaderFromMismatch) };
    header.senders.iter().map(|sender| of_one(&facts.origin, sender)).find(|one| !one.accepts()).unwrap_or_default()
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    match facts.authorship.as_ref().map(|header| header.senders.as_slice()) {
        None => told.word("header-sender", "the header was not read"),
        Some([]) => told.word("header-sender", "none is named"),
        Some(senders) => {
            for sender in senders {
                told.mailbox(name_of(sender.field), &sender.mailbox);
            }
        }
    }
    tell_what_is_proven(&facts.origin, told);
}

fn of_one(origin: &Origin, sender: &HeaderSender) -> Decision {
    match &sender.mailbox {
        HeaderMailbox::Malformed if *origin != Origin::Relay => Decision::Refuse(Reason::HeaderFromMismatch),
        HeaderMailbox::Malformed => Decision::Accept,
        HeaderMailbox::Address { address, listing, .. } => proven(origin, address, *listing),
    }
}

fn name_of(field: SenderField) -> &'static str {
    match field {
        SenderField::Sender => "header-sender",
        SenderField::ResentFrom => "header-resent-from",
        SenderField::ResentSender => "header-resent-sender",
    }
}
