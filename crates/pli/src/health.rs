//! What `/health/ready` asks: does the store answer and take what is written, and is no alarm on that stops mail?

use std::sync::Arc;

use async_trait::async_trait;
use pli_store::Store;
use pli_web::{Check, Health};

use crate::alarms::rounds::Sources;
use crate::alarms::{Alarm, Code};

/// Alarms about the store.
const STORE: [Code; 2] = [Code::DiskFull, Code::StoreFailing];

/// What is asked.
pub(crate) struct NodeHealth {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sources: Sources,
}

#[async_trait]
impl Health for NodeHealth {
    async fn checks(&self) -> Vec<Check> {
        self.sources.attention.probe(&*self.store).await;
        // Signatures are checked: not among the threads that serve.
        let (sources, scans) = (self.sources.clone(), self.sources.scanner.is_some());
        match tokio::task::spawn_blocking(move || sources.alarms()).await {
            Ok(alarms) => checks(&alarms, scans),
            Err(_) => vec![Check::fails("certificate", "the node cannot judge its own state")],
        }
    }
}

/// What holds while these alarms are on. Where nothing is scanned, nothing is said of a scanner.
pub(crate) fn checks(alarms: &[Alarm], scans: bool) -> Vec<Check> {
    let mut checks = vec![store(alarms), trust_list(alarms), certificate(alarms)];
    checks.extend(scans.then(|| virus_scanner(alarms)));
    checks
}

/// A store that answers has no room for a message all the same, where its disk is full: the probe changes one number.
fn store(alarms: &[Alarm]) -> Check {
    check("store", alarms.iter().filter(|alarm| STORE.contains(&alarm.code)))
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
    let elsewhere = |code| [Code::ListMissing, Code::VirusScannerDown].contains(&code) || STORE.contains(&code);
    check("certificate", alarms.iter().filter(|alarm| !elsewhere(alarm.code)))
}

/// Fails by the first that stops mail. What only needs to be looked at does not take a node out of service.
fn check<'a>(name: &'static str, mut alarms: impl Iterator<Item = &'a Alarm>) -> Check {
    match alarms.find(|alarm| alarm.stops_mail) {
        Some(alarm) => Check::fails_by(name, alarm.code.as_str(), alarm.what.clone()),
        None => Check::holds(name),
    }
}
