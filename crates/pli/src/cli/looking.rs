//! What a node keeps beside its store, as commands see it: beside the node, changing nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use pli_directory::{TrustHandle, TrustList, check};
use pli_net::Pki;

use crate::config::{ListOrigin, Settings};
use crate::exit::Failure;
use crate::state;
use crate::trust::Signers;

/// The trust list in force and what happened to lists; and what was found damaged.
pub(super) fn trust(settings: &Settings, pki: &Pki, now: Timestamp) -> (TrustHandle, Vec<String>) {
    let folder = state::trust(&settings.config.server.state);
    TrustHandle::look(&folder, settings.config.trust.rules(), Arc::new(Signers(pki.clone())), now)
}

/// The trust list that the node has kept, or, where none has run yet, the one that it would begin with.
pub(super) fn trust_in_force(settings: &Settings, pki: &Pki, now: Timestamp) -> Result<TrustHandle, Failure> {
    let (kept, _) = trust(settings, pki, now);
    match &settings.list {
        ListOrigin::File(path) if kept.current().is_none() => {
            let (bytes, rules) = (bounded(path, TrustList::BYTES_MAX)?, settings.config.trust.rules());
            Ok(TrustHandle::fixed(check(&bytes, &rules, &Signers(pki.clone()), now)?.list))
        }
        _ => Ok(kept),
    }
}

/// Whom we believe, under the revocation lists that the node has kept.
pub(super) fn pki(settings: &Settings) -> Result<Pki, Failure> {
    Ok(Pki::look(&settings.config.pki, &settings.config.server.state)?)
}

/// A file, as far as this many bytes.
pub(super) fn bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max).read_to_end(&mut bytes))
        .map_err(|error| Failure::file(path, &error))?;
    Ok(bytes)
}
