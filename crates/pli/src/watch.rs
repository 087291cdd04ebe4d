//! Keeps the trust list and the revocation lists fresh: their files are looked at every second.

use std::time::Duration;

use pli_directory::{FileSource, ListFault, Offer, TrustHandle};
use pli_net::{Pki, Shutdown};
use pli_types::{Clock as _, SystemClock};
use pli_web::Metrics;

use crate::exit::chain;
use crate::metrics as names;

/// How often files are looked at. A change takes effect within two seconds (contract, "The sandbox").
const EVERY: Duration = Duration::from_secs(1);

/// The files that are watched, and what went wrong with each when it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    trust: TrustHandle,
    source: FileSource,
    pki: Pki,
    list_fault: Option<ListFault>,
    crl_fault: Option<String>,
}

impl Watch {
    pub(crate) fn new(trust: TrustHandle, source: FileSource, pki: Pki) -> Self {
        Self { trust, source, pki, list_fault: None, crl_fault: None }
    }

    /// Looks at both files, off the async threads.
    pub(crate) async fn look(self) -> Self {
        let unchanged = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut watch = self;
            watch.list();
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

    fn list(&mut self) {
        let fault = match self.offer_list() {
            Ok(None) => self.list_fault.clone(),
            Ok(Some(Offer::Unchanged)) => None,
            Ok(Some(Offer::Installed(_))) => {
                self.tell_list();
                None
            }
            Err(fault) => Some(fault),
        };
        if let Some(fault) = &fault {
            metrics::counter!(names::TRUST_LIST_FAILURES).increment(1);
            if self.list_fault.as_ref() != Some(fault) {
                let stays = self.trust.current().is_some();
                let fault = chain(fault);
                tracing::warn!(%fault, "the trust list cannot be put in force; {}", list_consequence(stays));
            }
        }
        self.list_fault = fault;
    }

    /// Offers the file, if it has changed.
    fn offer_list(&mut self) -> Result<Option<Offer>, ListFault> {
        let Some((bytes, _)) = self.source.read_if_changed()? else { return Ok(None) };
        let source = self.source.path().display().to_string();
        self.trust.offer(&bytes, &source, SystemClock.now()).map(Some)
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

    #[expect(clippy::cast_precision_loss, reason = "a gauge; both numbers are far below 2^52")]
    fn tell_list(&self) {
        let Some(list) = self.trust.current() else { return };
        metrics::gauge!(names::TRUST_LIST_ENTRIES).set(list.entries() as f64);
        metrics::gauge!(names::TRUST_LIST_GENERATED_AT).set(list.generated_at().as_second() as f64);
        tracing::info!(
            entries = list.entries(),
            domains = list.domains(),
            generated_at = %list.generated_at(),
            "a new trust list is in force"
        );
    }
}

fn list_consequence(stays: bool) -> &'static str {
    if stays { "the one in force stays" } else { "without one all mail is put off with list-unavailable" }
}
