//! [`Dispensings`].

use async_trait::async_trait;
use jiff::civil::Date;
use pli_audit::Event;
use pli_types::{FinessId, Ins};

use super::SqliteStore;
use crate::{Dispensing, Dispensings, LastDispensings, Loaded, Result, StoreError};

#[async_trait]
impl Dispensings for SqliteStore {
    async fn put_dispensings(&self, _dispensings: Vec<Dispensing>, _audit: Vec<Event>) -> Result<Loaded> {
        Err(StoreError::NotFound("dispensings"))
    }
    async fn last_dispensings(&self, _patient: &Ins, _pharmacy: &FinessId) -> Result<LastDispensings> {
        Ok(LastDispensings::default())
    }
    async fn dispensings(
        &self,
        _patient: &Ins,
        _pharmacy: Option<&FinessId>,
        _limit: usize,
    ) -> Result<Vec<Dispensing>> {
        Ok(Vec::new())
    }
    async fn forget_dispensings(&self, _before: Date, _limit: usize, _audit: Vec<Event>) -> Result<u64> {
        Ok(0)
    }
    async fn is_pharmacy(&self, _structure: &FinessId) -> Result<bool> {
        Ok(false)
    }
    async fn put_pharmacies(&self, _structures: Vec<FinessId>, _all: bool, _audit: Vec<Event>) -> Result<Loaded> {
        Err(StoreError::NotFound("pharmacies"))
    }
}
