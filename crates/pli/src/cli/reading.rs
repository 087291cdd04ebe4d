//! The store, as commands read it: beside a running node, changing nothing.

use std::sync::Arc;

use pli_store::Store;
use pli_types::{Clock, Masker};

use super::{Globals, runtime};
use crate::config::{check_secret_file, read_key};
use crate::exit::Failure;

/// What a command that reads works with.
pub(crate) struct Reading {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) masker: Masker,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The node's masker.
pub(crate) fn masker(globals: &Globals) -> Result<Masker, Failure> {
    Ok(Masker::new(read_key(&globals.settings()?.config.server.masking_key)?.reveal()))
}

/// Opens the store of the configuration, and hands it to `work`.
pub(crate) fn read<T, F>(globals: &Globals, work: impl FnOnce(Reading) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let config = globals.settings()?.config;
    let masker = Masker::new(read_key(&config.server.masking_key)?.reveal());
    check_secret_file(&config.store.master_key)?;
    let clock = crate::clock::clock();
    runtime::one_thread()?.block_on(async {
        let store = pli_store::open_read_only(&config.store, Arc::clone(&clock)).await?;
        let outcome = work(Reading { store: Arc::clone(&store), masker, clock }).await;
        store.close().await;
        outcome
    })
}
