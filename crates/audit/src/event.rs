//! [`Event`] and its encoding, versioned: old versions are never changed.

use pli_types::MessageId;
use serde::{Deserialize, Serialize};

use crate::bundle::ENTRY_BYTES_MAX;

/// The encoding's version, the first member of every encoded event.
pub const VERSION: u32 = 1;

/// To how many bytes each text of an event is cut that would be no entry otherwise. `…` is put behind it.
pub const TEXT_BYTES_MAX: usize = 1000;

/// Through which door it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Face {
    /// The operators' listener.
    Smtp,
    /// The submission listeners.
    Submission,
    /// The IMAP listeners.
    Imap,
    /// The queue's own work.
    Delivery,
    /// The command line.
    Cli,
    /// The node's own work beside mail: the trust list.
    Node,
    /// The HTTPS listener: what programs bring, and what senders ask.
    Http,
}

/// What happened. The names are those of `pli message trace` where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A message was taken in.
    Accepted,
    /// A command or a message was refused.
    Refused,
    /// A message was put into a mailbox here.
    Delivered,
    /// A message was taken by the next server.
    Relayed,
    /// A try failed; there will be another.
    Deferred,
    /// The last try failed.
    Failed,
    /// The sender was told.
    Reported,
    /// Someone signed in.
    SignedIn,
    /// Someone failed to sign in.
    SignInFailed,
    /// A message was read (R-TRC-1).
    Opened,
    /// Messages were removed from a mailbox (R-TRC-3).
    Deleted,
    /// An admin changed something.
    Changed,
    /// An admin was shown health identifiers in clear. It is on record before he is.
    Revealed,
    /// A message waits for an admin to decide on it.
    Held,
    /// An admin let a held message go on.
    Released,
    /// An admin gave a held message back to its sender.
    Dropped,
    /// A recipient's program has processed a message.
    Integrated,
    /// A recipient has not done in time what a deadline asks.
    Overdue,
    /// A message came again; a recipient who has it was left out.
    Duplicate,
    /// Someone who is signed in asked what became of his messages.
    Asked,
}

impl EventKind {
    /// All of them, in the order in which they came to be. New ones are added at the end.
    pub const ALL: &'static [Self] = &[
        Self::Accepted,
        Self::Refused,
        Self::Delivered,
        Self::Relayed,
        Self::Deferred,
        Self::Failed,
        Self::Reported,
        Self::SignedIn,
        Self::SignInFailed,
        Self::Opened,
        Self::Deleted,
        Self::Changed,
        Self::Revealed,
        Self::Held,
        Self::Released,
        Self::Dropped,
        Self::Integrated,
        Self::Overdue,
        Self::Duplicate,
        Self::Asked,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Reported => "reported",
            Self::SignedIn => "signed-in",
            Self::SignInFailed => "sign-in-failed",
            Self::Opened => "opened",
            Self::Deleted => "deleted",
            Self::Changed => "changed",
            Self::Revealed => "revealed",
            Self::Held => "held",
            Self::Released => "released",
            Self::Dropped => "dropped",
            Self::Integrated => "integrated",
            Self::Overdue => "overdue",
            Self::Duplicate => "duplicate",
            Self::Asked => "asked",
        }
    }
}

/// One thing that happened (R-TRC-1): when, who, from where, what, and the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The encoding's version.
    pub version: u32,
    /// When, UTC, RFC 3339.
    pub at: String,
    /// What.
    pub kind: EventKind,
    /// Through which door.
    pub face: Face,
    /// Which message, if it is about one that has been given an id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<MessageId>,
    /// Who: an account's name, a certificate's subject, a uid. Masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<String>,
    /// From where: an IP address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remote: Option<String>,
    /// The sender, masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sender: Option<String>,
    /// The recipient, masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recipient: Option<String>,
    /// The stable code of the reason, if something was refused or put off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What else an admin needs: the next server and its words, scrubbed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Which mailbox, masked: where several people read one mailbox, the actor is who of them it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mailbox: Option<String>,
}

