//! What is waited for of a message that is taken in: the deadlines that hold for it and its recipients.

use jiff::{SignedDuration, Timestamp};
use pli_store::NewWatch;

use super::content::HeaderFacts;
use super::facts::Way;
use super::transaction::Transaction;
use crate::watch::rule::{self, Case};

impl Transaction {
    /// One for each recipient for whom a deadline holds. Nobody waits for what becomes of a report: its sender could not
    /// be told.
    pub(super) fn watches(&self, header: &HeaderFacts, now: Timestamp) -> Vec<NewWatch> {
        let deadlines = &self.intake.config.deadlines;
        let (Some(sender), None) = (self.facts.sender.address(), header.thread.report) else { return Vec::new() };
        if deadlines.is_empty() {
            return Vec::new();
        }
        let codes = self.examined.documents.codes().unwrap_or_default();
        let codes: Vec<&str> = codes.split(',').collect();
        let each = self.recipients.iter().filter_map(|accepted| {
            let here = match accepted.way {
                Way::Mailbox(_) | Way::Space(_) => true,
                Way::Held(_) => accepted.known.hosted,
                Way::Elsewhere => false,
                // Its report is on its way.
                Way::Back(_) => return None,
            };
            let recipient = &accepted.recipient;
            let case = Case {
                sender,
                codes: &codes,
                recipient: &recipient.address,
                here,
                asks_delivery: recipient.notify.success,
                asks_receipt: header.thread.receipt_to.is_some(),
            };
            let deadline = rule::first(deadlines, &case)?;
            let within = SignedDuration::try_from(deadline.within.get()).unwrap_or(SignedDuration::MAX);
            Some(NewWatch {
                recipient: recipient.clone(),
                party: self.intake.masker.lookup_address(&recipient.address),
                message_id: header.thread.message_id.clone(),
                state: deadline.state.party_state(),
                due_at: now.checked_add(within).unwrap_or(Timestamp::MAX),
                resend: deadline.resend && !here,
            })
        });
        each.collect()
    }
}
