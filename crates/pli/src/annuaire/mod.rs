//! The state's health directory, as this node speaks with it: [`Annuaire`] asks it and gives it orders, [`Teller`] tells it
//! what becomes of our mailboxes.
//!
//! What is asked and ordered is decided in `pli_directory::fhir`; here is only the way there. Whoever looks for a mailbox
//! to send to works from the local copy: the directory may be away, the relay goes on.

mod carriers;
mod client;
mod paper;
mod patience;
mod rehearsal;
mod teller;
mod wanted;

use std::path::Path;
use std::sync::Arc;

use pli_store::Store;
use pli_types::{Clock, Masker};

pub(crate) use client::{Annuaire, Trouble};
pub(crate) use paper::lines;
pub(crate) use rehearsal::rehearse;
use teller::Way;
pub(crate) use teller::{Backlog, Teller, is_overdue};

use crate::config::{AnnuaireConfig, Publish};
use crate::exit::Failure;

/// Who tells the directory, if it is to be told, and how much waits. `state` is the state folder.
pub(crate) fn teller(
    config: Option<&AnnuaireConfig>,
    state: &Path,
    store: &Arc<dyn Store>,
    masker: &Masker,
    clock: &Arc<dyn Clock>,
) -> Result<(Option<Teller>, Backlog), Failure> {
    let backlog = Backlog::default();
    let Some(config) = config else { return Ok((None, backlog)) };
    let way = match config.publish {
        Publish::Off => return Ok((None, backlog)),
        Publish::File => Way::File { path: state.join(paper::FILE_NAME), base: config.base.clone() },
        Publish::Send => Way::Send(Annuaire::new(config, Arc::clone(clock))?),
    };
    let (store, masker, clock) = (Arc::clone(store), masker.clone(), Arc::clone(clock));
    Ok((Some(Teller { store, way, masker, clock, backlog: backlog.clone() }), backlog))
}