impl Event {
    /// An event with nothing but its time, kind and door; the rest is filled in with struct update.
    #[must_use]
    pub fn new(at: jiff::Timestamp, kind: EventKind, face: Face) -> Self {
        Self {
            version: VERSION,
            at: at.to_string(),
            kind,
            face,
            message: None,
            actor: None,
            remote: None,
            sender: None,
            recipient: None,
            reason: None,
            detail: None,
            mailbox: None,
        }
    }

    /// The bytes that are kept: JSON with the members in the order of this page. They are an entry of the record, which
    /// has 65,535 bytes at most (`crate::bundle`): in an event that would be longer, each text is cut first, to
    /// [`TEXT_BYTES_MAX`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // A struct of strings always encodes; an empty row would be found at once by `decode`.
        let whole = serde_json::to_vec(self).unwrap_or_default();
        if whole.len() <= ENTRY_BYTES_MAX { whole } else { serde_json::to_vec(&self.cut()).unwrap_or_default() }
    }

    /// The event with every text short enough that all of them, written in JSON's longest way (six bytes for one), are
    /// an entry.
    fn cut(&self) -> Self {
        let mut event = self.clone();
        let Self { at, actor, remote, sender, recipient, reason, detail, mailbox, .. } = &mut event;
        let texts = [actor, remote, sender, recipient, reason, detail, mailbox].into_iter().flatten();
        for text in texts.chain([at]).filter(|text| text.len() > TEXT_BYTES_MAX) {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            text.push('…');
        }
        event
    }

    /// Back from the bytes. A member that this version does not know is passed over: a newer one may have written it.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept in stores today. A line here may be added to, never changed: old records must stay readable, and
    /// once sealed their bytes are what is proven.
    const VECTORS: &[(EventKind, &str)] = &[
        (EventKind::Accepted, r#""kind":"accepted""#),
        (EventKind::Refused, r#""kind":"refused""#),
        (EventKind::Delivered, r#""kind":"delivered""#),
        (EventKind::Relayed, r#""kind":"relayed""#),
        (EventKind::Deferred, r#""kind":"deferred""#),
        (EventKind::Failed, r#""kind":"failed""#),
        (EventKind::Reported, r#""kind":"reported""#),
        (EventKind::SignedIn, r#""kind":"signed-in""#),
        (EventKind::SignInFailed, r#""kind":"sign-in-failed""#),
        (EventKind::Opened, r#""kind":"opened""#),
        (EventKind::Deleted, r#""kind":"deleted""#),
        (EventKind::Changed, r#""kind":"changed""#),
        (EventKind::Revealed, r#""kind":"revealed""#),
        (EventKind::Held, r#""kind":"held""#),
        (EventKind::Released, r#""kind":"released""#),
        (EventKind::Dropped, r#""kind":"dropped""#),
        (EventKind::Integrated, r#""kind":"integrated""#),
        (EventKind::Overdue, r#""kind":"overdue""#),
        (EventKind::Duplicate, r#""kind":"duplicate""#),
        (EventKind::Asked, r#""kind":"asked""#),
    ];

    fn at() -> jiff::Timestamp {
        "2026-03-14T12:00:00.25Z".parse().unwrap()
    }

    fn full(kind: EventKind) -> Event {
        Event {
            message: Some(MessageId::parse("0190a1b2c3d47e5f8a9b0c1d2e3f4a5b").unwrap()),
            actor: Some("CN=mss.exemple.fr,C=FR".into()),
            remote: Some("192.0.2.1".into()),
            sender: Some("dr.martin@clinique-voisine.mssante.fr".into()),
            recipient: Some("ins-1a2b3c4d@patient.mssante.fr".into()),
            reason: Some("mailbox-full".into()),
            detail: Some("mx.exemple.fr[192.0.2.2]:25: \"452\" é".into()),
            ..Event::new(at(), kind, Face::Smtp)
        }
    }

    #[test]
    fn the_bytes_of_every_kind_are_pinned() {
        assert_eq!(VECTORS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), EventKind::ALL);
        for (kind, member) in VECTORS {
            let expected = format!(
                concat!(
                    r#"{{"version":1,"at":"2026-03-14T12:00:00.25Z",{member},"face":"smtp","#,
                    r#""message":"0190a1b2c3d47e5f8a9b0c1d2e3f4a5b","actor":"CN=mss.exemple.fr,C=FR","#,
                    r#""remote":"192.0.2.1","sender":"dr.martin@clinique-voisine.mssante.fr","#,
                    r#""recipient":"ins-1a2b3c4d@patient.mssante.fr","reason":"mailbox-full","#,
                    r#""detail":"mx.exemple.fr[192.0.2.2]:25: \"452\" é"}}"#,
                ),
                member = member
            );
            let event = full(*kind);
            assert_eq!(String::from_utf8(event.encode()).unwrap(), expected);
            assert_eq!(Event::decode(expected.as_bytes()).unwrap(), event);
        }
    }

    #[test]
    fn members_that_say_nothing_are_left_out() {
        for (face, name) in [
            (Face::Smtp, "smtp"),
            (Face::Submission, "submission"),
            (Face::Imap, "imap"),
            (Face::Delivery, "delivery"),
            (Face::Cli, "cli"),
            (Face::Node, "node"),
            (Face::Http, "http"),
        ] {
            let expected =
                format!(r#"{{"version":1,"at":"2026-03-14T12:00:00.25Z","kind":"refused","face":"{name}"}}"#);
            let event = Event::new(at(), EventKind::Refused, face);
            assert_eq!(String::from_utf8(event.encode()).unwrap(), expected);
            assert_eq!(Event::decode(expected.as_bytes()).unwrap(), event);
        }
    }

    #[test]
    fn a_mailbox_is_the_last_member() {
        let expected = concat!(
            r#"{"version":1,"at":"2026-03-14T12:00:00.25Z","kind":"opened","face":"imap","actor":"j.dupont","#,
            r#""mailbox":"urgences@hopital.mssante.fr"}"#,
        );
        let event = Event {
            actor: Some("j.dupont".into()),
            mailbox: Some("urgences@hopital.mssante.fr".into()),
            ..Event::new(at(), EventKind::Opened, Face::Imap)
        };
        assert_eq!(String::from_utf8(event.encode()).unwrap(), expected);
        assert_eq!(Event::decode(expected.as_bytes()).unwrap(), event);
    }

    #[test]
    fn a_kind_has_one_name_in_the_record_and_on_the_screen() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
    }

    #[test]
    fn no_event_is_too_long_for_an_entry() {
        // Control characters take six bytes each in JSON.
        for hostile in ["\u{1}", "é", "\u{1f600}"] {
            let text = Some(hostile.repeat(20_000));
            let event = Event {
                actor: text.clone(),
                remote: text.clone(),
                sender: text.clone(),
                recipient: text.clone(),
                reason: text.clone(),
                detail: text.clone(),
                mailbox: text,
                ..full(EventKind::Refused)
            };
            let bytes = event.encode();
            assert!(bytes.len() <= ENTRY_BYTES_MAX, "{}", bytes.len());
            let read = Event::decode(&bytes).unwrap();
            assert_eq!((read.at, read.message), (event.at, event.message));
            let kept = hostile.repeat(TEXT_BYTES_MAX / hostile.len());
            assert_eq!(read.detail, Some(format!("{kept}…")));
        }
    }

    #[test]
    fn an_event_that_fits_is_kept_whole() {
        let event = Event { detail: Some("a".repeat(60_000)), ..full(EventKind::Refused) };
        assert_eq!(Event::decode(&event.encode()).unwrap(), event);
    }

    #[test]
    fn what_is_not_an_event_is_not_decoded() {
        for bad in ["", "{}", "null", r#"{"version":1,"at":"2026-03-14T12:00:00Z","kind":"forgotten","face":"smtp"}"#] {
            assert!(Event::decode(bad.as_bytes()).is_err(), "{bad}");
        }
        let newer = r#"{"version":1,"at":"2026-03-14T12:00:00Z","kind":"opened","face":"imap","folder":"INBOX"}"#;
        assert_eq!(Event::decode(newer.as_bytes()).unwrap().kind, EventKind::Opened);
    }
}
