//! What was dispensed is forgotten once it can open no door any more (R-WHO-4): once a day, and at the start.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind};
use pli_net::Shutdown;
use pli_store::{Store, StoreError};
use pli_types::{Clock, Marked, Span};

use crate::dispensations::first_kept;
use crate::exit::chain;
use crate::trust::Author;

/// How often the clock is looked at.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Rows that are forgotten in one transaction; mail is taken between two of them.
const ROWS: usize = 5000;

/// Forgets, until the end.
pub(crate) struct Forgetting {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    kept: Span,
}

impl Forgetting {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, kept: Span) -> Self {
        Self { store, clock, kept }
    }

    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut last: Option<Timestamp> = None;
        loop {
            let now = self.clock.now();
            // Also if the clock was set back.
            if last.is_none_or(|last| now < last || now.duration_since(last) >= DAY) {
                if let Err(error) = self.turn(now, &shutdown).await {
                    tracing::error!(error = %chain(&error), "old dispensings are still kept; tried again tomorrow");
                }
                last = Some(now);
            }
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Forgets all that is old; how many.
    async fn turn(&self, now: Timestamp, shutdown: &Shutdown) -> Result<u64, StoreError> {
        let before = first_kept(now, self.kept);
        let mut forgotten = 0;
        while !shutdown.has_begun() {
            let rows = self.store.forget_dispensings(before, ROWS, Vec::new()).await?;
            forgotten += rows;
            if rows < ROWS as u64 {
                break;
            }
        }
        if forgotten > 0 {
            let detail =
                Some(Marked::plain(format!("dispensings forgotten: {forgotten}, of weeks that ended before {before}")));
            let event = Event { detail, ..Author::Node.event(EventKind::Changed, now) };
            self.store.append_audit(vec![event]).await?;
            tracing::info!(count = forgotten, %before, "old dispensings are forgotten");
        }
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use pli_store::{Config, Dispensing};
    use pli_types::{FinessId, Ins, ManualClock};

    use super::*;

    #[tokio::test]
    async fn what_is_older_than_is_kept_is_forgotten_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, "ab".repeat(32)).unwrap();
        std::fs::set_permissions(&master_key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = Config { url: format!("sqlite://{}", folder.path().join("pli.db").display()), master_key };
        let clock = Arc::new(ManualClock::new("2026-03-01T08:00:00Z".parse().unwrap()));
        let store = pli_store::open(&config, clock.clone()).await.unwrap();
        let patient = Ins::parse("279035121518989").unwrap();
        let row = |on: &str| Dispensing {
            patient: patient.clone(),
            pharmacy: FinessId::parse("750000018").unwrap(),
            on: on.parse().unwrap(),
            reimbursed: true,
        };
        store.put_dispensings(vec![row("2025-01-10"), row("2025-02-28"), row("2026-02-01")], Vec::new()).await.unwrap();
        let forgetting = Forgetting::new(Arc::clone(&store), clock.clone(), "400d".parse().unwrap());
        let shutdown = Shutdown::default();
        assert_eq!(forgetting.turn(clock.now(), &shutdown).await.unwrap(), 1);
        assert_eq!(forgetting.turn(clock.now(), &shutdown).await.unwrap(), 0);
        clock.advance(SignedDuration::from_hours(24 * 60));
        assert_eq!(forgetting.turn(clock.now(), &shutdown).await.unwrap(), 1);
        assert_eq!(store.dispensings(&patient, None, 10).await.unwrap(), [row("2026-02-01")]);
    }
}
