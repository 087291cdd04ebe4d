//! Makes of a [`Transaction`] that was judged what the store takes: [`NewMessage`], with all that it does besides.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, ReportClass, Usage};
use pli_policy::{DocumentHeaders, Reason, ReportKind};
use pli_store::{Held, NewMessage, NewParty, NewStory, PartyWay, Relay, Returned, StagedBody, StoreError, Target};
use pli_types::{Ins, Marked, QueueId, Recipient};

use super::Refusal;
use super::contacts::{self, Turn};
use super::content::HeaderFacts;
use super::documents;
use super::facts::Way;
use super::transaction::{Accepted, Transaction, store_failed};

impl Transaction {
    /// The message with its ways: into mailboxes here, to other servers, and back; with what it does between patients and
    /// those who write to them.
    pub(super) async fn hand_over(&mut self, body: StagedBody, header: &HeaderFacts) -> Result<NewMessage, Refusal> {
        let now = self.intake.clock.now();
        let mut message = NewMessage {
            parameters: self.parameters.clone(),
            keywords: documents::keywords(&self.examined),
            ..NewMessage::new(self.id, now, self.facts.sender.clone(), body)
        };
        let (mut patients, mut parties) = (Vec::new(), Vec::with_capacity(self.recipients.len()));
        message.arrival = self.arrival(now, header);
        self.make_mailboxes().await?;
        message.audit = self.acceptance_events(now, message.body.size(), header);
        message.reported = self.reported(header, now);
        message.watches = self.watches(header, now);
        let expires_at = expiry(now, self.intake.config.queue_lifetime);
        for Accepted { recipient, way, .. } in std::mem::take(&mut self.recipients) {
            let id = QueueId::at(now);
            if let (Some(arrival), Some(target)) = (&mut message.arrival, target(&way, id)) {
                arrival.recipients.push(self.repeated(now, target, &recipient.address));
            }
            parties.push(NewParty {
                recipient: self.intake.masker.lookup_address(&recipient.address),
                way: if let Way::Mailbox(mailbox) = way { PartyWay::Mailbox(mailbox) } else { PartyWay::Row(id) },
            });
            match way {
                Way::Mailbox(mailbox) => {
                    // Whoever is the postmaster too gets one copy.
                    if !message.deliveries.contains(&mailbox) {
                        message.deliveries.push(mailbox);
                    }
                    patients.extend(recipient.address.ins());
                    if recipient.notify.success && self.facts.sender.address().is_some() {
                        self.owe_confirmation(&mut message, id, recipient);
                    }
                }
                Way::Back(reason) => message.returns.push(Returned { id, recipient, reason: reason.code().to_owned() }),
                Way::Held(reason) => {
                    message.held.push(Held { id, recipient, reason: reason.code().to_owned(), expires_at });
                }
                // Its mailbox was made above.
                Way::Space(_) => {}
                Way::Elsewhere => {
                    let destination = recipient.address.domain().clone();
                    message.relays.push(Relay { id, recipient, destination, expires_at });
                }
            }
        }
        self.remember(&mut message, header, &patients);
        message.story = Some(self.story(header, parties));
        Ok(message)
    }

    /// The sender asked to hear of success (RFC 3461 §4.1): his confirmation waits as a row of the queue, in the
    /// transaction that delivers. If the message comes again, it is confirmed no second time.
    fn owe_confirmation(&self, message: &mut NewMessage, id: QueueId, recipient: Recipient) {
        if let Some(arrival) = &mut message.arrival {
            arrival.recipients.push(self.repeated(message.accepted_at, Target::Row(id), &recipient.address));
        }
        message.returns.push(Returned { id, recipient, reason: Returned::DELIVERED.to_owned() });
    }

    /// By what the message is found later, and who its recipients are.
    fn story(&self, header: &HeaderFacts, parties: Vec<NewParty>) -> NewStory {
        let masker = &self.intake.masker;
        NewStory {
            sender: self.facts.sender.address().map(|address| masker.lookup_address(address)),
            message_id: header.thread.message_id.as_deref().map(|id| masker.lookup_message_id(id)),
            parties,
        }
    }

