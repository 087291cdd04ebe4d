//! Delivery: claim, route, carry, settle.
//!
//! `worker` claims due rows and starts what `backlog` says is next; `courier` carries one parcel and tells how it went,
//! `transcript` what was said; `settle` turns that into outcome, record and report. `circuit` says which destinations are
//! not tried just now, `retry` when to try again and `dsn` what the sender is told: all three are pure.

mod backlog;
mod canonical;
mod circuit;
mod commands;
mod courier;
mod dialogue;
mod dsn;
mod exchange;
mod opening;
mod ours;
mod pool;
pub mod probe;
mod reply;
mod report;
mod retry;
mod returned;
mod route;
mod settle;
mod transcript;
mod transport;
mod unproven;
pub(crate) mod verdict;
mod words;
mod worker;

use std::sync::Arc;

use pli_net::{ClientTls, Resolver, Shutdown};
use tokio::sync::Notify;

use crate::intake::Intake;
pub(crate) use report::reporting_domain;

/// `[delivery]`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Connections to other servers at once, in all.
    pub connections: usize,
    /// And to the servers of one destination: a burst for one hospital must neither hold every slot nor flood it.
    pub connections_per_destination: usize,
    /// The port of the servers that the DNS names.
    pub port: u16,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { connections: 20, connections_per_destination: 5, port: 25 }
    }
}

/// The way out.
#[derive(Debug)]
pub struct Delivery {
    /// Reports go in by the same door as every message.
    pub intake: Intake,
    /// What we show to other servers.
    pub tls: ClientTls,
    /// Where they are.
    pub resolver: Resolver,
    /// Settings.
    pub config: DeliveryConfig,
    /// Has the queue looked at now, whatever the clock said last.
    pub hurry: Arc<Notify>,
}

impl Delivery {
    /// Works until shutdown begins, then finishes what is under way, for 20 seconds at most. What is cut off then is
    /// tried again later.
    pub async fn run(self, shutdown: Shutdown) {
        worker::run(self, shutdown).await;
    }
}
