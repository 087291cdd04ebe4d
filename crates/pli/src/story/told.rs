//! [`Told`]: all that is known of one message.

use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_store::{Party, Store, StoreError, Story};
use pli_types::{MessageId, Span};
use serde_json::{Map, Value, json};

use crate::admin::Sight;
use crate::output::SCHEMA_VERSION;

/// A message, what became of it, and what is on record about it.
pub(crate) struct Told {
    pub(crate) message: MessageId,
    /// None of a message from before there were stories.
    pub(crate) story: Option<Story>,
    pub(crate) events: Vec<Event<String>>,
}

impl Told {
    /// Of this message; none if there was none, or its story is no longer kept at `now`.
    pub(crate) async fn of(
        store: &dyn Store,
        message: MessageId,
        kept: Span,
        now: Timestamp,
        sight: &Sight,
    ) -> Result<Option<Self>, StoreError> {
        if let Some(story) = store.story(message).await? {
            return Self::of_story(store, story, sight).await.map(Some);
        }
        let events = events(store, message, sight).await?;
        // The record outlives the story, and tells nobody here of it.
        let forgotten = |event: &Event<String>| {
            let at: Option<Timestamp> = event.at.parse().ok();
            at.is_none_or(|at| now.duration_since(at).unsigned_abs() > kept.get())
        };
        let kept = events.first().is_some_and(|first| !forgotten(first));
        Ok(kept.then_some(Self { message, story: None, events }))
    }

    /// Of the message of this story.
    pub(crate) async fn of_story(store: &dyn Store, known: Story, sight: &Sight) -> Result<Self, StoreError> {
        let events = events(store, known.message, sight).await?;
        Ok(Self { message: known.message, story: Some(known), events })
    }

    /// What its sender is shown: what became of it and why, and nothing of other servers or readers.
    pub(super) fn for_its_sender(self) -> Self {
        let shown = |event: Event<String>| Event { actor: None, remote: None, detail: None, mailbox: None, ..event };
        Self { events: self.events.into_iter().map(shown).collect(), ..self }
    }

    fn accepted(&self) -> Option<&Event<String>> {
        self.events.iter().find(|event| event.kind == EventKind::Accepted)
    }

    /// The address of a party as the record has it: the accepted event names all, in the order of the envelope.
    pub(crate) fn recipient(&self, party: &Party) -> Option<&str> {
        let all = self.accepted()?.recipient.as_deref()?;
        all.split(", ").nth(usize::try_from(party.number).ok()?)
    }

    fn parties(&self) -> impl Iterator<Item = &Party> {
        self.story.iter().flat_map(|story| &story.parties)
    }

    /// A party, as a row.
    fn party(&self, party: &Party) -> Map<String, Value> {
        object(&json!({
            "number": party.number,
            "recipient": self.recipient(party),
            "state": party.state.as_str(),
            "since": party.since.to_string(),
            "code": party.code,
        }))
    }

    /// Its parties, a row each.
    pub(crate) fn party_rows(&self) -> Vec<Map<String, Value>> {
        self.parties().map(|party| self.party(party)).collect()
    }

    /// The same, each with what is said of the message too; one row if it has no parties.
    pub(crate) fn rows(&self) -> Vec<Map<String, Value>> {
        let about = self.about();
        let mut rows: Vec<_> = self.party_rows();
        if rows.is_empty() {
            rows.push(Map::new());
        }
        rows.into_iter().map(|row| about.clone().into_iter().chain(row).collect()).collect()
    }

    fn about(&self) -> Map<String, Value> {
        let story = self.story.as_ref();
        object(&json!({
            "schema_version": SCHEMA_VERSION,
            "message": self.message.to_string(),
            "accepted_at": story.map(|story| story.accepted_at.to_string()),
            "ended_at": story.and_then(|story| story.ended_at).map(|at| at.to_string()),
            "sender": self.accepted().and_then(|event| event.sender.clone()),
        }))
    }

    /// The message and what became of it, as one object.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let parties = self.party_rows().into_iter().map(Value::Object).collect();
        self.about().into_iter().chain([("parties".to_owned(), Value::Array(parties))]).collect()
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// What is on record about a message, in order.
async fn events(store: &dyn Store, message: MessageId, sight: &Sight) -> Result<Vec<Event<String>>, StoreError> {
    let events = store.events_of(message).await?.into_iter().filter(|event| is_traced(event.kind));
    Ok(events.map(|event| event.map(|text| sight.marked(&text))).collect())
}

/// The events of a message's own life. Others that name it (deleting it from a mailbox) are the audit's.
fn is_traced(kind: EventKind) -> bool {
    match kind {
        EventKind::Accepted
        | EventKind::Refused
        | EventKind::Delivered
        | EventKind::Relayed
        | EventKind::Deferred
        | EventKind::Failed
        | EventKind::Reported
        | EventKind::Opened
        | EventKind::Held
        | EventKind::Released
        | EventKind::Dropped
        | EventKind::Integrated
        | EventKind::Overdue
        | EventKind::Duplicate => true,
        EventKind::SignedIn
        | EventKind::SignInFailed
        | EventKind::Deleted
        | EventKind::Changed
        | EventKind::Revealed
        | EventKind::Asked
        | EventKind::Erased
        | EventKind::Pruned
        | EventKind::Fetched
        | EventKind::Added
        | EventKind::Copied
        | EventKind::Moved => false,
    }
}