    /// Makes the mailboxes of the spaces that get their first message. A space that was closed or taken away since `RCPT`
    /// gets none; its message goes back, since its sender has been told that it was taken.
    async fn make_mailboxes(&mut self) -> Result<(), Refusal> {
        for accepted in &mut self.recipients {
            let Way::Space(patient) = &accepted.way else { continue };
            accepted.way = match self.intake.store.0.mailbox_of_space(patient).await {
                Ok(mailbox) => Way::Mailbox(mailbox),
                Err(StoreError::NotFound(_)) => Way::Back(Reason::PatientUnknown),
                Err(StoreError::Conflict(_)) => Way::Back(Reason::PatientClosed),
                Err(error) => return Err(store_failed(error)),
            };
        }
        Ok(())
    }

    /// What the message changes between the patients who get it and its author, and what answers to it are judged by.
    fn remember(&self, message: &mut NewMessage, header: &HeaderFacts, patients: &[Ins]) {
        let Some(from) = header.from.as_ref().map(|named| &named.address) else { return };
        let (sender, list, hosted) = (&self.facts.sender, self.list.as_deref(), &self.intake.config.hosted_domains);
        if let Some(turn) = Turn::of(sender, from, &header.thread, list, hosted).filter(|_| !patients.is_empty()) {
            message.contacts = turn.events(patients, message.accepted_at, message.id);
        }
        if !message.deliveries.is_empty() {
            message.correspondence = contacts::correspondence(sender, from, &header.thread, list, hosted);
        }
    }

    /// One event for the message, naming all its recipients, and one for each mailbox that it is put into.
    fn acceptance_events(&self, now: Timestamp, bytes: u64, header: &HeaderFacts) -> Vec<Event> {
        let recipients: Vec<Marked> =
            self.recipients.iter().map(|accepted| Marked::address(&accepted.recipient.address)).collect();
        let tls = self.wire.as_ref().and_then(|wire| wire.tls.as_ref());
        let mut detail = match tls {
            Some((version, _)) => format!("{version}, {bytes} bytes"),
            None => format!("{bytes} bytes"),
        };
        if let Some(serial) = self.witness.serial() {
            let _ = write!(detail, ", certificate {serial}");
        }
        if let Some(list) = self.list.as_ref().filter(|_| tls.is_some()) {
            let _ = write!(detail, ", trust list of {}", list.generated_at());
        }
        let turned: BTreeSet<_> = self.recipients.iter().filter_map(|accepted| accepted.rule).collect();
        for rule in turned {
            let _ = write!(detail, ", not delivered by rule {rule}");
        }
        for fault in self.document_warnings() {
            let _ = write!(detail, ", document-headers: {}", fault.code());
        }
        let mut events = vec![Event {
            message: Some(self.id),
            recipient: Some(Marked::join(recipients.clone(), ", ")),
            detail: Some(Marked::plain(detail)),
            usage: Some(self.usage(header)),
            ..self.witness.event(now, EventKind::Accepted)
        }];
        for (accepted, recipient) in self.recipients.iter().zip(recipients) {
            let (kind, reason) = match &accepted.way {
                Way::Mailbox(_) => (EventKind::Delivered, None),
                Way::Held(reason) => (EventKind::Held, Some(reason.code().to_owned())),
                Way::Space(_) | Way::Elsewhere | Way::Back(_) => continue,
            };
            let event = self.witness.event(now, kind);
            let detail = accepted.rule.map(|rule| Marked::plain(format!("rule {rule}")));
            events.push(Event { message: Some(self.id), recipient: Some(recipient), reason, detail, ..event });
        }
        events
    }
}

impl Transaction {
    /// As what it is counted.
    fn usage(&self, header: &HeaderFacts) -> Usage {
        let DocumentHeaders { codes, ins, product } = &header.documents.headers;
        let usage = Usage {
            report: header.thread.report.map(|report| match report {
                ReportKind::DispositionNotification => ReportClass::Mdn,
                ReportKind::DeliveryStatus => ReportClass::Dsn,
            }),
            to_patients: self.recipients.iter().any(|to| to.recipient.address.ins().is_some()),
            xdm: self.examined.documents.has_archive,
            ..Usage::default()
        };
        usage.with_fields(codes.as_deref(), ins.as_deref(), product.as_deref())
    }
}

/// Where a message that comes again is looked for.
fn target(way: &Way, row: QueueId) -> Option<Target> {
    match way {
        Way::Mailbox(mailbox) => Some(Target::Mailbox(*mailbox)),
        Way::Back(_) | Way::Held(_) | Way::Elsewhere => Some(Target::Row(row)),
        Way::Space(_) => None,
    }
}

fn expiry(now: Timestamp, lifetime: std::time::Duration) -> Timestamp {
    let lifetime = SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX);
    now.checked_add(lifetime).unwrap_or(Timestamp::MAX)
}
