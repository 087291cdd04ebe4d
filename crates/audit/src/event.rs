//! [`Event`]: one thing that happened. Its bytes are [`crate::leaf`]'s.

use jiff::fmt::temporal::Pieces;
use pli_types::{Marked, MessageId};
use serde::{Deserialize, Serialize};

use crate::usage::Usage;

/// Through which door it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl Face {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Imap => "imap",
            Self::Delivery => "delivery",
            Self::Cli => "cli",
            Self::Node => "node",
            Self::Http => "http",
        }
    }
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
    /// An admin had a person forgotten. Whom, nothing tells.
    Erased,
    /// The node has emptied entries whose time was over.
    Pruned,
    /// A program was given what a message says, without marking it as read.
    Fetched,
    /// A program put a message into a folder.
    Added,
    /// A message was copied into another folder.
    Copied,
    /// A message was moved into another folder.
    Moved,
}

/// What an event is kept as long as others of its class for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What became of messages.
    Mail,
    /// Who came in, and what he did there.
    Access,
    /// What those who run the node changed, and what they were shown.
    Admin,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mail, Self::Access, Self::Admin];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Access => "access",
            Self::Admin => "admin",
        }
    }
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
        Self::Erased,
        Self::Pruned,
        Self::Fetched,
        Self::Added,
        Self::Copied,
        Self::Moved,
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
            Self::Erased => "erased",
            Self::Pruned => "pruned",
            Self::Fetched => "fetched",
            Self::Added => "added",
            Self::Copied => "copied",
            Self::Moved => "moved",
        }
    }

    /// As long as which others it is kept.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Accepted
            | Self::Refused
            | Self::Delivered
            | Self::Relayed
            | Self::Deferred
            | Self::Failed
            | Self::Reported
            | Self::Held
            | Self::Released
            | Self::Dropped
            | Self::Integrated
            | Self::Overdue
            | Self::Duplicate => Class::Mail,
            Self::SignedIn
            | Self::SignInFailed
            | Self::Opened
            | Self::Deleted
            | Self::Asked
            | Self::Fetched
            | Self::Added
            | Self::Copied
            | Self::Moved => Class::Access,
            Self::Changed | Self::Revealed | Self::Erased | Self::Pruned => Class::Admin,
        }
    }
}

/// One thing that happened (R-TRC-1): when, who, from where, what, and the answer.
///
/// Persons' identifiers are known as such in its texts ([`Marked`]): the record seals them, and whoever shows an event says
/// how they are shown ([`Event::map`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<T = Marked> {
    /// When, UTC, RFC 3339.
    pub at: String,
    /// What.
    pub kind: EventKind,
    /// Through which door.
    pub face: Face,
    /// Which message, if it is about one that has been given an id.
    pub message: Option<MessageId>,
    /// Who: an account's name, a certificate's subject, a uid.
    pub actor: Option<T>,
    /// From where: an IP address.
    pub remote: Option<String>,
    /// The sender.
    pub sender: Option<T>,
    /// The recipient.
    pub recipient: Option<T>,
    /// The stable code of the reason, if something was refused or put off.
    pub reason: Option<String>,
    /// What else an admin needs: the next server and its words.
    pub detail: Option<T>,
    /// Which mailbox: where several people read one mailbox, the actor is who of them it was.
    pub mailbox: Option<T>,
    /// How far local time was from UTC (R-TRC-8), as RFC 3339 writes it: `+01:00`. The store knows, and fills it in.
    pub offset: Option<String>,
    /// For how many such events this one stands, if not for itself alone.
    pub count: Option<u64>,
    /// Of a message that was taken in: as what it is counted.
    pub usage: Option<Usage>,
}

impl<T> Event<T> {
    /// An event with nothing but its time, kind and door; the rest is filled in with struct update.
    #[must_use]
    pub fn new(at: jiff::Timestamp, kind: EventKind, face: Face) -> Self {
        Self {
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
            offset: None,
            count: None,
            usage: None,
        }
    }

    /// When it happened by the clock on the wall: RFC 3339 with the offset from UTC. None where no offset is kept.
    #[must_use]
    pub fn local(&self) -> Option<String> {
        let at: jiff::Timestamp = self.at.parse().ok()?;
        // Any day does to read an offset by.
        let day = format!("2000-01-01T00:00{}", self.offset.as_ref()?);
        let offset = Pieces::parse(&day).ok()?.to_numeric_offset()?;
        Some(at.display_with_offset(offset).to_string())
    }

    /// The same event with each text as this gives it: masked, or in clear for who may see it.
    pub fn map<U>(self, mut shown: impl FnMut(T) -> U) -> Event<U> {
        Event {
            at: self.at,
            kind: self.kind,
            face: self.face,
            message: self.message,
            actor: self.actor.map(&mut shown),
            remote: self.remote,
            sender: self.sender.map(&mut shown),
            recipient: self.recipient.map(&mut shown),
            reason: self.reason,
            detail: self.detail.map(&mut shown),
            mailbox: self.mailbox.map(&mut shown),
            offset: self.offset,
            count: self.count,
            usage: self.usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_on_the_wall_is_told_where_it_is_known() {
        let event: Event = Event::new("2026-07-14T22:30:00Z".parse().unwrap(), EventKind::Opened, Face::Imap);
        assert_eq!(event.local(), None);
        let in_paris = Event { offset: Some("+02:00".to_owned()), ..event.clone() };
        assert_eq!(in_paris.local().as_deref(), Some("2026-07-15T00:30:00+02:00"));
        let in_cayenne = Event { offset: Some("-03:00".to_owned()), ..event.clone() };
        assert_eq!(in_cayenne.local().as_deref(), Some("2026-07-14T19:30:00-03:00"));
        assert_eq!(Event { offset: Some("soon".to_owned()), ..event }.local(), None);
    }

    #[test]
    fn a_kind_has_one_name_in_the_record_and_on_the_screen() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
    }
}
