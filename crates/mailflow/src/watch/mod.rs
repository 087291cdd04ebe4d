//! Deadlines on what becomes of messages: the [`Watcher`] tells a sender, once, that what should have become of his message
//! by now has not, and sends it once more where the rule says so.
//!
//! [`rule`] says which messages are waited for, and until when; `alert` is what their sender reads. What is waited for is
//! written down with the message, and what has come is what stands in its story: killed at any line, the watcher begins
//! where he was ([`pli_store::Watches`]).

mod alert;
pub mod rule;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_failpoint::failpoint;
use pli_net::Shutdown;
use pli_store::{Change, DueWatch, NewMessage, Relay, Store, StoreError};
use pli_types::{BodyType, DsnNotify, EnvelopeParameters, Marked, QueueId, Recipient, Span};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

pub use rule::{Audience, Author, Deadline, Kind, Step};

use crate::delivery::reporting_domain;
use crate::intake::{Intake, Refusal};
use crate::metrics;

/// How many are told of at a time.
const PAGE: usize = 64;
/// How long he waits at most: the clock of the machine may be set, and what could not be done is tried again.
const LOOK: Duration = Duration::from_secs(5);
/// So long what is late is shown to the admin, if nothing comes.
const SHOWN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Tells of what is late.
#[derive(Debug, Clone)]
pub struct Watcher {
    intake: Intake,
}

impl Watcher {
    /// One who tells senders by this way in.
    #[must_use]
    pub fn new(intake: Intake) -> Self {
        Self { intake }
    }

    /// Works until the end.
    pub async fn run(self, shutdown: Shutdown) {
        let mut changes = self.store().subscribe();
        loop {
            let wait = match self.turn(&shutdown).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(error = %crate::chain(&error), "what is late cannot be told; tried again");
                    LOOK
                }
            };
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(wait) => {}
                () = told(&mut changes) => {}
            }
        }
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.intake.store.0
    }

    /// Tells of all that is late; how long it is until more may be.
    async fn turn(&self, shutdown: &Shutdown) -> Result<Duration, StoreError> {
        let now = self.intake.clock.now();
        let Some(next) = self.store().next_watch_at().await?.filter(|next| *next <= now) else {
            return self.rest(now).await;
        };
        tracing::debug!(%next, "the time of a message is over");
        self.store().forget_watches(now, now.saturating_sub(SHOWN).unwrap_or(Timestamp::MIN)).await?;
        loop {
            let due = self.store().watches_due(now, PAGE).await?;
            let mut ended = 0;
            for watch in &due {
                if shutdown.has_begun() {
                    return Ok(LOOK);
                }
                ended += usize::from(self.end(watch, now).await?);
            }
            // Those that wait for a store or a list with room for their alert are tried again later.
            if due.len() < PAGE || ended == 0 {
                return if ended < due.len() { Ok(LOOK) } else { self.rest(now).await };
            }
        }
    }

    async fn rest(&self, now: Timestamp) -> Result<Duration, StoreError> {
        let next = self.store().next_watch_at().await?;
        let wait = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
        Ok(wait.map_or(LOOK, |wait| wait.clamp(Duration::from_millis(1), LOOK)))
    }

    /// One that is late. False if its sender cannot be told now.
    async fn end(&self, watch: &DueWatch, now: Timestamp) -> Result<bool, StoreError> {
        failpoint!("watch.taken");
        let resend = watch.resend.then(|| self.second_way(watch, now));
        let (alert, told) = match self.alert(watch, resend.is_some(), now).await {
            // He has asked to hear nothing of this recipient (RFC 3461 §4.1); the admin is told all the same.
            _ if watch.recipient.notify == DsnNotify::NEVER => (None, "no alert: NOTIFY=NEVER".to_owned()),
            Ok(alert) => {
                let told = format!("alert {}", alert.id);
                (Some(alert), told)
            }
            Err(refusal) if refusal.temporary => {
                tracing::warn!(id = %watch.message, reason = refusal.reason.code(), "an alert waits");
                return Ok(false);
            }
            Err(refusal) => (None, format!("no alert: {}", refusal.reason.code())),
        };
        let once_more = if resend.is_some() { ", sent once more" } else { "" };
        let detail = format!("not {} within {}: {told}{once_more}", watch.state.as_str(), within(watch));
        let event = Self::event(watch, now, detail.clone());
        let again = resend.is_some();
        failpoint!("watch.settle.before");
        if self.store().settle_watch(watch.id, alert, resend, now, vec![event]).await? {
            failpoint!("watch.settle.after");
            metrics::overdue(watch.state.as_str(), again);
            let recipient = self.intake.masker.address(&watch.recipient.address);
            tracing::warn!(id = %watch.message, recipient, detail, "overdue: nothing came in time");
        }
        Ok(true)
    }

    async fn alert(&self, watch: &DueWatch, resent: bool, now: Timestamp) -> Result<NewMessage, Refusal> {
        let Some(step) = Step::of(watch.state) else {
            return Err(Refusal { reason: pli_policy::Reason::StoreUnavailable, temporary: true });
        };
        let (domain, within) = (reporting_domain(&self.intake, &watch.sender), within(watch).to_string());
        let text = alert::write(&alert::Late {
            server_name: &self.intake.config.server_name,
            domain: &domain,
            sender: &watch.sender,
            recipient: &watch.recipient.address,
            message: watch.message,
            message_id: watch.message_id.as_deref(),
            accepted_at: watch.accepted_at,
            step,
            within: &within,
            resent,
            at: now,
        });
        let smtputf8 = !text.is_ascii();
        let body = if smtputf8 { BodyType::EightBitMime } else { BodyType::SevenBit };
        let parameters = EnvelopeParameters { body, smtputf8, ..EnvelopeParameters::default() };
        self.intake.report(watch.sender.clone(), parameters, text.as_bytes()).await
    }

    /// The same bytes to the same recipient: who has the first merges the second with it. Its sender has been alerted, and
    /// is told no more of how this one fares.
    fn second_way(&self, watch: &DueWatch, now: Timestamp) -> Relay {
        let lifetime = SignedDuration::try_from(self.intake.config.queue_lifetime).unwrap_or(SignedDuration::MAX);
        let notify = DsnNotify::NEVER;
        Relay {
            id: QueueId::at(now),
            recipient: Recipient { notify, ..watch.recipient.clone() },
            destination: watch.recipient.address.domain().clone(),
            expires_at: now.checked_add(lifetime).unwrap_or(Timestamp::MAX),
        }
    }

    fn event(watch: &DueWatch, now: Timestamp, detail: String) -> Event {
        Event {
            message: Some(watch.message),
            sender: Some(Marked::address(&watch.sender)),
            recipient: Some(Marked::address(&watch.recipient.address)),
            detail: Some(Marked::plain(detail)),
            ..Event::new(now, EventKind::Overdue, Face::Node)
        }
    }
}

/// The time that it had.
fn within(watch: &DueWatch) -> Span {
    let seconds = watch.due_at.duration_since(watch.accepted_at).as_secs();
    Span::seconds(u64::try_from(seconds).unwrap_or_default())
}

/// Returns when something new is waited for.
async fn told(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Watches) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The store is gone; the end comes by other ways.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
