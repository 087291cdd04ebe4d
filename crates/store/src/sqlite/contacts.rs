//! [`Contacts`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Ins, MailAddress, MailboxId};

use super::SqliteStore;
use crate::{ContactEvent, ContactRecord, Contacts, ReceivedMessage, Result, StoreError};

#[async_trait]
impl Contacts for SqliteStore {
    async fn contact(&self, _patient: &Ins, _contact: &MailAddress) -> Result<Option<ContactRecord>> {
        Ok(None)
    }
    async fn contacts(
        &self,
        _patient: &Ins,
        _after: Option<&MailAddress>,
        _limit: usize,
    ) -> Result<Vec<ContactRecord>> {
        Ok(Vec::new())
    }
    async fn contact_history(&self, _patient: &Ins, _contact: &MailAddress) -> Result<Vec<ContactEvent>> {
        Ok(Vec::new())
    }
    async fn close_contact(
        &self,
        _patient: &Ins,
        _contact: &MailAddress,
        _by: &MailAddress,
        _at: Timestamp,
        _audit: Vec<Event>,
    ) -> Result<bool> {
        Err(StoreError::NotFound("contact"))
    }
    async fn received(&self, _mailbox: MailboxId, _message_id: &str) -> Result<Option<ReceivedMessage>> {
        Ok(None)
    }
    async fn forget_received(&self, _before: Timestamp, _limit: usize) -> Result<u64> {
        Ok(0)
    }
}
