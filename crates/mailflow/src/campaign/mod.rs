//! Notices to many patients (spec §10, "Prevention notices"): the [`Herald`] goes through the recipients of each campaign
//! at its pace, and gives each his message.
//!
//! He keeps nothing but what the store keeps: killed at any line, he begins where he was. A message is made by
//! [`crate::intake`] as every message is, and taken in by the transaction that ends its recipient's waiting
//! ([`pli_store::Campaigns::settle_recipient`]), so that nobody gets it twice and nobody is forgotten.
//!
//! [`template`] is what a notice says, [`letter`] the message that is made of it, `meter` the pace.

pub mod letter;
mod meter;
pub mod template;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_net::Shutdown;
use pli_policy::Reason;
use pli_store::{CampaignOutcome, CampaignRecipient, CampaignRecord, Change, SpaceState, StoreError};
use pli_types::{CampaignId, Ins, MailAddress, Marked};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

pub use letter::Letter;
pub use template::{Template, TemplateFault};

use crate::intake::{Intake, Refusal};
use crate::metrics;
use meter::Meter;

/// Messages that are under way at once: enough to share the store's group commits, few enough to leave most of each of
/// them to the mail that comes in.
const BATCH: u64 = 32;
/// Campaigns that are worked on at a time.
const CAMPAIGNS_MAX: usize = 64;
/// How often he looks, should he not have been told.
const LOOK: Duration = Duration::from_secs(5);
/// How long he rests when nothing can be sent: no trust list, no room on the disk.
const REST: SignedDuration = SignedDuration::from_secs(30);

/// Sends notices to the patients whose spaces are here.
#[derive(Debug, Clone)]
pub struct Herald {
    intake: Intake,
    /// As whom he writes.
    sender: MailAddress,
}

/// What became of one recipient, this time.
enum Step {
    Done,
    /// He waits on, for this reason.
    Waits(Reason),
}

/// What he knows of a campaign while he works on it.
struct Work {
    meter: Meter,
    template: Arc<Template>,
    rests_until: Option<Timestamp>,
}

impl Herald {
    /// One who writes as this address of the patients' domain.
    #[must_use]
    pub fn new(intake: Intake, sender: MailAddress) -> Self {
        Self { intake, sender }
    }

    /// Works until the end.
    pub async fn run(self, shutdown: Shutdown) {
        let mut changes = self.intake.store.0.subscribe();
        let mut works = HashMap::new();
        loop {
            let wait = self.turn(&mut works).await;
            if wait.is_zero() && !shutdown.has_begun() {
                // Whoever has something else to do goes first.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(wait.min(LOOK)) => {}
                () = told(&mut changes) => {}
            }
        }
    }

    /// Sends what is due of each campaign; how long it is until more is.
    async fn turn(&self, works: &mut HashMap<CampaignId, Work>) -> Duration {
        let at_work = match self.intake.store.0.campaigns_at_work(CAMPAIGNS_MAX).await {
            Ok(at_work) => at_work,
            Err(error) => {
                tracing::error!(error = %crate::chain(&error), "what notices there are cannot be read");
                return LOOK;
            }
        };
        works.retain(|id, _| at_work.iter().any(|campaign| campaign.id == *id));
        let mut wait = LOOK;
        for campaign in &at_work {
            let now = self.intake.clock.now();
            let work = match works.remove(&campaign.id) {
                Some(work) => work,
                None => match Work::begin(campaign, now) {
                    Some(work) => work,
                    None => continue,
                },
            };
            let work = works.entry(campaign.id).or_insert(work);
            wait = wait.min(self.advance(campaign, work, now).await);
        }
        wait
    }

    /// Sends what is due of one campaign; how long it is until more is.
    async fn advance(&self, campaign: &CampaignRecord, work: &mut Work, now: Timestamp) -> Duration {
        if let Some(until) = work.rests_until.filter(|until| now < *until) {
            return Duration::try_from(until.duration_since(now)).unwrap_or(LOOK);
        }
        work.rests_until = None;
        let due = work.meter.due(campaign.pace, now).min(BATCH);
        if due == 0 {
            return work.meter.wait(now);
        }
        let recipients = self.intake.store.0.waiting_recipients(campaign.id, usize::try_from(due).unwrap_or(1)).await;
        let settled = match recipients {
            Ok(recipients) => self.send_all(campaign, work, recipients).await,
            Err(error) => Err(failed(campaign, &error)),
        };
        match settled {
            Ok(settled) if settled >= campaign.waiting => self.tell_end(campaign).await,
            Ok(_) => {}
            Err(reason) => {
                work.rests_until = now.checked_add(REST).ok();
                tracing::warn!(
                    notice = self.intake.masker.scrub(&campaign.name),
                    reason = reason.code(),
                    "a notice cannot be sent now; tried again in {} s",
                    REST.as_secs()
                );
            }
        }
        work.meter.wait(self.intake.clock.now())
    }

