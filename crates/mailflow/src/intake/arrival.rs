//! By what a message is known again: who brought it, for whom it speaks, its Message-ID, and every byte of it.
//!
//! A peer that has not heard our `250` sends the same message once more (RFC 5321 §4.1.1.4, §6.1). Whoever has it by then
//! gets it no second time. The store decides, in the transaction that takes the message in; here it is said what decides.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind};
use pli_policy::Origin;
use pli_store::{Arrival, Repeated, Target};
use pli_types::{MailAddress, Marked};

use super::content::HeaderFacts;
use super::transaction::Transaction;

/// The content as it comes, before a line of ours is added.
#[derive(Clone)]
pub(super) struct Content(Context);

impl Content {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

impl Transaction {
    /// None for what Pli writes itself, for whoever has proven nothing, for a message without a Message-ID of its sender's,
    /// and where no time is set.
    pub(super) fn arrival(&self, now: Timestamp, header: &HeaderFacts) -> Option<Arrival> {
        let within = self.intake.config.repeats_within;
        let content = self.content.as_ref().filter(|_| !within.is_zero())?;
        let peer = self.witness.actor().filter(|_| self.facts.origin != Origin::Relay)?;
        let message_id = header.thread.message_id.as_deref().filter(|_| header.has_message_id)?;
        let sender = self.facts.sender.address().map(MailAddress::reveal).unwrap_or_default();
        let digest = content.0.clone().finish();
        let parts = [peer.as_bytes(), sender.as_bytes(), message_id.as_bytes(), digest.as_ref()];
        Some(Arrival { key: self.intake.masker.fingerprint(&parts), until: end(now, within), recipients: Vec::new() })
    }

    /// A recipient of it, with what the record says of him if he has it already.
    pub(super) fn repeated(&self, now: Timestamp, target: Target, recipient: &MailAddress) -> Repeated {
        let recipient_text = Marked::address(recipient);
        let event = self.witness.event(now, EventKind::Duplicate);
        let patient = recipient.ins().filter(|_| matches!(target, Target::Mailbox(_)));
        Repeated { target, patient, event: Event { message: Some(self.id), recipient: Some(recipient_text), ..event } }
    }
}

fn end(now: Timestamp, within: Duration) -> Timestamp {
    let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
    now.checked_add(within).unwrap_or(Timestamp::MAX)
}
