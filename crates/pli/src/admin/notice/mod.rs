//! What an admin asks about notices to many patients, and the desk's answers. Sending is the node's own work
//! ([`pli_mailflow::campaign`]); here a notice is begun, given recipients, paused and looked at.

mod check;

use pli_audit::{Event, EventKind};
use pli_mailflow::campaign::Template;
use pli_store::{CampaignOutcome, CampaignRecipient, CampaignRecord, Enlisted, NewCampaign, Store, StoreError};
use pli_types::{Domain, Marked, Pace};
use serde::{Deserialize, Serialize};

use super::desk::{Desk, checked_reason};
use super::effect::Effect;
use super::house::House;
use super::rows;
use crate::exit::{Exit, Failure};
use crate::trust::Author;

pub(crate) use check::{check_name, read_template, recipient};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(crate) enum Ask {
    /// A page of them, the oldest first.
    List { after: Option<String>, limit: usize },
    /// How does this one stand?
    Show { name: String },
    /// Let there be this one, of the attached template.
    Begin { name: String, pace: String, dry_run: bool },
    /// Send it to the attached recipients too: a JSON array of [`Recipient`], each with its line.
    Enlist { name: String, dry_run: bool },
    /// Stop it for now, or let it go on.
    Pause { name: String, paused: bool, reason: Option<String>, dry_run: bool },
}

