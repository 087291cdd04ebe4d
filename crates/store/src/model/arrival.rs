//! What tells a message that comes again from a new one: [`Arrival`].

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Ins, MailboxId, QueueId};

/// By what a message is known again. Two with one key are one message: a peer that has not heard our `250` sends it once
/// more. A recipient who has it by an earlier one is left out of this one, in the same transaction; all others get it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Who brought it, the envelope's sender, the Message-ID and every byte of the content, in one keyed digest.
    pub key: [u8; 32],
    /// Until when the same again is a repeat.
    pub until: Timestamp,
    /// Every recipient, and what is recorded of him if he is left out.
    pub recipients: Vec<Repeated>,
}

/// A recipient of a message that may be a repeat.
#[derive(Debug, Clone)]
pub struct Repeated {
    /// How it would reach him.
    pub target: Target,
    /// Which patient, if it is one with a space here: what the message does between him and its author is left out too.
    pub patient: Option<Ins>,
    /// What is recorded instead of what the message's record says of the same recipient. The store adds the id of the
    /// message that he has.
    pub event: Event,
}

/// A way to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Into a mailbox here.
    Mailbox(MailboxId),
    /// By a row of the queue: elsewhere, back, or held.
    Row(QueueId),
}
