//! [`Teller`]: tells the directory what becomes of our mailboxes (R-BAL-7), one at a time.
//!
//! What a mailbox should be there is looked up in the store at the moment of telling; what it is there is asked of the
//! directory. So a try whose end nobody knows is simply made again, and nothing is ever told out of order.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pli_audit::EventKind;
use pli_directory::fhir::{Carrier, FhirFault, Held, Wanted, plan};
use pli_net::Shutdown;
use pli_store::{Publication, PublicationBacklog, PublicationOutcome, Store};
use pli_types::{Clock, MailAddress, Marked, Masker};

use super::wanted::{carrier, wanted};
use super::{Annuaire, Trouble, paper, patience};
use crate::trust::Author;

/// How often it is looked whether something waits: a look at an index.
const EVERY: Duration = Duration::from_secs(1);

/// Where it goes.
pub(crate) enum Way {
    /// To the directory.
    Send(Annuaire),
    /// Into this file, as it would be sent to the directory at this address.
    File { path: PathBuf, base: String },
}

/// Tells.
pub(crate) struct Teller {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) way: Way,
    pub(crate) masker: Masker,
    pub(crate) clock: Arc<dyn Clock>,
    /// How much waits, for the alarms.
    pub(crate) backlog: Backlog,
}

/// How much waited at the last look. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backlog(Arc<Mutex<PublicationBacklog>>);

impl Backlog {
    pub(crate) fn get(&self) -> PublicationBacklog {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, backlog: PublicationBacklog) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
    }
}

/// A try that did not go all the way.
struct Failed {
    trouble: Trouble,
    /// What the directory has now.
    held: Option<Held>,
}

impl Teller {
    /// Tells until the end.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut failed_in_a_row = 0;
        loop {
            let pause = match self.step().await {
                Ok(true) => {
                    failed_in_a_row = 0;
                    Duration::ZERO
                }
                Ok(false) => EVERY,
                // The next mailbox would meet the same.
                Err(trouble) => {
                    let pause = patience::wait(&trouble, failed_in_a_row);
                    failed_in_a_row = failed_in_a_row.saturating_add(1);
                    pause
                }
            };
            // Somebody may want it sooner: `pli directory publish`.
            let until = self.clock.now() + pause;
            loop {
                if shutdown.has_begun() {
                    return;
                }
                if self.clock.now() >= until || (pause > EVERY && self.is_hastened().await) {
                    break;
                }
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(EVERY.min(pause)) => {}
                }
            }
        }
    }

    /// Has something never been tried since it was last changed?
    async fn is_hastened(&self) -> bool {
        let first = self.store.waiting_publications(1).await;
        first.is_ok_and(|rows| rows.first().is_some_and(|row| row.attempts == 0))
    }

    /// Tells of one mailbox, if one is due; an error is one that all would meet.
    async fn step(&self) -> Result<bool, Trouble> {
        let due = self.store.waiting_publications(1).await;
        if let Ok(backlog) = self.store.publication_backlog().await {
            self.backlog.set(backlog);
        }
        let now = self.clock.now();
        let Some(one) = due.ok().and_then(|rows| rows.into_iter().next()).filter(|one| one.next_at <= now) else {
            return Ok(false);
        };
        match self.tell(&one).await {
            Ok(held) => {
                let changed = one.told != text(held.as_ref());
                let outcome = PublicationOutcome::Told(text(held.as_ref()));
                self.settle(&one, outcome, changed.then_some(held.is_some())).await;
                Ok(true)
            }
            Err(Failed { trouble, held }) => {
                let next_at = now.saturating_add(patience::wait(&trouble, one.attempts)).unwrap_or(now);
                let (fault, told) = (trouble.fault.code().to_owned(), text(held.as_ref()));
                tracing::warn!(
                    mailbox = self.masker.address(&one.address),
                    code = fault,
                    attempts = one.attempts + 1,
                    %next_at,
                    "the state's directory could not be told of a mailbox: {}",
                    trouble.fault
                );
                self.settle(&one, PublicationOutcome::Later { next_at, fault, told }, None).await;
                if trouble.fault.is_of_one() { Ok(true) } else { Err(trouble) }
            }
        }
    }

    /// `shown`: what the directory has of it has changed, and it has it now.
    async fn settle(&self, one: &Publication, outcome: PublicationOutcome, shown: Option<bool>) {
        let now = self.clock.now();
        let event = shown.map(|shown| {
            let what = if shown { "has" } else { "no longer has" };
            let said = Marked::plain(format!("the state's directory {what} "));
            let detail = Some(said.then(Marked::address(&one.address)).and(", as it should"));
            pli_audit::Event { detail, ..Author::Node.event(EventKind::Changed, now) }
        });
        let settled = self.store.settle_publication(one, outcome, now, event.into_iter().collect()).await;
        if let Err(error) = settled {
            tracing::warn!(%error, "what the state's directory was told is not noted, and will be told again");
        }
    }

    /// Makes the directory have of a mailbox what it should have; what it has then.
    async fn tell(&self, one: &Publication) -> Result<Option<Held>, Failed> {
        let told = held_of(one.told.as_deref());
        let record = match self.store.mailbox_record(&one.address).await {
            Ok(record) => record,
            Err(error) => {
                let what = format!("our own store: {error}");
                return Err(Failed { trouble: FhirFault::Unreachable(what).into(), held: told });
            }
        };
        let wanted = record.as_ref().and_then(wanted);
        match &self.way {
            Way::File { path, base } => {
                let orders = plan(told.as_ref(), wanted.as_ref());
                let requests = orders.iter().map(|order| order.request(base, None)).collect();
                match paper::append(path.clone(), requests).await {
                    Ok(()) => Ok(wanted.map(|wanted| wanted.as_held(told.as_ref()))),
                    Err(error) => {
                        let what = format!("{}: {error}", path.display());
                        Err(Failed { trouble: FhirFault::Unreachable(what).into(), held: told })
                    }
                }
            }
            Way::Send(annuaire) => {
                let here = record.as_ref().and_then(carrier);
                send(annuaire, &one.address, told, wanted, here).await
            }
        }
    }
}

