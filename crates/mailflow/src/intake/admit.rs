//! Before and after `MAIL` is judged: is there room for another message?

use std::time::Duration;

use pli_audit::Face;
use pli_net::Shutdown;
use pli_policy::{Origin, Reason};

use super::transaction::Transaction;
use super::{Intake, Refusal};
use crate::metrics;

/// How often the store is looked at while nobody asks.
const LOOK: Duration = Duration::from_secs(1);

impl Intake {
    /// Is there a store that keeps up? While there is none, nothing is begun, and no refusal is recorded either: the record
    /// would wait behind what waits already. It is counted, and told in the log once.
    pub(super) fn has_room(&self, face: Face) -> Result<(), Refusal> {
        if !self.traffic.store_is_behind(self.store.0.backlog(), self.config.traffic.behind) {
            return Ok(());
        }
        self.traffic.note_refusal();
        metrics::refused(face, Reason::StoreUnavailable);
        Err(Refusal { reason: Reason::StoreUnavailable, temporary: true })
    }

    /// Looks at the store, until the end: what is measured of it is as it is now, and the log tells when it has caught up,
    /// whether mail comes or not.
    pub async fn watch_store(self, shutdown: Shutdown) {
        loop {
            self.traffic.store_is_behind(self.store.0.backlog(), self.config.traffic.behind);
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

impl Transaction {
    /// Takes a place among the messages on their way in, and one of the minute's, for whoever brings this one. The first
    /// refusal in a row is recorded, and all are counted.
    pub(super) async fn enter(&mut self) -> Result<(), Refusal> {
        let limits = self.intake.config.traffic;
        let Some(who) = self.witness.actor().filter(|_| self.facts.origin != Origin::Relay) else { return Ok(()) };
        let per_minute = if self.face == Face::Submission { limits.per_account } else { limits.per_peer };
        match self.intake.traffic.enter(who, per_minute, limits.share, self.intake.clock.now()) {
            Ok(place) => {
                self.place = Some(place);
                return Ok(());
            }
            Err(too_much) if too_much.first => self.record_refusal(Reason::RateExceeded, None).await,
            Err(_) => metrics::refused(self.face, Reason::RateExceeded),
        }
        Err(Refusal { reason: Reason::RateExceeded, temporary: true })
    }
}
