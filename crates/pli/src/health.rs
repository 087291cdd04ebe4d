//! What `/health/ready` asks: does the store answer and take what is written, is a trust list in force, does our own certificate hold?

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pli_directory::TrustHandle;
use pli_net::Pki;
use pli_store::{Store, StoreError};
use pli_types::{CertificateUse, Clock, PresentedCertificate};
use pli_web::{Check, Health};

/// A store that takes longer is not there for a sender either.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What is asked.
pub(crate) struct NodeHealth {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) trust: TrustHandle,
    pub(crate) pki: Pki,
    pub(crate) certificate: PresentedCertificate,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Health for NodeHealth {
    async fn checks(&self) -> Vec<Check> {
        vec![self.store().await, self.trust_list(), self.certificate()]
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

    fn trust_list(&self) -> Check {
        match self.trust.current() {
            Some(_) => Check::holds("trust-list"),
            None => Check::fails("trust-list", "no trust list is in force"),
        }
    }

    /// Judges our own certificate as a peer would. This also tells whether revocation lists are in force: without
    /// them nobody is believed, we ourselves neither (R-SMTP-8).
    fn certificate(&self) -> Check {
        match self.pki.judge(&self.certificate, CertificateUse::Server, self.clock.now()) {
            Ok(()) => Check::holds("certificate"),
            Err(fault) => Check::fails("certificate", fault.to_string()),
        }
    }
}
