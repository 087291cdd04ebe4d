//! [`Event`] and its encoding, versioned: old versions are never changed.

use pli_types::MessageId;
use serde::{Deserialize, Serialize};

/// The encoding's version, the first member of every encoded event.
pub const VERSION: u32 = 1;

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
}

impl EventKind {
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
        }
    }

    /// The bytes that are kept: JSON with the members in the order of this page.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // A struct of strings always encodes; an empty row would be found at once by `decode`.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Back from the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
