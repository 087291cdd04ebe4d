//! `pli message trace ID`.

use pli_audit::{Event, EventKind};
use pli_types::{MailAddress, MessageId};
use serde_json::{Map, Value, json};

use super::Globals;
use super::reading::{Reading, masker, read};
use super::reveal::{Reveal, Sight};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing, SCHEMA_VERSION};

/// What can be done with messages.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Tell what happened to a message; health identifiers are masked
    Trace {
        /// The message: the `id=` of the reply that accepted it
        id: String,
        #[command(flatten)]
        reveal: Reveal,
    },
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Trace { id, reveal } => {
            let sight = reveal.sight(globals, "message trace", Some(id.clone()), masker(globals)?)?;
            let story = read(globals, |reading| trace(reading, id, sight))?;
            output::print(&story.print(globals.format()))
        }
    }
}

/// What is on record about one message.
struct Story {
    message: MessageId,
    events: Vec<Event>,
}

async fn trace(reading: Reading, id: &str, sight: Sight) -> Result<Story, Failure> {
    let unknown = || Failure::told(Exit::NotFound, "message-unknown", &[("id", &id)]);
    let message = MessageId::parse(id).map_err(|_| unknown())?;
    let mut events = reading.store.events_of(message).await?;
    events.retain(|event| is_traced(event.kind));
    if events.is_empty() {
        return Err(unknown());
    }
    let known = addresses(&reading, message).await?;
    for event in &mut events {
        for text in [&mut event.sender, &mut event.recipient, &mut event.detail].into_iter().flatten() {
            *text = sight.recorded(text, &known);
        }
    }
    Ok(Story { message, events })
}

/// The record has addresses masked for ever. Those of a message are known in clear as long as it waits in the queue.
async fn addresses(reading: &Reading, message: MessageId) -> Result<Vec<MailAddress>, Failure> {
    let rows = reading.store.queue_rows(usize::MAX).await?;
    let of_message = rows.into_iter().filter(|row| row.message == message);
    Ok(of_message.flat_map(|row| row.sender.address().cloned().into_iter().chain([row.recipient])).collect())
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
        | EventKind::Revealed => false,
    }
}

impl Story {
    fn print(&self, format: Format) -> String {
        match format {
            Format::Table => {
                let columns = &["at", "event", "recipient", "reason", "detail"];
                let timeline = Listing { columns, rows: self.events.iter().map(members).collect() };
                format!("message {}\n\n{}", self.message, format.list(&timeline))
            }
            Format::Csv => {
                let columns =
                    &["at", "event", "reason", "detail", "face", "actor", "remote", "sender", "recipient", "mailbox"];
                format.list(&Listing { columns, rows: self.events.iter().map(members).collect() })
            }
            Format::Json | Format::Jsonl => {
                let events: Vec<Value> = self.events.iter().map(|event| Value::Object(members(event))).collect();
                let story = json!({
                    "schema_version": SCHEMA_VERSION,
                    "message": self.message.to_string(),
                    "events": events,
                });
                format.object(&story.as_object().cloned().unwrap_or_default())
            }
        }
    }
}

/// One event. Addresses went into the record masked.
fn members(event: &Event) -> Map<String, Value> {
    let members = json!({
        "at": event.at,
        "event": event.kind.as_str(),
        "reason": event.reason,
        "detail": event.detail,
        "face": event.face,
        "actor": event.actor,
        "remote": event.remote,
        "sender": event.sender,
        "recipient": event.recipient,
        "mailbox": event.mailbox,
    });
    members.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pli_audit::Face;

    use super::*;

    fn story() -> Story {
        let at = |second: i64| jiff::Timestamp::from_second(1_795_348_800 + second).unwrap();
        let accepted =
            Event { recipient: Some("a@b.fr".to_owned()), ..Event::new(at(0), EventKind::Accepted, Face::Smtp) };
        let deferred = Event {
            reason: Some("peer-unreachable".to_owned()),
            detail: Some("mx.b.fr: no answer\u{1b}[2J".to_owned()),
            ..Event::new(at(1), EventKind::Deferred, Face::Delivery)
        };
        Story { message: MessageId::from_bytes([9; 16]), events: vec![accepted, deferred] }
    }

    #[test]
    fn a_trace_has_the_shape_of_the_contract() {
        let parsed: Value = serde_json::from_str(&story().print(Format::Json)).unwrap();
        assert_eq!(parsed["schema_version"], 1);
        assert_eq!(parsed["message"], "09".repeat(16));
        assert_eq!(parsed["events"][0]["at"], "2026-11-22T12:00:00Z");
        assert_eq!(parsed["events"][0]["event"], "accepted");
        assert_eq!(parsed["events"][0]["reason"], Value::Null);
        assert_eq!(parsed["events"][1]["reason"], "peer-unreachable");
        assert_eq!(parsed["events"][1]["face"], "delivery");
    }

    #[test]
    fn a_timeline_is_read_from_top_to_bottom() {
        let text = story().print(Format::Table);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("message {}", "09".repeat(16)));
        assert!(lines[2].starts_with("AT "), "{text}");
        assert!(lines[3].contains("accepted"), "{text}");
        assert!(lines[4].contains("deferred") && lines[4].ends_with("mx.b.fr: no answer\\u{1b}[2J"), "{text}");
    }
}