/// A recipient, as he comes along. No `Debug`: it is a person.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipient {
    /// Who.
    pub(crate) ins: String,
    /// What is put into the template's places, in their order.
    pub(crate) values: Vec<String>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::List`]; `next` is what to ask for the page after, if there is one.
    Page { rows: Vec<Row>, next: Option<String> },
    /// To [`Ask::Show`].
    One(Row),
    /// To [`Ask::Begin`] and [`Ask::Pause`]; no row of one that would be begun.
    Done { effect: Effect, row: Option<Row> },
    /// To [`Ask::Enlist`].
    Enlisted { added: u64, known: u64 },
}

/// A notice, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) pace: String,
    pub(crate) begun_at: jiff::Timestamp,
    /// How many have it, how many wait for it, how many will not get it.
    pub(crate) sent: u64,
    pub(crate) waiting: u64,
    pub(crate) returned: u64,
    /// The first and the last that were sent.
    pub(crate) first_sent_at: Option<jiff::Timestamp>,
    pub(crate) last_sent_at: Option<jiff::Timestamp>,
    /// Why those will not, and when the first and the last of them were found.
    pub(crate) returned_because: Vec<Returned>,
}

/// How many will not get it for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Returned {
    pub(crate) reason: String,
    pub(crate) patients: u64,
    pub(crate) first_at: jiff::Timestamp,
    pub(crate) last_at: jiff::Timestamp,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Some wait for it.
    Sending,
    /// Nobody waits.
    Done,
    /// An admin has stopped it for now.
    Paused,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::List { .. } | Self::Show { .. } => false,
            Self::Begin { dry_run, .. } | Self::Enlist { dry_run, .. } | Self::Pause { dry_run, .. } => !dry_run,
        }
    }
}

impl From<CampaignRecord> for Row {
    fn from(record: CampaignRecord) -> Self {
        let is_sent = |outcome: &str| outcome == CampaignOutcome::SENT;
        let sent = record.outcomes.iter().find(|count| is_sent(&count.outcome));
        let state = match (record.paused, record.waiting) {
            (_, 0) => State::Done,
            (true, _) => State::Paused,
            (false, _) => State::Sending,
        };
        let others = record.outcomes.iter().filter(|count| !is_sent(&count.outcome));
        let returned_because: Vec<_> = others
            .map(|count| Returned {
                reason: count.outcome.clone(),
                patients: count.recipients,
                first_at: count.first_at,
                last_at: count.last_at,
            })
            .collect();
        Self {
            state,
            pace: record.pace.to_string(),
            begun_at: record.created_at,
            sent: sent.map_or(0, |count| count.recipients),
            waiting: record.waiting,
            returned: returned_because.iter().map(|returned| returned.patients).sum(),
            first_sent_at: sent.map(|count| count.first_at),
            last_sent_at: sent.map(|count| count.last_at),
            returned_because,
            name: record.name,
        }
    }
}

/// What is asked for is asked of this desk.
struct Clerk<'a> {
    store: &'a dyn Store,
    house: &'a House,
    actor: &'a str,
    now: jiff::Timestamp,
}

impl Desk {
    /// Answers.
    pub(super) async fn notice(&self, ask: Ask, attached: Option<Vec<u8>>, actor: &str) -> Result<Told, Failure> {
        let (store, house) = self.store_and_house()?;
        if !house.hosted.iter().any(Domain::is_patient_domain) {
            return Err(Failure::told(Exit::Usage, "notice-not-hosted", &[("domain", &pli_types::PATIENT_DOMAIN)]));
        }
        let clerk = Clerk { store, house, actor, now: self.clock.now() };
        match ask {
            Ask::List { after, limit } => clerk.list(after.as_deref(), limit).await,
            Ask::Show { name } => Ok(Told::One(clerk.record(&name).await?.into())),
            Ask::Begin { name, pace, dry_run } => {
                clerk.begin(&name, &pace, &attached.unwrap_or_default(), dry_run).await
            }
            Ask::Enlist { name, dry_run } => clerk.enlist(&name, attached, dry_run).await,
            Ask::Pause { name, paused, reason, dry_run } => {
                let reason = reason.as_deref().map(checked_reason).transpose()?;
                clerk.pause(&name, paused, reason, dry_run).await
            }
        }
    }
}

impl Clerk<'_> {
    async fn record(&self, name: &str) -> Result<CampaignRecord, Failure> {
        check_name(name)?;
        let found = self.store.campaign(name).await?;
        found.ok_or_else(|| Failure::told(Exit::NotFound, "notice-unknown", &[("name", &name)]))
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Told, Failure> {
        let after = match after {
            Some(name) => Some(self.record(name).await?.id),
            None => None,
        };
        let page = self.store.campaigns(after, limit).await?;
        let next = page.last().filter(|_| page.len() == limit).map(|last| last.name.clone());
        Ok(Told::Page { rows: page.into_iter().map(Row::from).collect(), next })
    }

    async fn begin(&self, name: &str, pace: &str, template: &[u8], dry_run: bool) -> Result<Told, Failure> {
        check_name(name)?;
        let parsed: Pace = pace.parse().map_err(|_| Failure::told(Exit::Usage, "notice-pace", &[]))?;
        read_template(template)?;
        let template = String::from_utf8_lossy(template).into_owned();
        let there = self.store.campaign(name).await?;
        if there.as_ref().is_some_and(|there| there.template != template) {
            return Err(differs(name));
        }
        let effect = match &there {
            None => Effect::Created,
            Some(there) if there.pace == parsed => Effect::Unchanged,
            Some(_) => Effect::Changed,
        };
        if dry_run {
            return Ok(Told::Done { effect: effect.tried(), row: there.map(Row::from) });
        }
        let new = NewCampaign { name: name.to_owned(), template, pace: parsed, at: self.now };
        let event = self.event(&format!("notice {name} begun, {parsed}"), None);
        match self.store.begin_campaign(new, vec![event]).await {
            // Somebody else was faster, with another template.
            Err(StoreError::Conflict(_)) => Err(differs(name)),
            done => {
                done?;
                Ok(Told::Done { effect, row: Some(self.record(name).await?.into()) })
            }
        }
    }

    async fn enlist(&self, name: &str, attached: Option<Vec<u8>>, dry_run: bool) -> Result<Told, Failure> {
        let given: Vec<rows::Numbered<Recipient>> = rows::attached(attached)?;
        let there = if dry_run { self.store.campaign(name).await? } else { Some(self.record(name).await?) };
        let template = there.as_ref().map(|there| read_template(there.template.as_bytes())).transpose()?;
        let recipients = given.iter().map(|given| checked(given, template.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let total = recipients.len() as u64;
        let Some(there) = there else { return Ok(Told::Enlisted { added: total, known: 0 }) };
        if dry_run {
            let patients: Vec<_> = recipients.into_iter().map(|recipient| recipient.patient).collect();
            let known = self.store.enlisted(there.id, &patients).await?;
            return Ok(Told::Enlisted { added: total.saturating_sub(known), known });
        }
        let Enlisted { added, known } = self.store.enlist(there.id, recipients, self.now).await?;
        if added > 0 {
            let event = self.event(&format!("notice {name}: {added} recipients more"), None);
            self.store.append_audit(vec![event]).await?;
        }
        Ok(Told::Enlisted { added, known })
    }

    async fn pause(&self, name: &str, paused: bool, reason: Option<&str>, dry_run: bool) -> Result<Told, Failure> {
        let record = self.record(name).await?;
        let effect = if record.paused == paused { Effect::Unchanged } else { Effect::Changed };
        if dry_run {
            return Ok(Told::Done { effect: effect.tried(), row: Some(record.into()) });
        }
        let word = if paused { "paused" } else { "goes on" };
        let event = self.event(&format!("notice {name} {word}"), reason);
        self.store.pause_campaign(record.id, paused, vec![event]).await?;
        tracing::info!(actor = self.actor, notice = self.house.masker.scrub(name), "a notice is {word}");
        Ok(Told::Done { effect, row: Some(self.record(name).await?.into()) })
    }

    fn event(&self, what: &str, reason: Option<&str>) -> Event {
        let detail = reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"));
        let event = Author::Admin(self.actor.to_owned()).event(EventKind::Changed, self.now);
        Event { detail: Some(Marked::text(&detail)), ..event }
    }
}

fn differs(name: &str) -> Failure {
    Failure::told(Exit::Conflict, "notice-differs", &[("name", &name)])
}

/// The command has looked at it before; whoever else opens the socket may not have.
fn checked(given: &rows::Numbered<Recipient>, template: Option<&Template>) -> Result<CampaignRecipient, Failure> {
    let places = template.map_or(given.row.values.len(), |template| template.places().len());
    let wrong = || {
        let what = format!("the attached recipient of line {}", given.line);
        Failure::told(Exit::Usage, "admin-request", &[("what", &what)])
    };
    if given.row.values.len() != places {
        return Err(wrong());
    }
    recipient(&given.row.ins, given.row.values.clone()).map_err(|_| wrong())
}
