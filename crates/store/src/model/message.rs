//! A message on its way in.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Domain, EnvelopeParameters, MailboxId, MessageId, QueueId, Recipient, ReversePath};

use super::{Arrival, ContactEvent, Correspondence, NewStory, NewWatch, ReportedState};

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
    /// Keywords that its entries get on delivery (RFC 3501 §2.3.2).
    pub keywords: BTreeSet<String>,
    /// Recipients elsewhere.
    pub relays: Vec<Relay>,
    /// Recipients whose mail is taken and then returned: the sender gets a report, and nothing else tells him (spec §1.6).
    pub returns: Vec<Returned>,
    /// Recipients whose mail is taken and held: an admin says what becomes of it ([`crate::Queue::release`],
    /// [`crate::Queue::drop_held`]).
    pub held: Vec<Held>,
    /// What happens between patients here and whoever wrote it.
    pub contacts: Vec<ContactEvent>,
    /// What is remembered of it for the mailboxes that get it.
    pub correspondence: Option<Correspondence>,
    /// What goes into the record with it.
    pub audit: Vec<Event>,
    /// By what it is known again if it comes once more; none for what Pli writes itself.
    pub arrival: Option<Arrival>,
    /// By what it is found, and who its recipients are; without one it is not found.
    pub story: Option<NewStory>,
    /// What it says of messages that were taken in before.
    pub reported: Vec<ReportedState>,
    /// Until when what must have become of it.
    pub watches: Vec<NewWatch>,
}

impl NewMessage {
    /// One that nobody gets yet; the rest is filled in.
    #[must_use]
    pub fn new(id: MessageId, accepted_at: Timestamp, sender: ReversePath, body: StagedBody) -> Self {
        Self {
            id,
            accepted_at,
            sender,
            parameters: EnvelopeParameters::default(),
            body,
            deliveries: Vec::new(),
            keywords: BTreeSet::new(),
            relays: Vec::new(),
            returns: Vec::new(),
            held: Vec::new(),
            contacts: Vec::new(),
            correspondence: None,
            audit: Vec::new(),
            arrival: None,
            story: None,
            reported: Vec::new(),
            watches: Vec::new(),
        }
    }
}

/// A recipient whose mail is returned. It waits in the queue until its report is written.
#[derive(Debug, Clone)]
pub struct Returned {
    /// Its row's id.
    pub id: QueueId,
    /// To whom it was.
    pub recipient: Recipient,
    /// Why: a reason's stable code, or [`Returned::DELIVERED`].
    pub reason: String,
}

impl Returned {
    /// In place of a reason: the recipient has the message, and nothing but the confirmation goes back to its sender.
    pub const DELIVERED: &str = "delivered";
}

/// A recipient whose mail is held, here or elsewhere. It waits in the queue, and never without an end.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its row's id.
    pub id: QueueId,
    /// To whom it is.
    pub recipient: Recipient,
    /// Why: a reason's stable code.
    pub reason: String,
    /// When it is given back to its sender if nobody has decided.
    pub expires_at: Timestamp,
}

/// What a held recipient gets when it is released.
#[derive(Debug)]
pub enum Release {
    /// It goes its way to another server, from now until then.
    Relay {
        /// When to stop trying.
        expires_at: Timestamp,
    },
    /// It is put into a mailbox here, with all that a delivery does.
    Deliver {
        /// Which.
        mailbox: MailboxId,
        /// Keywords that its entry gets.
        keywords: BTreeSet<String>,
        /// What happens between the patient and whoever wrote it.
        contacts: Vec<ContactEvent>,
        /// What is remembered of it.
        correspondence: Option<Correspondence>,
    },
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
