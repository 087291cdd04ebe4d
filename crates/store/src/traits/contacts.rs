//! [`Contacts`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Ins, MailAddress, MailboxId};

use crate::{ContactEvent, ContactRecord, ReceivedMessage, Result};

/// Who may be written to by a patient, and why (R-WHO-3, spec §1.5). What changes it comes with a message
/// ([`crate::NewMessage::contacts`]), in the transaction that takes it in.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// What lies between this patient and this address ([`MailAddress::key`]); `None` if nothing ever did.
    async fn contact(&self, patient: &Ins, contact: &MailAddress) -> Result<Option<ContactRecord>>;

    /// The contacts of a patient, by address, after this one.
    async fn contacts(&self, patient: &Ins, after: Option<&MailAddress>, limit: usize) -> Result<Vec<ContactRecord>>;

    /// All that happened between them, the first first.
    async fn contact_history(&self, patient: &Ins, contact: &MailAddress) -> Result<Vec<ContactEvent>>;

    /// Closes a contact by an admin's hand. `NotFound` if nothing lies between them; closed already, it changes and
    /// records nothing, and gives back false.
    async fn close_contact(
        &self,
        patient: &Ins,
        contact: &MailAddress,
        by: &MailAddress,
        at: Timestamp,
        audit: Vec<Event>,
    ) -> Result<bool>;

    /// The message of this Message-ID that this mailbox received, if it did; of several the last.
    async fn received(&self, mailbox: MailboxId, message_id: &str) -> Result<Option<ReceivedMessage>>;

    /// Forgets what was received before this instant, at most `limit` of them; how many.
    async fn forget_received(&self, before: Timestamp, limit: usize) -> Result<u64>;
}
