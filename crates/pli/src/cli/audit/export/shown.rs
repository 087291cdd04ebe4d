//! [`Shown`]: an entry as it is handed out; and [`House`], whose record it is of.

use pli_audit::{Event, EventKind};
use pli_types::{Marked, Piece};

use crate::admin::Sight;

/// Whose record it is.
#[derive(Debug, Clone)]
pub(super) struct House {
    /// The node's name.
    pub(super) host: String,
    /// The record's.
    pub(super) record: String,
    /// The operator's private enterprise number.
    pub(super) enterprise: u32,
}

/// An entry, with health identifiers as whoever asks may see them.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) index: u64,
    pub(super) event: Event<String>,
    /// The persons that it names, each once.
    pub(super) persons: Vec<String>,
}

impl Shown {
    pub(super) fn new(index: u64, event: Event, sight: &Sight) -> Self {
        let mut persons = Vec::new();
        let event = event.map(|text| {
            for piece in text.pieces().iter().filter(|piece| !matches!(piece, Piece::Plain(_))) {
                let person = sight.marked(&Marked::from_pieces([piece.clone()]));
                if !persons.contains(&person) {
                    persons.push(person);
                }
            }
            sight.marked(&text)
        });
        Self { index, event, persons }
    }

    /// What can be said of it by name, in the order in which people read it.
    pub(super) fn members(&self) -> [(&'static str, Option<String>); 13] {
        let event = self.event.clone();
        [
            ("at", Some(event.at.clone())),
            ("local", event.local()),
            ("event", Some(event.kind.as_str().to_owned())),
            ("face", Some(event.face.as_str().to_owned())),
            ("message", self.message()),
            ("actor", event.actor),
            ("remote", event.remote),
            ("sender", event.sender),
            ("recipient", event.recipient),
            ("mailbox", event.mailbox),
            ("reason", event.reason),
            ("count", event.count.map(|count| count.to_string())),
            ("detail", event.detail),
        ]
    }

    /// The message that it is about.
    pub(super) fn message(&self) -> Option<String> {
        self.event.message.map(|message| message.to_string())
    }
}

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Not now, or not this time.
    NotYet,
    /// Not at all.
    Not,
}

/// How it ended, as its kind tells. A kind that is done may have a reason against it: a program that could not read what it
/// has fetched says so.
pub(super) fn outcome<T>(event: &Event<T>) -> Outcome {
    match event.kind {
        EventKind::Deferred | EventKind::Held | EventKind::Overdue | EventKind::SignInFailed => Outcome::NotYet,
        EventKind::Refused | EventKind::Failed | EventKind::Dropped => Outcome::Not,
        EventKind::Integrated if event.reason.is_some() => Outcome::Not,
        EventKind::Accepted
        | EventKind::Delivered
        | EventKind::Relayed
        | EventKind::Reported
        | EventKind::SignedIn
        | EventKind::Opened
        | EventKind::Deleted
        | EventKind::Changed
        | EventKind::Revealed
        | EventKind::Released
        | EventKind::Integrated
        | EventKind::Duplicate
        | EventKind::Asked
        | EventKind::Erased
        | EventKind::Pruned
        | EventKind::Fetched
        | EventKind::Added
        | EventKind::Copied
        | EventKind::Moved => Outcome::Done,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use pli_audit::Face;
    use pli_types::{Masker, MessageId};

    use super::*;

    pub(in super::super) const INS: &str = "279035121518989";

    pub(in super::super) fn house() -> House {
        House {
            host: "mss.example.org".to_owned(),
            record: "mss.example.org/audit".to_owned(),
            enterprise: crate::syslog::ENTERPRISE_OF_EXAMPLES,
        }
    }

    /// An event with everything in it that may trouble a reader.
    pub(in super::super) fn event(kind: EventKind) -> Event {
        let at = "2026-03-14T12:00:00.25Z".parse().unwrap();
        Event {
            message: Some(MessageId::from_bytes([9; 16])),
            actor: Some(Marked::plain("=HYPERLINK(\"x\")")),
            remote: Some("2001:db8::1".to_owned()),
            sender: Some(Marked::text("dr.martin@exemple.mssante.fr")),
            recipient: Some(Marked::text(&format!("{INS}@patient.mssante.fr, b@exemple.mssante.fr"))),
            reason: Some("peer-unreachable".to_owned()),
            offset: Some("+01:00".to_owned()),
            count: Some(12),
            detail: Some(Marked::plain("550 <no>; \"é\" & ]]>\r\n\u{1b}[2J\u{0}\u{fffe}")),
            mailbox: Some(Marked::plain("équipe@exemple.mssante.fr")),
            ..Event::new(at, kind, Face::Delivery)
        }
    }

    pub(in super::super) fn shown(kind: EventKind) -> Shown {
        Shown::new(7, event(kind), &Sight::masked(Masker::new(&[1; 32])))
    }

    #[test]
    fn persons_are_told_as_they_may_be_seen() {
        let masked = shown(EventKind::Deferred);
        assert_eq!(masked.persons.len(), 1);
        assert!(masked.persons[0].starts_with("ins-"), "{masked:?}");
        assert!(!format!("{masked:?}").contains(INS));
        let clear = Shown::new(7, event(EventKind::Deferred), &Sight::in_clear(Masker::new(&[1; 32])));
        assert_eq!(clear.persons, [INS]);
        assert!(clear.event.recipient.unwrap().starts_with(INS));
    }
}
