//! `pli audit erase`, at the desk: a patient is forgotten, once nothing of him is in use and the time of what is on record about
//! him is over, or the law asks for it before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Class, Event, EventKind};
use pli_store::{Erase, Recorded, Store};
use pli_types::{Ins, MailAddress, Marked, Person};
use serde::{Deserialize, Serialize};

use super::Sight;
use super::desk::{Desk, checked_reason};
use super::effect::Effect;
use super::house::House;
use super::patient::checked_ins;
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// Entries that are looked at at a time.
const PAGE: usize = 500;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Forget a patient, named by his INS. `before_time`: although the time of what is on record about him is not over.
    Erase { patient: String, reason: String, before_time: bool, dry_run: bool },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Told {
    pub(crate) outcome: Effect,
    /// Masked.
    pub(crate) patient: String,
    /// Entries of the record that are about him, or were.
    pub(crate) entries: u64,
    /// When the time of the last of them is over; none if it is.
    pub(crate) kept_until: Option<Timestamp>,
    /// Rows that went, or were made to forget him, by table.
    pub(crate) rows: BTreeMap<String, u64>,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        let Self::Erase { dry_run, .. } = self;
        !dry_run
    }
}

impl Desk {
    /// Answers.
    pub(super) async fn record(&self, ask: Ask, actor: &str) -> Result<Told, Failure> {
        let Ask::Erase { patient, reason, before_time, dry_run } = ask;
        let (store, house) = self.store_and_house()?;
        let (patient, now) = (checked_ins(&patient)?, self.clock.now());
        let reason = checked_reason(&reason)?;
        // The record would learn of somebody by his being forgotten.
        if Marked::text(reason).pieces().iter().any(|piece| piece.person().is_some()) {
            return Err(Failure::told(Exit::Usage, "erase-reason-names", &[]));
        }
        let erase = Erase { key: house.masker.lookup_address(&MailAddress::of_patient(&patient)), patient };
        let traces = store.traces_of(&erase).await?;
        if !traces.living.is_empty() {
            return Err(Failure::told(Exit::Conflict, "erase-in-use", &[("what", &traces.living.join(", "))]));
        }
        let about = About::look(store, house, &erase.patient, now).await?;
        if let Some(until) = about.kept_until.filter(|_| !before_time) {
            return Err(Failure::told(Exit::Conflict, "erase-too-early", &[("until", &until)]));
        }
        let rows = if dry_run {
            traces.rows
        } else {
            let early = if about.kept_until.is_some() { ", before the time of all is over" } else { "" };
            let detail = format!("a patient is erased, of whom {} entries tell{early}: {reason}", about.entries);
            let event = Author::Admin(actor.to_owned()).event(EventKind::Erased, now);
            store.erase(erase.clone(), vec![Event { detail: Some(Marked::plain(detail)), ..event }]).await?.rows
        };
        let outcome = if rows.is_empty() { Effect::Unchanged } else { Effect::Removed };
        Ok(Told {
            outcome: outcome.tried_if(dry_run),
            patient: Sight::masked(house.masker.clone()).patient(&erase.patient),
            entries: about.entries,
            kept_until: about.kept_until,
            rows: rows.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect(),
        })
    }
}

/// What is on record about a patient.
#[derive(Debug, Default)]
struct About {
    entries: u64,
    kept_until: Option<Timestamp>,
}

impl About {
    async fn look(store: &dyn Store, house: &House, patient: &Ins, now: Timestamp) -> Result<Self, Failure> {
        let person = Person::parse(patient.reveal());
        let (mut about, mut next) = (Self::default(), 0);
        loop {
            let indexes = store.entries_about(&person, next, PAGE).await?;
            let Some(last) = indexes.last() else { return Ok(about) };
            next = last.saturating_add(1);
            for Recorded { event, .. } in store.events_at(&indexes).await? {
                about.entries = about.entries.saturating_add(1);
                about.kept_until = about.kept_until.max(event.and_then(|event| kept_until(&event, house, now)));
            }
        }
    }
}

/// Until when an entry is to be kept, if that is still to come. What admins did, looking him up among it, tells of them, and
/// does not hold him.
fn kept_until(event: &Event, house: &House, now: Timestamp) -> Option<Timestamp> {
    let class = event.kind.class();
    let at: Timestamp = event.at.parse().ok().filter(|_| class != Class::Admin)?;
    let kept: SignedDuration = now.duration_since(house.audit.over_before(class, now));
    at.saturating_add(kept).ok().filter(|until| *until > now)
}