    /// Sends to all of these at once; how many are done, or why some of them wait on.
    async fn send_all(
        &self,
        campaign: &CampaignRecord,
        work: &mut Work,
        recipients: Vec<CampaignRecipient>,
    ) -> Result<u64, Reason> {
        let mut sending = JoinSet::new();
        let name: Arc<str> = campaign.name.as_str().into();
        for recipient in recipients {
            let (herald, id, name, template) =
                (self.clone(), campaign.id, Arc::clone(&name), Arc::clone(&work.template));
            sending.spawn(async move { herald.send(id, &name, &template, &recipient).await });
        }
        let (mut done, mut waits) = (0, None);
        while let Some(step) = sending.join_next().await {
            match step {
                Ok(Ok(Step::Done)) => done += 1,
                Ok(Ok(Step::Waits(reason))) => waits = Some(reason),
                Ok(Err(error)) => waits = Some(failed(campaign, &error)),
                Err(_) => waits = Some(Reason::StoreUnavailable),
            }
        }
        work.meter.take(done);
        waits.map_or(Ok(done), Err)
    }

    /// Sends to one of them, or tells why not.
    async fn send(
        &self,
        campaign: CampaignId,
        name: &str,
        template: &Template,
        recipient: &CampaignRecipient,
    ) -> Result<Step, StoreError> {
        let patient = &recipient.patient;
        if let Some(reason) = self.closed_to(patient).await? {
            return self.give_up(campaign, name, patient, reason).await;
        }
        let to = MailAddress::of_patient(patient);
        let letter = Letter { template, values: &recipient.values, to: &to };
        let message = match self.intake.notice(name, &self.sender, &letter).await {
            Ok(message) => message,
            Err(Refusal { reason, .. }) if lies_with_patient(reason) => {
                return self.give_up(campaign, name, patient, reason).await;
            }
            Err(Refusal { reason, .. }) => return Ok(Step::Waits(reason)),
        };
        let (bytes, ways) = (message.body.size(), metrics::Ways::of(&message));
        let (outcome, now) = (CampaignOutcome::Sent(Box::new(message)), self.intake.clock.now());
        if self.intake.store.0.settle_recipient(campaign, patient, outcome, now, Vec::new()).await? {
            metrics::accepted(Face::Node, bytes, ways);
        }
        Ok(Step::Done)
    }

    /// Why nothing can be sent to this patient, if nothing can: asked before a message is made for nobody.
    async fn closed_to(&self, patient: &Ins) -> Result<Option<Reason>, StoreError> {
        let space = self.intake.store.0.space(patient).await?;
        Ok(match space.map(|space| space.state) {
            None => Some(Reason::PatientUnknown),
            Some(SpaceState::Closed) => Some(Reason::PatientClosed),
            Some(SpaceState::Open) => None,
        })
    }

    /// Counts one who gets nothing. He who sends it is ourselves: no report is written.
    async fn give_up(
        &self,
        campaign: CampaignId,
        name: &str,
        patient: &Ins,
        reason: Reason,
    ) -> Result<Step, StoreError> {
        let now = self.intake.clock.now();
        let event = Event {
            actor: Some(Marked::text(&format!("notice {name}"))),
            recipient: Some(Marked::address(&MailAddress::of_patient(patient))),
            reason: Some(reason.code().to_owned()),
            ..Event::new(now, EventKind::Refused, Face::Node)
        };
        let outcome = CampaignOutcome::Returned(reason.code().to_owned());
        self.intake.store.0.settle_recipient(campaign, patient, outcome, now, vec![event]).await?;
        Ok(Step::Done)
    }

    /// One line in the log when nobody waits any more.
    async fn tell_end(&self, campaign: &CampaignRecord) {
        let Ok(Some(now)) = self.intake.store.0.campaign(&campaign.name).await else { return };
        if now.waiting > 0 {
            return;
        }
        let of = |sent: bool| -> u64 {
            let counts = now.outcomes.iter().filter(|count| (count.outcome == CampaignOutcome::SENT) == sent);
            counts.map(|count| count.recipients).sum()
        };
        let notice = self.intake.masker.scrub(&campaign.name);
        tracing::info!(notice, sent = of(true), returned = of(false), "a notice has gone to all who waited for it");
    }
}

impl Work {
    /// `None` if its template cannot be read: a newer version has written it.
    fn begin(campaign: &CampaignRecord, now: Timestamp) -> Option<Self> {
        match Template::parse(campaign.template.as_bytes()) {
            Ok(template) => {
                let meter = Meter::new(campaign.pace, now);
                Some(Self { meter, template: Arc::new(template), rests_until: None })
            }
            Err(fault) => {
                tracing::error!(campaign = %campaign.id, %fault, "a notice's template cannot be read: it is not sent");
                None
            }
        }
    }
}

/// Does a message to this patient fail, and one to another not? All else lies with us, such as a setting that is wrong: it
/// is mended, and then all get theirs. Who has no room is told of it by his own program; a notice is not worth trying for
/// days.
fn lies_with_patient(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::PatientUnknown
            | Reason::PatientClosed
            | Reason::RecipientUnknown
            | Reason::RecipientSuspended
            | Reason::MailboxFull
    )
}

fn failed(campaign: &CampaignRecord, error: &StoreError) -> Reason {
    tracing::error!(campaign = %campaign.id, error = %crate::chain(error), "a notice could not be sent");
    Reason::StoreUnavailable
}

/// Returns when something about campaigns has changed, or may have.
async fn told(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Campaigns) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The store is gone; the end comes by other ways.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
