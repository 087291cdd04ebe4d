//! The SQLite backend.

use std::sync::Arc;

use pli_types::Clock;

use crate::{Config, Result, Store, StoreError};

/// Opens it.
pub async fn open(_config: &Config, _clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    Err(StoreError::Configuration("not built yet".to_owned()))
}
