//! Makes of a [`Transaction`] that was judged what the store takes: [`NewMessage`], with all that it does besides.

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind};
use pli_store::{NewMessage, Relay, Returned, StagedBody};
use pli_types::QueueId;

use super::transaction::{Accepted, Transaction};

impl Transaction {
    /// The message with its ways: into mailboxes here, and to other servers.
    pub(super) fn hand_over(&mut self, body: StagedBody) -> NewMessage {
        let now = self.intake.clock.now();
        let audit = self.acceptance_events(now, body.size());
        let expires_at = expiry(now, self.intake.config.queue_lifetime);
        let mut deliveries = Vec::new();
        let mut relays = Vec::new();
        let mut returns = Vec::new();
        for Accepted { recipient, mailbox, returned, .. } in self.recipients.drain(..) {
            if let Some(reason) = returned {
                returns.push(Returned { id: QueueId::at(now), recipient, reason: reason.code().to_owned() });
            } else if let Some(mailbox) = mailbox {
                // Whoever is the postmaster too gets one copy.
                if !deliveries.contains(&mailbox) {
                    deliveries.push(mailbox);
                }
            } else {
                let destination = recipient.address.domain().clone();
                relays.push(Relay { id: QueueId::at(now), recipient, destination, expires_at });
            }
        }
        NewMessage {
            parameters: self.parameters.clone(),
            deliveries,
            relays,
            returns,
            audit,
            ..NewMessage::new(self.id, now, self.facts.sender.clone(), body)
        }
    }

    /// One event for the message, naming all its recipients, and one for each mailbox that it is put into.
    fn acceptance_events(&self, now: Timestamp, bytes: u64) -> Vec<Event> {
        let masker = &self.intake.masker;
        let recipients: Vec<String> =
            self.recipients.iter().map(|accepted| masker.address(&accepted.recipient.address)).collect();
        let tls = self.wire.as_ref().and_then(|wire| wire.tls.as_ref());
        let detail = match tls {
            Some((version, _)) => format!("{version}, {bytes} bytes"),
            None => format!("{bytes} bytes"),
        };
        let mut events = vec![Event {
            message: Some(self.id),
            recipient: Some(recipients.join(", ")),
            detail: Some(detail),
            ..self.witness.event(now, EventKind::Accepted)
        }];
        for (accepted, recipient) in self.recipients.iter().zip(recipients) {
            if accepted.mailbox.is_some() && accepted.returned.is_none() {
                events.push(Event {
                    message: Some(self.id),
                    recipient: Some(recipient),
                    ..self.witness.event(now, EventKind::Delivered)
                });
            }
        }
        events
    }
}

fn expiry(now: Timestamp, lifetime: std::time::Duration) -> Timestamp {
    let lifetime = SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX);
    now.checked_add(lifetime).unwrap_or(Timestamp::MAX)
}
