//! [`answer()`]: with no node running, a command works on the node's folders itself. Looking takes no lock and changes
//! nothing; a change takes the locks that a node would, so that no node starts in the middle of it.

use std::fmt::Display;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use pli_directory::{KeepingFault, TrustHandle};
use pli_net::Pki;
use pli_store::Store;
use tokio::sync::Mutex;

use super::protocol::{Answer, Request};
use super::{Desk, House, Office};
use crate::config::{Settings, check_secret_file};
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
    if request == Request::PeerList {
        return Ok(Answer::Peers { rows: PeerFile::in_state(&settings.config.server.state).read()? });
    }
    let counter = if request.writes() {
        Counter::to_change(settings).await?
    } else {
        Counter::to_look(settings, request.looks_into_store()).await?
    };
    let answer = counter.answer(request, attached, actor).await;
    counter.close().await;
    answer
}

/// A desk beside no node, and what it works with; for one question or many.
pub(super) struct Counter {
    desk: Desk,
    store: Option<Arc<dyn Store>>,
    /// Held by who changes something, so that no node starts in the middle.
    _state: Option<StateFolder>,
}

impl Counter {
    /// Takes no lock and changes nothing.
    pub(super) async fn to_look(settings: &Settings, into_store: bool) -> Result<Self, Failure> {
        let config = &settings.config;
        let (clock, state) = (crate::clock::clock(), config.server.state.clone());
        let signers = Arc::new(Signers(pki(settings)?));
        let (trust, _) = TrustHandle::look(&state::trust(&state), config.trust.rules(), signers, clock.now());
        let (mut store, mut house) = (None, None);
        if into_store {
            check_secret_file(&config.store.master_key)?;
            house = Some(House::new(settings)?);
            store = Some(pli_store::open_read_only(&config.store, Arc::clone(&clock)).await?);
        }
        let connectors = ConnectorBook::of(settings);
        let (office, alarms, peers) = (None, None, None);
        let desk =
            Desk { trust, clock, state, store: store.clone(), house, office, alarms, peers, connectors, intake: None };
        Ok(Self { desk, store, _state: None })
    }

    /// Takes the locks that a node takes.
    pub(super) async fn to_change(settings: &Settings) -> Result<Self, Failure> {
        let config = &settings.config;
        check_owner(&config.server.state)?;
        let state = StateFolder::take(&config.server.state)?;
        let clock = crate::clock::clock();
        let house = House::new(settings)?;
        check_secret_file(&config.store.master_key)?;
        let signers = Arc::new(Signers(pki(settings)?));
        let (trust, _) = TrustHandle::open(&state.trust(), config.trust.rules(), signers, clock.now())?;
        let store = pli_store::open(&config.store, Arc::clone(&clock)).await?;
        let custodian = Custodian {
            trust: trust.clone(),
            store: Arc::clone(&store),
            masker: house.masker.clone(),
            clock: Arc::clone(&clock),
        };
        let lookout = match Lookout::new(settings, state.path(), custodian.clone()) {
            Ok(lookout) => lookout,
            Err(failure) => {
                store.close().await;
                return Err(failure);
            }
        };
        let desk = Desk {
            trust,
            clock,
            state: state.path().to_owned(),
            store: Some(Arc::clone(&store)),
            house: Some(house),
            office: Some(Office { custodian, lookout: Arc::new(Mutex::new(lookout)) }),
            alarms: None,
            peers: None,
            connectors: ConnectorBook::of(settings),
            intake: None,
        };
        Ok(Self { desk, store: Some(store), _state: Some(state) })
    }

    /// Answers as a node would.
    pub(super) async fn answer(
        &self,
        request: Request,
        attached: Option<Vec<u8>>,
        actor: &str,
    ) -> Result<Answer, Failure> {
        self.desk.answer(request, attached, actor).await
    }

    /// Lets go of the store's files.
    pub(super) async fn close(self) {
        if let Some(store) = self.store {
            store.close().await;
        }
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
