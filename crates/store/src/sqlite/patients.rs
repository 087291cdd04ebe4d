//! [`Patients`].

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{Ins, MailboxId};

use super::SqliteStore;
use crate::{Loaded, NewSpace, Patients, Result, Space, SpaceState, StoreError};

#[async_trait]
impl Patients for SqliteStore {
    async fn space(&self, _patient: &Ins) -> Result<Option<Space>> {
        Ok(None)
    }
    async fn put_spaces(&self, _spaces: Vec<NewSpace>, _audit: Vec<Event>) -> Result<Loaded> {
        Err(StoreError::NotFound("spaces"))
    }
    async fn mailbox_of_space(&self, _patient: &Ins) -> Result<MailboxId> {
        Err(StoreError::NotFound("spaces"))
    }
    async fn count_spaces(&self, _state: SpaceState) -> Result<u64> {
        Ok(0)
    }
}
