//! Messages on their way out.

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Domain, EnvelopeParameters, MailAddress, MessageId, QueueId, Recipient, ReversePath};

use super::NewMessage;

/// A queue row, claimed.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The row.
    pub row: QueueId,
    /// Fits until someone else claims the row.
    pub token: u64,
    /// The message.
    pub message: MessageId,
    /// To whom a report goes.
    pub sender: ReversePath,
    /// What `MAIL` said besides.
    pub parameters: EnvelopeParameters,
    /// To whom.
    pub recipient: Recipient,
    /// Where.
    pub destination: Domain,
    /// Tries before this one.
    pub attempts: u32,
    /// When the message was taken in.
    pub accepted_at: Timestamp,
    /// When to stop trying.
    pub expires_at: Timestamp,
    /// Was the sender told of the delay already?
    pub delay_reported: bool,
    /// The message's size in bytes.
    pub size: u64,
    /// The stable code of the reason for which it goes back to its sender, whatever a server would say: none is tried.
    /// Of a held one that nobody has decided on in time, the reason for which it was held.
    pub returned: Option<String>,
    /// Tries before this one that count in the back-off: all but those that somebody asked for.
    pub steps: u32,
    /// Has somebody asked for this try?
    pub asked: bool,
}

/// How a try ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The next server has it: its words, scrubbed.
    Relayed {
        /// `mx.example.test[192.0.2.1]:25: 250 2.0.0 …`
        detail: String,
    },
    /// Try again.
    Deferred {
        /// When.
        until: Timestamp,
        /// Stable code.
        reason: String,
        /// What happened, scrubbed.
        detail: String,
    },
    /// Never again.
    Failed {
        /// Stable code.
        reason: String,
        /// What happened, scrubbed.
        detail: String,
    },
}

/// A lease and how it ended.
#[derive(Debug)]
pub struct Settlement {
    /// The lease.
    pub lease: Lease,
    /// How it ended.
    pub outcome: Outcome,
    /// A report to the sender, taken in by the same transaction.
    pub report: Option<NewMessage>,
    /// Set when the report tells of a delay.
    pub delay_reported: bool,
    /// What goes into the record with it.
    pub audit: Vec<Event>,
    /// What is kept of the try for who looks at the row, if it stays; the store gives its number.
    pub attempt: Option<Attempt>,
    /// Was nothing tried? Then it counts as no try.
    pub untried: bool,
}

impl Settlement {
    /// A try that ended so, of which nothing more is to be told.
    #[must_use]
    pub fn new(lease: Lease, outcome: Outcome) -> Self {
        Self { lease, outcome, report: None, delay_reported: false, audit: Vec::new(), attempt: None, untried: false }
    }
}

/// One try of a queue row that stayed. All of it is scrubbed before it comes here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// 1 is the row's first.
    pub number: u32,
    /// When it ended.
    pub at: Timestamp,
    /// With whom, if anybody was reached: `mx.example.test[192.0.2.1]:25`.
    pub server: Option<String>,
    /// Stable code.
    pub reason: String,
    /// What happened.
    pub detail: String,
    /// What was said, line by line, without the content.
    pub transcript: Vec<String>,
}

/// What [`crate::Queue::settle`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Rows closed or put off.
    pub settled: usize,
    /// Rows left alone because their lease had passed to someone else.
    pub lost: usize,
}

/// A queue row, to be shown.
#[derive(Debug, Clone)]
pub struct QueueRow {
    /// The row.
    pub id: QueueId,
    /// The message.
    pub message: MessageId,
    /// From.
    pub sender: ReversePath,
    /// To.
    pub recipient: MailAddress,
    /// Where.
    pub destination: Domain,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
    /// Is somebody trying right now?
    pub leased: bool,
    /// The last reason's stable code.
    pub last_reason: Option<String>,
    /// What happened then.
    pub last_detail: Option<String>,
    /// The stable code of the reason for which it goes back to its sender, once the report can be written.
    pub returned: Option<String>,
    /// The stable code of the reason for which it is held, until an admin decides or its time is over.
    pub held: Option<String>,
    /// When it is tried no longer; a held one is given back to its sender then.
    pub expires_at: Timestamp,
    /// When the message was taken in.
    pub accepted_at: Timestamp,
}

/// How deep the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueBacklog {
    /// Recipients that wait for their next try or are being tried, those that are held left out.
    pub waiting: u64,
    /// How many of them are due, and not being tried.
    pub due: u64,
    /// Since when the first of those is due.
    pub due_since: Option<Timestamp>,
    /// When the oldest message of which a recipient waits was taken in.
    pub oldest_accepted_at: Option<Timestamp>,
}

/// How much is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldBacklog {
    /// Recipients.
    pub waiting: u64,
    /// When the first of them goes back to its sender, unless somebody decides.
    pub first_expires_at: Option<Timestamp>,
}
