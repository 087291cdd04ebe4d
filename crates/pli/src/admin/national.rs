//! The copy of the national directory that a command has built: put in place, and on record under an admin's name.

use pli_audit::{Event, EventKind};
use pli_store::national::{self, About};
use pli_types::Marked;

use super::desk::Desk;
use crate::exit::{Exit, Failure};
use crate::trust::{Author, ChangeFault};

impl Desk {
    /// Installs the prepared copy, if it is the one that is meant.
    pub(super) async fn install_directory(&self, digest: &str, actor: &str) -> Result<About, Failure> {
        let Some(store) = &self.store else { return Err(Failure::defect("a change without a store")) };
        let prepared = national::prepared(&self.state).await?;
        if prepared.is_none_or(|about| about.digest != digest) {
            return Err(Failure::told(Exit::NotFound, "directory-not-prepared", &[]));
        }
        let about = national::install(&self.state).await?;
        let event = Event {
            detail: Some(Marked::plain(format!(
                "national directory imported: {} lines, {} not taken, sha-256 {}",
                about.taken, about.refused, about.digest
            ))),
            ..Author::Admin(actor.to_owned()).event(EventKind::Changed, self.clock.now())
        };
        store.append_audit(vec![event]).await.map_err(ChangeFault::Record)?;
        Ok(about)
    }
}
