//! Delivery: claim, route, courier, settle.

use std::time::Duration;

use pli_net::{ClientTls, Resolver, Shutdown};

use crate::intake::Intake;

/// `[delivery]`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Connections to other servers at once.
    pub connections: usize,
    /// The port of the servers that the DNS names.
    pub port: u16,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { connections: 20, port: 25 }
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
}

impl Delivery {
    /// Works until shutdown begins.
    pub async fn run(self, shutdown: Shutdown) {
        let _ = (&self, Duration::ZERO);
        shutdown.begun().await;
    }
}
