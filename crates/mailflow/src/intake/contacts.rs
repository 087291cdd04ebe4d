//! What a message does between the patients who get it here and whoever wrote it ([`Turn`]), and what is remembered of it
//! so that answers and reports on it can be judged ([`correspondence`]; R-WHO-3, R-WHO-6; spec §1.5).

use jiff::Timestamp;
use pli_directory::TrustList;
use pli_store::{ContactEvent, Correspondence};
use pli_types::{ContactTurn, Domain, Ins, MailAddress, MessageId, ReversePath};

use super::content::Thread;

/// What happens to every patient who gets the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// What.
    pub(crate) kind: ContactTurn,
    /// Who wrote.
    pub(crate) by: MailAddress,
    /// Whom a patient may then write to, or no longer: the addresses of `Reply-To`, else the author's (R-WHO-6).
    pub(crate) contacts: Vec<MailAddress>,
}

impl Turn {
    /// Of a message with this envelope and header. None of a report, which opens, reopens and closes nothing, and none
    /// of one that nobody may answer: patients, postmasters, and whoever writes in the name of the patients' spaces.
    pub(crate) fn of(
        sender: &ReversePath,
        from: &MailAddress,
        thread: &Thread,
        list: Option<&TrustList>,
        hosted: &[Domain],
    ) -> Option<Self> {
        if is_report(sender, thread) {
            return None;
        }
        let kind = match (thread.ends, thread.unanswerable) {
            (true, _) => ContactTurn::Ended,
            (false, true) => ContactTurn::WroteUnanswerable,
            (false, false) => ContactTurn::Wrote,
        };
        // Whoever ends an exchange speaks for himself: what he opened for others ends with it, and nobody else's does.
        let ends = kind == ContactTurn::Ended;
        let mut contacts = if ends { Vec::new() } else { answers_go_to(thread, list, hosted) };
        if contacts.is_empty() {
            contacts.extend(Some(from.clone()).filter(may_be_contact));
        }
        (!contacts.is_empty()).then(|| Self { kind, by: from.clone(), contacts })
    }

    /// The same, for the record of these patients.
    pub(crate) fn events(&self, patients: &[Ins], at: Timestamp, message: MessageId) -> Vec<ContactEvent> {
        let each = patients.iter().flat_map(|patient| self.contacts.iter().map(move |contact| (patient, contact)));
        each.map(|(patient, contact)| ContactEvent {
            patient: patient.clone(),
            contact: contact.clone(),
            turn: self.kind,
            by: self.by.clone(),
            at,
            message: Some(message),
        })
        .collect()
    }
}

/// What is remembered of a message; nothing of a report, on which nobody reports, nor of one without a Message-ID.
pub(crate) fn correspondence(
    sender: &ReversePath,
    from: &MailAddress,
    thread: &Thread,
    list: Option<&TrustList>,
    hosted: &[Domain],
) -> Option<Correspondence> {
    let message_id = thread.message_id.clone().filter(|_| !is_report(sender, thread))?;
    // RFC 8098 §2.1: nothing goes by itself to where the message does not come from.
    let receipt_to = thread.receipt_to.clone().filter(|to| sender.address() == Some(to));
    Some(Correspondence {
        message_id,
        from: from.clone(),
        reply_to: answers_go_to(thread, list, hosted),
        answerable: !thread.unanswerable,
        receipt_to,
    })
}

fn is_report(sender: &ReversePath, thread: &Thread) -> bool {
    *sender == ReversePath::Null || thread.report.is_some()
}

/// The addresses of `Reply-To` that are of the trust space (R-WHO-6).
fn answers_go_to(thread: &Thread, list: Option<&TrustList>, hosted: &[Domain]) -> Vec<MailAddress> {
    let trusted = |domain| hosted.contains(domain) || list.is_some_and(|list| list.lists_domain(domain));
    let wanted = thread.reply_to.iter().filter(|address| may_be_contact(address) && trusted(address.domain()));
    wanted.cloned().collect()
}

fn may_be_contact(address: &MailAddress) -> bool {
    !address.domain().is_patient_domain() && !address.is_postmaster()
}
