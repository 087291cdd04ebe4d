//! [`answer()`]: with no node running, a command works on the node's folders itself. Looking takes no lock and changes
//! nothing; a change takes the locks that a node would, so that no node starts in the middle of it.

use std::fmt::Display;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use pli_directory::{KeepingFault, TrustHandle};
use pli_net::Pki;
use pli_store::Store;
use pli_types::Masker;
use tokio::sync::Mutex;

use super::protocol::{Answer, Request};
use super::{Desk, Office};
use crate::config::{Settings, check_secret_file, read_key};
use crate::connectors::ConnectorBook;
use crate::exit::{Exit, Failure};
use crate::peer_file::PeerFile;
use crate::state::{self, StateFolder};
use crate::trust::{Custodian, Lookout, Signers};

/// Answers as a node with these settings would.
pub(super) async fn answer(
    settings: &Settings,
    request: Request,
    attached: Option<Vec<u8>>,
    actor: &str,
) -> Result<Answer, Failure> {
    if request.writes() {
        change(settings, request, attached, actor).await
    } else {
        look(settings, request, attached, actor).await
    }
}

async fn look(
    settings: &Settings,
    request: Request,
    attached: Option<Vec<u8>>,
    actor: &str,
) -> Result<Answer, Failure> {
    let config = &settings.config;
    if request == Request::PeerList {
        return Ok(Answer::Peers { rows: PeerFile::in_state(&config.server.state).read()? });
    }
    let clock = crate::clock::clock();
    let signers = Arc::new(Signers(pki(settings)?));
    let (trust, _) = TrustHandle::look(&state::trust(&config.server.state), config.trust.rules(), signers, clock.now());
    let store = match request {
        Request::QueueRetry { .. } | Request::Connector(_) | Request::Directory(_) => {
            check_secret_file(&config.store.master_key)?;
            Some(pli_store::open_read_only(&config.store, Arc::clone(&clock)).await?)
        }
        _ => None,
    };
    let (state, connectors) = (config.server.state.clone(), ConnectorBook::of(settings));
    let desk = Desk { trust, clock, state, store: store.clone(), office: None, alarms: None, peers: None, connectors };
    let answer = desk.answer(request, attached, actor).await;
    close(store).await;
    answer
}

async fn change(
    settings: &Settings,
    request: Request,
    attached: Option<Vec<u8>>,
    actor: &str,
) -> Result<Answer, Failure> {
    let config = &settings.config;
    check_owner(&config.server.state)?;
    let state = StateFolder::take(&config.server.state)?;
    let clock = crate::clock::clock();
    let masker = Masker::new(read_key(&config.server.masking_key)?.reveal());
    check_secret_file(&config.store.master_key)?;
    let signers = Arc::new(Signers(pki(settings)?));
    let (trust, _) = TrustHandle::open(&state.trust(), config.trust.rules(), signers, clock.now())?;
    let store = pli_store::open(&config.store, Arc::clone(&clock)).await?;
    let custodian = Custodian { trust: trust.clone(), store: Arc::clone(&store), masker, clock: Arc::clone(&clock) };
    let outcome = match Lookout::new(settings, state.path(), custodian.clone()) {
        Ok(lookout) => {
            let office = Office { custodian, lookout: Arc::new(Mutex::new(lookout)) };
            let (state, store) = (state.path().to_owned(), Some(Arc::clone(&store)));
            let connectors = ConnectorBook::of(settings);
            let desk = Desk { trust, clock, state, store, office: Some(office), alarms: None, peers: None, connectors };
            desk.answer(request, attached, actor).await
        }
        Err(failure) => Err(failure),
    };
    close(Some(store)).await;
    outcome
}

async fn close(store: Option<Arc<dyn Store>>) {
    if let Some(store) = store {
        store.close().await;
    }
}

/// Whom a list's signature is judged by, with the revocation lists that are at hand.
pub(crate) fn pki(settings: &Settings) -> Result<Pki, Failure> {
    let config = &settings.config;
    let pki = Pki::load(&config.pki, &config.server.state)?;
    // A list that cannot be used is a list that is not there: whoever needs it says so.
    pki.refresh().ok();
    Ok(pki)
}

/// What root writes into the folder of another user, that user's node cannot read.
pub(crate) fn check_owner(state: &Path) -> Result<(), Failure> {
    let ours = rustix::process::geteuid().as_raw();
    match std::fs::metadata(state) {
        Ok(metadata) if metadata.uid() != ours => {
            let (folder, theirs) = (state.display(), metadata.uid());
            let values: [(_, &dyn Display); 3] = [("folder", &folder), ("theirs", &theirs), ("ours", &ours)];
            Err(Failure::told(Exit::Usage, "wrong-user", &values))
        }
        _ => Ok(()),
    }
}

impl From<KeepingFault> for Failure {
    fn from(fault: KeepingFault) -> Self {
        match &fault {
            KeepingFault::InUse(path) => Self::told(Exit::Conflict, "state-in-use.kept", &[("path", &path.display())]),
            KeepingFault::Folder { path, source } => {
                Self::told(Exit::Usage, "state-unusable.kept", &[("path", &path.display()), ("cause", source)])
            }
        }
    }
}
