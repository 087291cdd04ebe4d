//! `pli relation`, at the desk: what lies between a patient and those who write to him, why he may or may not write to one
//! of them, and closing it by an admin's hand.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use pli_mailflow::intake::relation_facts;
use pli_policy::{Decision, RelationFacts, may_write};
use pli_store::{ContactEvent, ContactRecord, Store};
use pli_types::{Domain, Ins, LocalPart, MailAddress, Marked, Relation};
use serde::{Deserialize, Serialize};

use super::desk::{Desk, checked_reason};
use super::effect::Effect;
use super::house::House;
use super::patient::checked_ins;
use super::{Sight, mailbox};
use crate::exit::{Exit, Failure};
use crate::organisations::OrganisationBook;

/// The most contacts of one page.
const PAGE_MAX: usize = 1000;
/// How much of a history is told: its last events.
const HISTORY_MAX: usize = 500;

/// What can be asked. A patient is named by his INS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// A page of a patient's contacts, by address. `reveal`: why he is to be named in clear, for the record.
    List {
        patient: String,
        after: Option<String>,
        limit: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// One contact, with its history; `reveal` as of a page.
    Show {
        patient: String,
        contact: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// Let the patient write to it no longer.
    Close { patient: String, contact: String, reason: String, dry_run: bool },
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::List`]; `next` is what to ask for the page after, if there is one.
    Page { rows: Vec<RelationTold>, next: Option<String> },
    /// To [`Ask::Show`].
    Shown(Box<Shown>),
    /// To [`Ask::Close`].
    Change { outcome: Effect, relation: RelationTold },
}

/// A contact, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RelationTold {
    pub(crate) patient: String,
    pub(crate) contact: String,
    pub(crate) relation: String,
    /// Since when it is so; none if nothing ever lay between them.
    pub(crate) since: Option<Timestamp>,
    pub(crate) opened_by: Option<String>,
    /// When its last message came that cannot be answered.
    pub(crate) unanswerable_at: Option<Timestamp>,
}

/// A contact, and why the patient may or may not write to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) relation: RelationTold,
    /// Today, by a message that answers nothing which cannot be answered.
    pub(crate) may_write: bool,
    /// Why not: a reason's stable code.
    pub(crate) reason: Option<String>,
    /// Its FINESS number, if it is a pharmacy's ORG mailbox that the directory shows.
    pub(crate) pharmacy: Option<String>,
    /// The last day on which that pharmacy dispensed to him with reimbursement.
    pub(crate) last_reimbursed_on: Option<Date>,
    /// And at all.
    pub(crate) last_dispensed_on: Option<Date>,
    /// Would that let him write, whatever was written?
    pub(crate) pharmacy_opens: Option<bool>,
    /// What happened, the first first.
    pub(crate) history: Vec<EventTold>,
    /// How many happened before those.
    pub(crate) earlier_events: usize,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct EventTold {
    pub(crate) at: Timestamp,
    pub(crate) turn: String,
    pub(crate) by: String,
    /// What lay between them then.
    pub(crate) relation: String,
    pub(crate) message: Option<String>,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            // To be shown in clear is on record.
            Self::List { reveal, .. } | Self::Show { reveal, .. } => reveal.is_some(),
            Self::Close { dry_run, .. } => !dry_run,
        }
    }
}

impl Desk {
    /// Answers about patients' contacts.
    pub(super) async fn relation(&self, ask: Ask, actor: &str) -> Result<Told, Failure> {
        let (store, house) = self.store_and_house()?;
        house.check_hosts_patients()?;
        match ask {
            Ask::List { patient, after, limit, reveal } => {
                let patient = checked_ins(&patient)?;
                let shown = MailAddress::of_patient(&patient).reveal();
                let sight = self.sight("relation list", Some(&shown), reveal.as_deref(), actor).await?;
                list(store, &patient, after.as_deref(), limit, &sight).await
            }
            Ask::Show { patient, contact, reveal } => {
                let (patient, contact) = (checked_ins(&patient)?, parse_contact(&contact)?);
                let shown = MailAddress::of_patient(&patient).reveal();
                let sight = self.sight("relation show", Some(&shown), reveal.as_deref(), actor).await?;
                let facts = self.relation_facts(&patient, &contact).await?;
                show(store, house, &patient, &contact, facts, &sight).await
            }
            Ask::Close { patient, contact, reason, dry_run } => {
                let (patient, contact) = (checked_ins(&patient)?, parse_contact(&contact)?);
                let reason = checked_reason(&reason)?;
                let effect = self.close(store, house, &patient, &contact, (reason, actor), dry_run).await?;
                let known = store.contact(&patient, &contact).await?;
                let relation = told(&patient, &contact, known.as_ref(), &house.sight());
                Ok(Told::Change { outcome: effect, relation })
            }
        }
    }

    /// What the rule looks at when the patient writes.
    async fn relation_facts(&self, patient: &Ins, contact: &MailAddress) -> Result<RelationFacts, Failure> {
        let store = self.store.as_ref().ok_or_else(|| Failure::defect("a desk without a store"))?;
        let book = OrganisationBook::new(Arc::clone(store), self.state.clone());
        Ok(relation_facts(&**store, &book, self.clock.now(), patient, contact).await?)
    }

    async fn close(
        &self,
        store: &dyn Store,
        house: &House,
        patient: &Ins,
        contact: &MailAddress,
        (reason, actor): (&str, &str),
        dry_run: bool,
    ) -> Result<Effect, Failure> {
        let unknown = || Failure::told(Exit::NotFound, "relation-unknown", &[]);
        let known = store.contact(patient, contact).await?.ok_or_else(unknown)?;
        if known.relation == Relation::Closed {
            return Ok(Effect::Unchanged.tried_if(dry_run));
        }
        if dry_run {
            return Ok(Effect::WouldBeChanged);
        }
        let now = self.clock.now();
        let what = Marked::plain("contact ").then(Marked::address(contact)).and(" closed");
        let event = House::event(now, actor, Some(&MailAddress::of_patient(patient)), what, Some(reason));
        let closed = store.close_contact(patient, contact, &whose_hand(house)?, now, vec![event]).await?;
        tracing::info!(actor, "a patient's contact is closed");
        Ok(if closed { Effect::Changed } else { Effect::Unchanged })
    }
}

fn parse_contact(text: &str) -> Result<MailAddress, Failure> {
    mailbox::address(text)
}

/// In whose name an admin closes: the operator's postmaster. Who it was is on record.
fn whose_hand(house: &House) -> Result<MailAddress, Failure> {
    if let Some(postmaster) = &house.postmaster {
        return Ok(postmaster.clone());
    }
    let domain = house.hosted.first().cloned().unwrap_or_else(Domain::of_patients);
    let local = LocalPart::parse("postmaster").map_err(|error| Failure::defect(error.to_string()))?;
    Ok(MailAddress::new(local, domain))
}

async fn list(
    store: &dyn Store,
    patient: &Ins,
    after: Option<&str>,
    limit: usize,
    sight: &Sight,
) -> Result<Told, Failure> {
    let (after, limit) = (after.map(parse_contact).transpose()?, limit.clamp(1, PAGE_MAX));
    let records = store.contacts(patient, after.as_ref(), limit).await?;
    let last = records.last().filter(|_| records.len() == limit);
    Ok(Told::Page {
        next: last.map(|record| record.contact.reveal()),
        rows: records.iter().map(|record| told(patient, &record.contact, Some(record), sight)).collect(),
    })
}

/// Where nothing ever lay between them, that is the answer.
async fn show(
    store: &dyn Store,
    house: &House,
    patient: &Ins,
    contact: &MailAddress,
    facts: RelationFacts,
    sight: &Sight,
) -> Result<Told, Failure> {
    let known = store.contact(patient, contact).await?;
    let events = store.contact_history(patient, contact).await?;
    let reason = match may_write(&facts, &house.patient) {
        Decision::Refuse(reason) => Some(reason.code().to_owned()),
        _ => None,
    };
    let pharmacy_opens = facts.pharmacy.is_some().then(|| {
        let relation = if facts.relation == Relation::Open { Relation::None } else { facts.relation };
        may_write(&RelationFacts { relation, ..facts.clone() }, &house.patient) == Decision::Accept
    });
    let pharmacy = facts.pharmacy.as_ref();
    let earlier_events = events.len().saturating_sub(HISTORY_MAX);
    Ok(Told::Shown(Box::new(Shown {
        relation: told(patient, contact, known.as_ref(), sight),
        may_write: reason.is_none(),
        reason,
        pharmacy: pharmacy.map(|pharmacy| pharmacy.finess.to_string()),
        last_reimbursed_on: pharmacy.and_then(|pharmacy| pharmacy.reimbursed),
        last_dispensed_on: pharmacy.and_then(|pharmacy| pharmacy.any),
        pharmacy_opens,
        history: timeline(&events, sight).split_off(earlier_events),
        earlier_events,
    })))
}

fn told(patient: &Ins, contact: &MailAddress, known: Option<&ContactRecord>, sight: &Sight) -> RelationTold {
    RelationTold {
        patient: sight.patient(patient),
        contact: sight.address(contact),
        relation: known.map(|known| known.relation).unwrap_or_default().as_str().to_owned(),
        since: known.map(|known| known.since),
        opened_by: known.and_then(|known| known.opened_by.as_ref()).map(|by| sight.address(by)),
        unanswerable_at: known.and_then(|known| known.unanswerable_at),
    }
}

/// The events, each with what lay between them then.
fn timeline(events: &[ContactEvent], sight: &Sight) -> Vec<EventTold> {
    let steps = events.iter().scan(Relation::None, |relation, event| {
        *relation = relation.after(event.turn);
        Some(EventTold {
            at: event.at,
            turn: event.turn.as_str().to_owned(),
            by: sight.address(&event.by),
            relation: relation.as_str().to_owned(),
            message: event.message.map(|id| id.to_string()),
        })
    });
    steps.collect()
}
