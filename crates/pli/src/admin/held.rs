//! What an admin decides on a held message: it goes on, or back. Each decision is on record with his name and his reason.

use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_mailflow::{Intake, NotReleased, Released};
use pli_store::{QueueRow, Store};
use pli_types::Masker;

use super::changes::queue_row;
use super::protocol::Decided;
use crate::exit::{Exit, Failure};
use crate::trust::Author;
use crate::words::Said;

/// The held row that an admin means.
async fn held_row(store: &dyn Store, id: &str) -> Result<(QueueRow, String), Failure> {
    let row = queue_row(store, id).await?;
    match row.held.clone() {
        Some(held) => Ok((row, held)),
        None => Err(Failure::told(Exit::Conflict, "queue-row-not-held", &[("id", &id)])),
    }
}

fn decided(row: &QueueRow, held: String, outcome: &str, dry_run: bool) -> Decided {
    let outcome = if dry_run { format!("would-be-{outcome}") } else { outcome.to_owned() };
    Decided { outcome, id: row.id.to_string(), message: row.message.to_string(), held, dry_run }
}

/// Lets it go to its recipient.
pub(super) async fn release(
    intake: &Intake,
    id: &str,
    reason: &str,
    dry_run: bool,
    actor: &str,
) -> Result<Decided, Failure> {
    let (row, held) = held_row(&*intake.store.0, id).await?;
    let event = Author::Admin(actor.to_owned()).event(EventKind::Released, intake.clock.now());
    let event = Event { detail: Some(intake.masker.scrub(reason)), ..event };
    let outcome = match intake.release(&row, event, dry_run).await {
        Ok(Released::Delivered) => "delivered",
        Ok(Released::Due) => "due",
        Err(NotReleased::Refused(reason)) => {
            return Err(Failure::refused(reason, Said::new("queue-row-not-released", &[("reason", &reason.code())])));
        }
        Err(NotReleased::Store(error)) => return Err(error.into()),
    };
    Ok(decided(&row, held, outcome, dry_run))
}

/// What is needed to give one back.
pub(super) struct Dropping<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) masker: &'a Masker,
    pub(super) now: Timestamp,
}

impl Dropping<'_> {
    /// Gives it back to its sender, who gets a report: nothing that was taken ends without a word.
    pub(super) async fn drop_row(
        &self,
        id: &str,
        reason: &str,
        dry_run: bool,
        actor: &str,
    ) -> Result<Decided, Failure> {
        let (row, held) = held_row(self.store, id).await?;
        if !dry_run {
            let event = Event {
                message: Some(row.message),
                sender: Some(self.masker.path(&row.sender)),
                recipient: Some(self.masker.address(&row.recipient)),
                reason: Some(held.clone()),
                detail: Some(self.masker.scrub(reason)),
                ..Author::Admin(actor.to_owned()).event(EventKind::Dropped, self.now)
            };
            self.store.drop_held(row.id, self.now, vec![event]).await?;
        }
        Ok(decided(&row, held, "dropped", dry_run))
    }
}
