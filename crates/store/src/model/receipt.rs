//! Read receipts that are owed (RFC 8098).

use jiff::Timestamp;
use pli_types::{MailAddress, MessageId};

/// The number of a receipt that is owed. Later ones have greater numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptId(pub i64);

/// A receipt that is owed: a patient has opened a message whose sender asked to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReceipt {
    /// Its number.
    pub id: ReceiptId,
    /// What was opened. Its body can be read until the receipt is settled, though the patient removes it.
    pub message: MessageId,
    /// Who opened it.
    pub reader: MailAddress,
    /// To whom it goes.
    pub receipt_to: MailAddress,
    /// When it was opened first.
    pub opened_at: Timestamp,
}
