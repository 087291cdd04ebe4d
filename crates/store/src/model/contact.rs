//! What lies between a patient and those who write to him, and what later answers are judged by.

use jiff::Timestamp;
use pli_types::{ContactTurn, Ins, MailAddress, MessageId, Relation};

/// Something that happened between a patient and a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactEvent {
    /// The patient.
    pub patient: Ins,
    /// Whom the patient may, or may no longer, write to: the sender, or the address of his `Reply-To` (R-WHO-6).
    pub contact: MailAddress,
    /// What happened.
    pub turn: ContactTurn,
    /// Who wrote. What he ends he ends for every contact that one of his messages opened.
    pub by: MailAddress,
    /// When.
    pub at: Timestamp,
    /// By which message.
    pub message: Option<MessageId>,
}

/// A contact of a patient, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRecord {
    /// The patient.
    pub patient: Ins,
    /// The other one.
    pub contact: MailAddress,
    /// May the patient write to it?
    pub relation: Relation,
    /// Since when it is so: the last turn that changed it.
    pub since: Timestamp,
    /// Whose message opened it last; none if none ever did.
    pub opened_by: Option<MailAddress>,
    /// When its last message came that cannot be answered (`X-MSS-MES: FIN`).
    pub unanswerable_at: Option<Timestamp>,
}

/// What is remembered of a message that was delivered to mailboxes here, so that an answer or a report on it can be
/// judged when it comes (R-WHO-3, spec §1.5, RFC 8098).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondence {
    /// Its Message-ID without angle brackets. Kept as a digest only.
    pub message_id: String,
    /// Its author, as the header has him.
    pub from: MailAddress,
    /// Other addresses that an answer may go to (`Reply-To`).
    pub reply_to: Vec<MailAddress>,
    /// May it be answered? Not with `X-MSS-MES: FIN`.
    pub answerable: bool,
    /// Where a receipt is asked for (`Disposition-Notification-To`), if one may be sent by itself (RFC 8098 §2.1).
    pub receipt_to: Option<MailAddress>,
}

/// A message that a mailbox received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Its id here.
    pub message: MessageId,
    /// When.
    pub received_at: Timestamp,
    /// Its author.
    pub from: MailAddress,
    /// Other addresses that an answer may go to.
    pub reply_to: Vec<MailAddress>,
    /// May it be answered?
    pub answerable: bool,
    /// Where a receipt is asked for.
    pub receipt_to: Option<MailAddress>,
}
