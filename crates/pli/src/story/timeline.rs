//! A message's timeline: for people by recipient, for programs in the order of time.

use pli_audit::Event;
use serde_json::{Map, Value, json};

use super::told::Told;
use crate::output::{Format, Listing};

impl Told {
    /// All of it.
    pub(crate) fn print(&self, format: Format) -> String {
        match format {
            Format::Table => self.page(),
            Format::Csv => {
                let columns = &[
                    "at",
                    "event",
                    "reason",
                    "detail",
                    "face",
                    "actor",
                    "remote",
                    "sender",
                    "recipient",
                    "mailbox",
                    "local",
                    "count",
                ];
                format.list(&Listing { columns, rows: self.events.iter().map(members).collect() })
            }
            Format::Json | Format::Jsonl => format.object(&self.whole()),
        }
    }

    /// All of it, as one object.
    pub(crate) fn whole(&self) -> Map<String, Value> {
        let events = self.events.iter().map(|event| Value::Object(members(event))).collect();
        self.members().into_iter().chain([("events".to_owned(), Value::Array(events))]).collect()
    }

    /// What became of it, without what happened on the way.
    pub(crate) fn print_parties(&self, format: Format) -> String {
        match format {
            Format::Table => format!("message {}\n\n{}", self.message, self.states()),
            Format::Csv => {
                let columns = &["message", "accepted_at", "sender", "recipient", "state", "since", "code"];
                format.list(&Listing { columns, rows: self.rows() })
            }
            Format::Json | Format::Jsonl => format.object(&self.members()),
        }
    }

    fn states(&self) -> String {
        let columns = &["recipient", "state", "since", "code"];
        Format::Table.list(&Listing { columns, rows: self.party_rows() })
    }

    /// The states first, then what happened to all of it, then what happened on the way to each recipient.
    fn page(&self) -> String {
        let mut page = format!("message {}\n\n", self.message);
        let recipients: Vec<&str> = match &self.story {
            Some(story) => story.parties.iter().filter_map(|party| self.recipient(party)).collect(),
            None => Vec::new(),
        };
        if !recipients.is_empty() {
            page += &self.states();
            page.push('\n');
        }
        let is_of = |event: &Event<String>, recipient: &str| event.recipient.as_deref() == Some(recipient);
        // With one recipient all of it is his.
        let alone = recipients.len() < 2;
        let of_all = self.events.iter().filter(|event| alone || !recipients.iter().any(|one| is_of(event, one)));
        let columns = &["at", "event", "recipient", "reason", "detail"];
        page += &Format::Table.list(&Listing { columns, rows: of_all.map(members).collect() });
        for recipient in recipients.iter().filter(|_| !alone) {
            let his: Vec<_> = self.events.iter().filter(|event| is_of(event, recipient)).map(members).collect();
            if !his.is_empty() {
                let columns = &["at", "event", "reason", "detail"];
                page += &["\n", *recipient, "\n", &Format::Table.list(&Listing { columns, rows: his })].concat();
            }
        }
        page
    }
}

/// One event, as it is shown wherever one is.
pub(crate) fn members(event: &Event<String>) -> Map<String, Value> {
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
        "local": event.local(),
        "count": event.count,
    });
    members.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pli_audit::{EventKind, Face};
    use pli_store::{Party, PartyState, Story};
    use pli_types::{LookupKey, MessageId};

    use super::*;

    fn told(recipients: &[&str]) -> Told {
        let at = |second: i64| jiff::Timestamp::from_second(1_795_348_800 + second).unwrap();
        let accepted =
            Event { recipient: Some(recipients.join(", ")), ..Event::new(at(0), EventKind::Accepted, Face::Smtp) };
        let deferred = Event {
            recipient: recipients.first().map(|one| (*one).to_owned()),
            reason: Some("peer-unreachable".to_owned()),
            detail: Some("mx.b.fr: no answer\u{1b}[2J".to_owned()),
            remote: Some("192.0.2.1".to_owned()),
            ..Event::new(at(1), EventKind::Deferred, Face::Delivery)
        };
        let party = |number| Party {
            number,
            recipient: LookupKey::from_bytes([1; 16]),
            state: PartyState::Accepted,
            since: at(0),
            code: None,
        };
        let story = Story {
            message: MessageId::from_bytes([9; 16]),
            accepted_at: at(0),
            sender: Some(LookupKey::from_bytes([7; 16])),
            ended_at: None,
            parties: (0..).take(recipients.len()).map(party).collect(),
        };
        Told { message: story.message, story: Some(story), events: vec![accepted, deferred] }
    }

    #[test]
    fn a_trace_has_the_shape_of_the_contract() {
        let parsed: Value = serde_json::from_str(&told(&["a@b.fr"]).print(Format::Json)).unwrap();
        assert_eq!(parsed["schema_version"], 1);
        assert_eq!(parsed["message"], "09".repeat(16));
        assert_eq!(parsed["events"][0]["at"], "2026-11-22T12:00:00Z");
        assert_eq!(parsed["events"][0]["event"], "accepted");
        assert_eq!(parsed["events"][0]["reason"], Value::Null);
        assert_eq!(parsed["events"][1]["reason"], "peer-unreachable");
        assert_eq!(parsed["events"][1]["face"], "delivery");
        assert_eq!(parsed["parties"][0]["recipient"], "a@b.fr");
        assert_eq!(parsed["parties"][0]["state"], "accepted");
    }

    #[test]
    fn a_timeline_is_read_from_top_to_bottom() {
        let text = told(&["a@b.fr"]).print(Format::Table);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("message {}", "09".repeat(16)));
        assert!(lines[3].starts_with("a@b.fr ") && lines[3].contains("accepted"), "{text}");
        assert!(lines[5].starts_with("AT "), "{text}");
        assert!(lines[6].contains("accepted"), "{text}");
        assert!(lines[7].contains("deferred") && lines[7].ends_with("mx.b.fr: no answer\\u{1b}[2J"), "{text}");
    }

    #[test]
    fn what_happened_on_the_way_to_each_recipient_stands_together() {
        let text = told(&["a@b.fr", "c@d.fr"]).print(Format::Table);
        let (before, his) = text.split_once("\n\na@b.fr\n").unwrap();
        assert!(before.contains("a@b.fr, c@d.fr") && !before.contains("deferred"), "{text}");
        assert!(his.contains("deferred"), "{text}");
    }

    #[test]
    fn a_sender_sees_no_server() {
        let shown = told(&["a@b.fr"]).for_its_sender().print(Format::Json);
        assert!(shown.contains("peer-unreachable"), "{shown}");
        assert!(!shown.contains("mx.b.fr") && !shown.contains("192.0.2.1"), "{shown}");
    }
}
