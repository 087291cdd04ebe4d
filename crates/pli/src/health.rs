//! What `/health/ready` asks: does the store answer and take what is written, and is no alarm on that stops mail?

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pli_store::{Store, StoreError};
use pli_web::{Check, Health};

use crate::alarms::rounds::Sources;
use crate::alarms::{Alarm, Code};

/// A store that takes longer is not there for a sender either.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What is asked.
pub(crate) struct NodeHealth {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sources: Sources,
}

#[async_trait]
impl Health for NodeHealth {
    async fn checks(&self) -> Vec<Check> {
        // Signatures are checked: not among the threads that serve.
        let sources = self.sources.clone();
        let store = self.store().await;
        match tokio::task::spawn_blocking(move || sources.alarms()).await {
            Ok(alarms) => {
                let mut checks = vec![roomy(store, &alarms), trust_list(&alarms), certificate(&alarms)];
                // Where nothing is scanned, nothing is said of a scanner.
                checks.extend(self.sources.scanner.is_some().then(|| virus_scanner(&alarms)));
                checks
            }
            Err(_) => vec![store, Check::fails("certificate", "the node cannot judge its own state")],
        }
    }
}

impl NodeHealth {
    /// Reads and writes: on a full disk everything can still be read, and no message is taken.
    async fn store(&self) -> Check {
        let both = async {
            self.store.next_due_at().await?;
            self.store.probe().await
        };
        match tokio::time::timeout(STORE_PATIENCE, both).await {
            Ok(Ok(())) => Check::holds("store"),
            Ok(Err(StoreError::Unavailable { full: true, .. })) => Check::fails("store", "the store's disk is full"),
            Ok(Err(_)) => Check::fails("store", "the store answers with an error"),
            Err(_) => Check::fails("store", "the store does not answer"),
        }
    }
}

/// A store that answers has no room for a message all the same, where its disk is full: the probe changes one number.
fn roomy(store: Check, alarms: &[Alarm]) -> Check {
    let full = alarms.iter().find(|alarm| alarm.code == Code::DiskFull && alarm.stops_mail);
    full.map_or(store, |alarm| Check::fails_by("store", alarm.code.as_str(), alarm.what.clone()))
}

fn trust_list(alarms: &[Alarm]) -> Check {
    check("trust-list", alarms.iter().filter(|alarm| alarm.code == Code::ListMissing))
}

fn virus_scanner(alarms: &[Alarm]) -> Check {
    check("virus-scanner", alarms.iter().filter(|alarm| alarm.code == Code::VirusScannerDown))
}

/// Our own certificate, as a peer judges it. This also tells whether revocation lists are in force: without them
/// nobody is believed, we ourselves neither (R-SMTP-8).
fn certificate(alarms: &[Alarm]) -> Check {
    check(
        "certificate",
        alarms
            .iter()
            .filter(|alarm| ![Code::ListMissing, Code::VirusScannerDown, Code::DiskFull].contains(&alarm.code)),
    )
}

/// Fails by the first that stops mail. What only needs to be looked at does not take a node out of service.
fn check<'a>(name: &'static str, mut alarms: impl Iterator<Item = &'a Alarm>) -> Check {
    match alarms.find(|alarm| alarm.stops_mail) {
        Some(alarm) => Check::fails_by(name, alarm.code.as_str(), alarm.what.clone()),
        None => Check::holds(name),
    }
}
