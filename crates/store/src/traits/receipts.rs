//! [`Receipts`].

use async_trait::async_trait;
use pli_audit::Event;

use crate::{DueReceipt, NewMessage, ReceiptId, Result};

/// Read receipts of patients' mailboxes (RFC 8098). One is owed from the transaction in which [`crate::Mailboxes::set_flags`]
/// first sets `\Seen` on a message whose sender may be told by itself ([`crate::Correspondence::receipt_to`]): once for each
/// message and mailbox, whatever happens to its flags afterwards. Other mailboxes owe none.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Those that are owed, the oldest first, after this one.
    async fn receipts_due(&self, after: Option<ReceiptId>, limit: usize) -> Result<Vec<DueReceipt>>;

    /// Ends one, and takes the report in by the same transaction; without a report, nobody is told. False if it has ended
    /// before: then nothing is taken in.
    async fn settle_receipt(&self, id: ReceiptId, report: Option<NewMessage>, audit: Vec<Event>) -> Result<bool>;
}
