//! [`Envoy`]: takes signed checkpoints away from the node, to where who holds the node cannot write: a witness
//! (`cosigner`), who signs only what continues that which he has signed before, or a receiver of syslog (`herald`).
//!
//! It is no part of sealing. Each envoy takes the newest checkpoint there is, and never holds back the next one: one that
//! finds its place dead or slow leaves out what was signed meanwhile, and an alarm says so.

mod cosigner;
mod herald;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use pli_audit::SignedCheckpoint;
use pli_net::Shutdown;
use pli_store::Store;
use pli_types::Clock;
use tokio::sync::watch;
use tokio::time::sleep;

use self::cosigner::Cosigner;
use self::herald::Herald;
pub(crate) use self::standing::{Behind, Standing, Trouble};
use crate::config::Settings;
use crate::exit::Failure;
use crate::metrics as names;
use crate::sealer::outlet::Outlet;

/// The newest checkpoint, as the sealer tells it.
pub(crate) type Latest = watch::Receiver<Option<Arc<SignedCheckpoint>>>;

/// Where checkpoints are taken.
enum Place {
    Witness(Box<Cosigner>),
    Siem(Herald),
}

/// Takes checkpoints to one place.
pub(crate) struct Envoy {
    place: Place,
    name: String,
    /// What the gauge calls it.
    label: String,
    every: Duration,
    latest: Latest,
    clock: Arc<dyn Clock>,
    standing: Standing,
}

impl Envoy {
    /// Takes one at a time, until the end.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        let mut taken = None;
        loop {
            tokio::select! {
                () = shutdown.begun() => return,
                newest = newer(&mut self.latest, taken) => taken = self.take(&newest, taken).await,
            }
            tokio::select! {
                () = shutdown.begun() => return,
                () = sleep(self.every) => {}
            }
        }
    }

    /// Takes this one; how many entries the last one has that has arrived.
    async fn take(&mut self, checkpoint: &SignedCheckpoint, taken: Option<u64>) -> Option<u64> {
        let size = checkpoint.checkpoint().size();
        let done = match &mut self.place {
            Place::Witness(witness) => witness.take(checkpoint).await,
            Place::Siem(herald) => herald.take(checkpoint, self.clock.now()).await,
        };
        match done {
            Ok(()) => {
                names::witnessed(&self.label, size);
                if self.standing.arrived(&self.name) {
                    tracing::info!(place = self.name, size, "a checkpoint has arrived again");
                }
                Some(size)
            }
            Err(trouble) => {
                let cause = trouble.to_string();
                if self.standing.failed(&self.name, self.clock.now(), trouble) {
                    tracing::warn!(place = self.name, size, cause, "a checkpoint was not taken");
                }
                taken
            }
        }
    }
}

/// The newest checkpoint, once it is another than this. A sealer that has ended has none any more.
async fn newer(latest: &mut Latest, taken: Option<u64>) -> Arc<SignedCheckpoint> {
    let is_newer = |checkpoint: &Option<Arc<SignedCheckpoint>>| {
        checkpoint.as_ref().is_some_and(|checkpoint| Some(checkpoint.checkpoint().size()) != taken)
    };
    let found = latest.wait_for(is_newer).await.ok().and_then(|found| found.clone());
    match found {
        Some(checkpoint) => checkpoint,
        None => std::future::pending().await,
    }
}

/// The envoys of a node with these settings, and what others see of them.
pub(crate) fn of_node(
    settings: &Settings,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    latest: &Latest,
) -> Result<(Vec<Envoy>, Standing), Failure> {
    let (audit, server) = (&settings.config.audit, &settings.config.server);
    let (mut envoys, standing) = (Vec::new(), Standing::default());
    let mut send = |place: Place, name: String, label: String, every: Duration| {
        let (latest, clock, standing) = (latest.clone(), Arc::clone(clock), standing.clone());
        envoys.push(Envoy { place, name, label, every, latest, clock, standing });
    };
    for (number, witness) in (1..).zip(&audit.witness) {
        let outlet = Outlet::new(audit.witnessed_in(&server.state));
        let cosigner = Cosigner::new(witness, Arc::clone(store), outlet, Arc::clone(clock))?;
        let name = witness.key.0.name().to_owned();
        send(Place::Witness(Box::new(cosigner)), name, format!("witness{number}"), witness.every.get());
    }
    if let Some(syslog) = &audit.syslog {
        let herald = Herald::new(syslog, server.name.0.as_str(), audit.enterprise_number, Arc::clone(clock))?;
        send(Place::Siem(herald), syslog.to.to_string(), "syslog".to_owned(), syslog.every.get());
    }
    Ok((envoys, standing))
}
