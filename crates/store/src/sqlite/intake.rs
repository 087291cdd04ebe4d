//! [`Intake`]: a new message as rows, made by the caller so that the writer only has to insert them.

use std::sync::Arc;

use pli_audit::{Draft, Event, EventKind};
use pli_types::clock::local_offset;
use pli_types::{DsnNotify, MailboxId, Marked, MessageId, QueueId, Recipient};
use uuid::Uuid;

use super::arrivals::ArrivalRows;
use super::contact_turns::TurnRow;
use super::flags::keywords_text;
use super::received::CorrespondenceRow;
use super::rows::{micros, size};
use super::story_steps::StoryRow;
use super::watches::WatchRow;
use crate::seal::{FileGuard, KeyId, Staged, StagedContent};
use crate::{Held, NewEntry, NewMessage, Relay, ReportedState, Result, Returned, StoreError};

/// A row of `messages`.
pub(super) struct MessageRow {
    pub(super) id: [u8; 16],
    pub(super) accepted_at: i64,
    pub(super) sender: Option<String>,
    pub(super) parameters: Option<String>,
    pub(super) size: i64,
    pub(super) key_id: KeyId,
    pub(super) wrapped_key: Vec<u8>,
    pub(super) content: StagedContent,
    /// [`crate::Arrival::key`], if a recipient may yet turn out not to get it.
    pub(super) arrival: Option<[u8; 32]>,
}

impl MessageRow {
    /// The sealed body, if it goes into the row.
    pub(super) fn body(&self) -> Option<&[u8]> {
        match &self.content {
            StagedContent::Memory(body) => Some(body),
            StagedContent::File(_) => None,
        }
    }

    /// The file that naming the row names too.
    pub(super) fn file(&self) -> Option<&Arc<FileGuard>> {
        match &self.content {
            StagedContent::Memory(_) => None,
            StagedContent::File(file) => Some(file),
        }
    }
}

/// A row of `queue`.
#[derive(Clone)]
pub(super) struct RelayRow {
    pub(super) id: [u8; 16],
    pub(super) recipient: String,
    pub(super) notify: i64,
    pub(super) orcpt: Option<String>,
    pub(super) destination: String,
    /// When it may first be claimed.
    pub(super) due_at: i64,
    pub(super) expires_at: i64,
    pub(super) returned: Option<String>,
    pub(super) held: Option<String>,
}

/// A row of `audit`.
#[derive(Clone)]
pub(super) struct AuditRow {
    pub(super) message: Option<[u8; 16]>,
    pub(super) kind: EventKind,
    pub(super) recipient: Option<Marked>,
    /// What is kept, but for the seals.
    pub(super) draft: Draft,
}

/// Audit rows of one caller, in order.
pub(super) type AuditRows = Arc<[AuditRow]>;

pub(super) fn audit_rows(events: &[Event]) -> AuditRows {
    let row = |event: &Event| AuditRow {
        message: event.message.map(|id| *id.as_bytes()),
        kind: event.kind,
        recipient: event.recipient.clone(),
        draft: draft(event),
    };
    events.iter().map(row).collect()
}

/// The event's draft, with the local time of where it is written (R-TRC-8).
fn draft(event: &Event) -> Draft {
    // 16 bytes of which 122 bits are random.
    let draft = Draft::new(event, Uuid::new_v4().into_bytes());
    match event.at.parse() {
        Ok(at) => draft.at_offset(|| local_offset(at)),
        Err(_) => draft,
    }
}

/// What is recorded of a change to these messages: an event that names none stands for each of them, and one that names
/// another is left out.
pub(super) fn audit_rows_of(events: &[Event], messages: &[MessageId]) -> AuditRows {
    let mut all = Vec::new();
    for event in events {
        match event.message {
            None => all.extend(messages.iter().map(|id| Event { message: Some(*id), ..event.clone() })),
            Some(named) if messages.contains(&named) => all.push(event.clone()),
            Some(_) => {}
        }
    }
    audit_rows(&all)
}

/// A [`NewMessage`] as rows.
pub(super) struct Intake {
    /// None if nobody gets it: then only its record is kept.
    pub(super) message: Option<Arc<MessageRow>>,
    pub(super) deliveries: Vec<MailboxId>,
    /// Of its entries: as they are kept.
    pub(super) keywords: Option<String>,
    pub(super) relays: Vec<RelayRow>,
    pub(super) turns: Vec<TurnRow>,
    pub(super) correspondence: Option<CorrespondenceRow>,
    pub(super) audit: AuditRows,
    /// By what it is known again.
    pub(super) arrival: Option<ArrivalRows>,
    pub(super) story: Option<StoryRow>,
    pub(super) reported: Vec<ReportedState>,
    pub(super) watches: Vec<WatchRow>,
}

