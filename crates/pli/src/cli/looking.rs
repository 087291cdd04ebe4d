//! What a node keeps beside its store, as commands see it: beside the node, changing nothing.

use std::sync::Arc;

use jiff::Timestamp;
use pli_directory::TrustHandle;
use pli_net::Pki;

use crate::config::Settings;
use crate::state;
use crate::trust::Signers;

/// The trust list in force and what happened to lists; and what was found damaged.
pub(super) fn trust(settings: &Settings, pki: &Pki, now: Timestamp) -> (TrustHandle, Vec<String>) {
    let folder = state::trust(&settings.config.server.state);
    TrustHandle::look(&folder, settings.config.trust.rules(), Arc::new(Signers(pki.clone())), now)
}
