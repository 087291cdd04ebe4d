//! Keeps the revocation lists that are given by file fresh: the file is looked at every second.

use std::time::Duration;

use pli_net::{Pki, Shutdown};
use pli_web::Metrics;

use crate::exit::chain;
use crate::metrics as names;

/// How often files are looked at. A change takes effect within two seconds (contract, "The sandbox").
const EVERY: Duration = Duration::from_secs(1);

/// The file that is watched, and what went wrong when it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pki: Pki,
    crl_fault: Option<String>,
}

impl Watch {
    pub(crate) fn new(pki: Pki) -> Self {
        Self { pki, crl_fault: None }
    }

    /// Looks at the file, off the async threads.
    pub(crate) async fn look(self) -> Self {
        let unchanged = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut watch = self;
            watch.revocations();
            watch
        });
        looked.await.unwrap_or(unchanged)
    }

    /// Looks again every second, and at once when `hurry` says so.
    pub(crate) async fn run(mut self, hurry: std::sync::Arc<tokio::sync::Notify>, page: Metrics, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.begun() => return,
                () = hurry.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            self = self.look().await;
            page.upkeep();
        }
    }

    fn revocations(&mut self) {
        let before = self.pki.generation();
        let fault = self.pki.refresh().err().map(|fault| chain(&fault));
        // Also when a part of the file is at fault.
        let generation = self.pki.generation();
        if generation != before {
            tracing::info!(generation, "new revocation lists are in force");
        }
        if let Some(fault) = &fault {
            metrics::counter!(names::CRL_FAILURES).increment(1);
            if self.crl_fault.as_ref() != Some(fault) {
                tracing::warn!(
                    %fault,
                    "not all revocation lists can be put in force; earlier ones stay until they end, and without one \
                     all certificates are refused"
                );
            }
        }
        self.crl_fault = fault;
    }
}