/// First away from where it should not be any more, then to where it should be.
async fn send(
    annuaire: &Annuaire,
    address: &MailAddress,
    told: Option<Held>,
    wanted: Option<Wanted>,
    here: Option<Carrier>,
) -> Result<Option<Held>, Failed> {
    let left = told.as_ref().map(|told| told.at.clone());
    let left = left.filter(|left| wanted.as_ref().is_none_or(|wanted| wanted.at != *left));
    let told = match left {
        None => told,
        Some(left) => match align(annuaire, &left, address, told.as_ref(), None).await {
            // Who is not there any more has no mailbox there.
            Ok(_) | Err(Trouble { fault: FhirFault::NoCarrier { .. }, .. }) if wanted.is_none() => return Ok(None),
            Ok(_) | Err(Trouble { fault: FhirFault::NoCarrier { .. }, .. }) => None,
            Err(trouble) => return Err(Failed { trouble, held: told }),
        },
    };
    // The directory may have one that we never told it of.
    let Some(at) = wanted.as_ref().map(|wanted| wanted.at.clone()).or(here) else { return Ok(None) };
    match align(annuaire, &at, address, told.as_ref(), wanted.as_ref()).await {
        Ok(held) => Ok(held),
        Err(Trouble { fault: FhirFault::NoCarrier { .. }, .. }) if wanted.is_none() => Ok(None),
        Err(trouble) => Err(Failed { trouble, held: told }),
    }
}

/// One carrier: what it has, what it should have, and the orders in between.
async fn align(
    annuaire: &Annuaire,
    at: &Carrier,
    address: &MailAddress,
    told: Option<&Held>,
    wanted: Option<&Wanted>,
) -> Result<Option<Held>, Trouble> {
    let seen = annuaire.see(at).await?;
    let held = seen.held(at, address).map(|held| held.with_unseen(told));
    for order in plan(held.as_ref(), wanted) {
        annuaire.give(&order, seen.id.as_deref()).await?;
    }
    Ok(wanted.map(|wanted| wanted.as_held(held.as_ref())))
}

/// As it is kept in the store.
fn text(held: Option<&Held>) -> Option<String> {
    held.and_then(|held| serde_json::to_string(held).ok())
}

/// What cannot be read was not told: the directory is asked what it has.
pub(super) fn held_of(text: Option<&str>) -> Option<Held> {
    serde_json::from_str(text?).ok()
}

/// Since when and how much waits must be long enough to be somebody's business.
pub(crate) fn is_overdue(backlog: &PublicationBacklog, now: Timestamp) -> bool {
    let waits_for = backlog.oldest_since.map(|since| now.duration_since(since));
    backlog.fault.is_some() && waits_for.is_some_and(|waits_for| waits_for >= jiff::SignedDuration::from_hours(24))
}
