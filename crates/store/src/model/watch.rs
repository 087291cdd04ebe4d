//! Deadlines on what becomes of messages, one a recipient that is waited for.

use jiff::Timestamp;
use pli_types::{LookupKey, MailAddress, MessageId, Recipient};

use super::PartyState;

/// The number of a watch. Later ones have greater numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub i64);

/// A watch to begin with its message.
#[derive(Debug, Clone)]
pub struct NewWatch {
    /// Who is waited for.
    pub recipient: Recipient,
    /// By what the story knows him.
    pub party: LookupKey,
    /// The message's `Message-ID`, without angle brackets, by which its sender finds it.
    pub message_id: Option<String>,
    /// What must have become of it: relayed, delivered, opened or integrated.
    pub state: PartyState,
    /// Until when.
    pub due_at: Timestamp,
    /// May it be sent once more? Then the body is kept until it is, or need not be.
    pub resend: bool,
}

/// A watch whose time is over, though what it waits for has not come.
#[derive(Debug, Clone)]
pub struct DueWatch {
    /// Its number.
    pub id: WatchId,
    /// The message.
    pub message: MessageId,
    /// Who sent it.
    pub sender: MailAddress,
    /// Who was waited for.
    pub recipient: Recipient,
    /// The message's `Message-ID`.
    pub message_id: Option<String>,
    /// When the message was taken in.
    pub accepted_at: Timestamp,
    /// What should have become of it.
    pub state: PartyState,
    /// Until when.
    pub due_at: Timestamp,
    /// Can it be sent once more? Not while the first one is still in the queue.
    pub resend: bool,
}

/// What is late and still waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OverdueBacklog {
    /// Recipients.
    pub waiting: u64,
    /// When the first of them should have answered.
    pub first_due_at: Option<Timestamp>,
}