impl Intake {
    pub(super) fn new(new: NewMessage) -> Result<Self> {
        let parameters = serde_json::to_string(&new.parameters).map_err(|error| StoreError::Unavailable {
            what: "an envelope could not be written down",
            full: false,
            source: Some(error.into()),
        })?;
        let mut deliveries: Vec<MailboxId> = Vec::with_capacity(new.deliveries.len());
        for mailbox in new.deliveries {
            // Two addresses of one mailbox: it gets the message once.
            if !deliveries.contains(&mailbox) {
                deliveries.push(mailbox);
            }
        }
        let accepted_at = micros(new.accepted_at);
        let relays = new.relays.iter().map(|relay| relay_row(relay, accepted_at));
        let returns = new.returns.iter().map(|returned| returned_row(returned, accepted_at));
        let held = new.held.iter().map(|held| held_row(held, accepted_at));
        let relays: Vec<_> = relays.chain(returns).chain(held).collect();
        let story = new.story.as_ref().map(|story| StoryRow::new(new.id, accepted_at, story, &relays));
        let watches = new.watches.iter().filter_map(|watch| WatchRow::new(watch, &new.sender)).collect();
        let mut message = message_row(new.body.inner, new.id, accepted_at)?;
        message.sender = Some(new.sender.reveal());
        message.parameters = Some(parameters);
        let arrival = new.arrival.map(|arrival| ArrivalRows::new(arrival, &relays));
        message.arrival = arrival.as_ref().map(|arrival| arrival.key).filter(|_| !relays.is_empty());
        let wanted = !(deliveries.is_empty() && relays.is_empty());
        Ok(Self {
            message: wanted.then(|| Arc::new(message)),
            deliveries,
            keywords: keywords_text(&new.keywords),
            relays,
            turns: new.contacts.iter().map(TurnRow::new).collect(),
            correspondence: new.correspondence.as_ref().map(CorrespondenceRow::new),
            audit: audit_rows(&new.audit),
            arrival,
            story,
            reported: new.reported,
            watches,
        })
    }
}

/// The row of a message that its holder puts into a folder: it has no envelope.
pub(super) fn entry_message(new: NewEntry) -> Result<MessageRow> {
    message_row(new.body.inner, new.id, micros(new.internal_date))
}

fn message_row(body: Staged, id: MessageId, accepted_at: i64) -> Result<MessageRow> {
    // The seal holds for this id only: under another one the body could never be read.
    if body.message != id {
        return Err(StoreError::Conflict("the body was staged for another message"));
    }
    Ok(MessageRow {
        id: *id.as_bytes(),
        accepted_at,
        sender: None,
        parameters: None,
        size: size(body.size),
        key_id: body.key_id,
        wrapped_key: body.wrapped_key,
        content: body.content,
        arrival: None,
    })
}

pub(super) fn relay_row(relay: &Relay, accepted_at: i64) -> RelayRow {
    RelayRow {
        destination: relay.destination.as_str().to_owned(),
        expires_at: micros(relay.expires_at),
        ..queue_row(*relay.id.as_bytes(), &relay.recipient, accepted_at)
    }
}

/// Its time is over when it begins: nothing is tried, and the report does not wait.
fn returned_row(returned: &Returned, accepted_at: i64) -> RelayRow {
    RelayRow {
        returned: Some(returned.reason.clone()),
        ..queue_row(*returned.id.as_bytes(), &returned.recipient, accepted_at)
    }
}

/// Nobody turns to it before its time is over.
fn held_row(held: &Held, accepted_at: i64) -> RelayRow {
    let expires_at = micros(held.expires_at);
    RelayRow {
        due_at: expires_at,
        expires_at,
        held: Some(held.reason.clone()),
        ..queue_row(*held.id.as_bytes(), &held.recipient, accepted_at)
    }
}

/// A row for this recipient, due and over when it was taken in.
fn queue_row(id: [u8; 16], recipient: &Recipient, accepted_at: i64) -> RelayRow {
    RelayRow {
        id,
        recipient: recipient.address.reveal(),
        notify: notify_bits(recipient.notify),
        orcpt: recipient.orcpt.clone(),
        destination: recipient.address.domain().as_str().to_owned(),
        due_at: accepted_at,
        expires_at: accepted_at,
        returned: None,
        held: None,
    }
}

impl RelayRow {
    pub(super) fn queue_id(&self) -> QueueId {
        QueueId::from_bytes(self.id)
    }
}

pub(super) fn notify_bits(notify: DsnNotify) -> i64 {
    i64::from(notify.success) | i64::from(notify.failure) << 1 | i64::from(notify.delay) << 2
}

pub(super) fn notify_from(bits: i64) -> DsnNotify {
    DsnNotify { success: bits & 1 != 0, failure: bits & 2 != 0, delay: bits & 4 != 0 }
}
