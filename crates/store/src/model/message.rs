//! A message on its way in.

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Domain, EnvelopeParameters, MailboxId, MessageId, QueueId, Recipient, ReversePath};

/// A body ready to be named by a transaction. Dropped unnamed, it leaves nothing behind.
#[derive(Debug)]
pub struct StagedBody {
    pub(crate) inner: crate::seal::Staged,
}

impl StagedBody {
    /// Its length in bytes before sealing.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.size()
    }
}

/// A message to take in.
#[derive(Debug)]
pub struct NewMessage {
    /// Its id, the one that [`crate::Queue::stage`] was given.
    pub id: MessageId,
    /// When.
    pub accepted_at: Timestamp,
    /// To whom a report goes.
    pub sender: ReversePath,
    /// What `MAIL` said besides.
    pub parameters: EnvelopeParameters,
    /// The body, trace headers included.
    pub body: StagedBody,
    /// Mailboxes here that get it, in INBOX.
    pub deliveries: Vec<MailboxId>,
    /// Recipients elsewhere.
    pub relays: Vec<Relay>,
    /// What goes into the record with it.
    pub audit: Vec<Event>,
}

/// A recipient elsewhere.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its row's id.
    pub id: QueueId,
    /// To whom, and what the sender wants to hear.
    pub recipient: Recipient,
    /// Where: the recipient's domain, by which the queue is ordered.
    pub destination: Domain,
    /// When to stop trying.
    pub expires_at: Timestamp,
}

/// The proof that a message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub id: MessageId,
}
