//! From verdicts to settlements: outcome, record and, where it is owed, a report; then one transaction of the store.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_failpoint::failpoint;
use pli_policy::Reason;
use pli_store::{Lease, Outcome, Settlement};
use pli_types::Marked;

use super::dsn::News;
use super::transcript::Transcript;
use super::verdict::{Trouble, Verdict};
use super::{report, retry};
use crate::intake::Intake;
use crate::metrics;

/// How often a settlement is brought to a store that does not take it. What is not settled in the end is tried again
/// when its lease ends: a message may then arrive twice, but is never lost.
const TRIES: u32 = 6;

/// How long a row whose report cannot be stored waits, its failure still to be told.
const REPORT_PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// Records how a try ended, one verdict a lease. Without a transcript nothing was tried, and it counts as no try.
pub(crate) async fn settle(intake: &Intake, leases: &[Lease], verdicts: &[Verdict], transcript: Option<&Transcript>) {
    for tries in 0..TRIES {
        let mut settlements = Vec::with_capacity(verdicts.len());
        for (lease, verdict) in leases.iter().zip(verdicts) {
            let settlement = settlement(intake, lease, verdict).await;
            let attempt = transcript.and_then(|said| said.attempt(intake.clock.now(), &settlement.outcome));
            settlements.push(Settlement { attempt, untried: transcript.is_none(), ..settlement });
        }
        let outcomes: Vec<_> = settlements.iter().map(|settlement| settlement.outcome.clone()).collect();
        let reported = settlements.iter().filter(|one| one.report.is_some());
        let reports: Vec<_> = reported.map(|one| action(&one.lease, &one.outcome)).collect();
        failpoint!("delivery.settle.before");
        match intake.store.0.settle(settlements).await {
            Ok(settled) => {
                failpoint!("delivery.settle.after");
                for (lease, outcome) in leases.iter().zip(&outcomes) {
                    tell(intake, lease, outcome, transcript.is_some());
                }
                for action in reports {
                    metrics::reported(action);
                }
                if settled.lost > 0 {
                    let lost = settled.lost;
                    tracing::warn!(lost, "rows had passed to another worker before they were settled");
                }
                return;
            }
            Err(error) => {
                let error = crate::chain(&error);
                tracing::error!(rows = leases.len(), %error, "the outcome of a delivery was not kept");
                tokio::time::sleep(Duration::from_secs(1 << tries)).await;
            }
        }
    }
}

/// Logs and counts, once it is kept.
fn tell(intake: &Intake, lease: &Lease, outcome: &Outcome, tried: bool) {
    let (message, destination) = (lease.message, &lease.destination);
    match outcome {
        // A confirmation: the message was here before.
        Outcome::Relayed { .. } if lease.returned.is_some() => {}
        Outcome::Relayed { detail } => {
            metrics::tried("relayed", "none".to_owned());
            let age = intake.clock.now().duration_since(lease.accepted_at);
            metrics::relayed_after(Duration::try_from(age).unwrap_or_default());
            tracing::info!(id = %message, %destination, detail, "relayed");
        }
        // Why nothing was tried is told once, when the circuit opens.
        Outcome::Deferred { until, reason, .. } if !tried => {
            tracing::debug!(id = %message, %destination, %until, reason, "not tried");
        }
        Outcome::Deferred { until, reason, detail } => {
            metrics::tried("deferred", reason.clone());
            tracing::warn!(id = %message, %destination, %until, reason, detail, "deferred");
        }
        Outcome::Failed { reason, detail } => {
            metrics::tried("failed", reason.clone());
            tracing::warn!(id = %message, %destination, reason, detail, "failed");
        }
    }
}

/// What the report that goes with an outcome says (RFC 3464 §2.3.3).
fn action(lease: &Lease, outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Relayed { .. } if lease.returned.is_some() => "delivered",
        Outcome::Relayed { .. } => "relayed",
        Outcome::Deferred { .. } => "delayed",
        Outcome::Failed { .. } => "failed",
    }
}

async fn settlement(intake: &Intake, lease: &Lease, verdict: &Verdict) -> Settlement {
    let now = intake.clock.now();
    match verdict {
        Verdict::Relayed { detail, host, reports } => {
            relayed(intake, lease, now, detail, (!reports).then_some(host)).await
        }
        Verdict::Delivered => delivered(intake, lease, now).await,
        Verdict::Later(trouble) => match pause(lease, now) {
            Some(pause) => put_off(intake, lease, now, pause, trouble).await,
            None => failed(intake, lease, now, Reason::ExpiredInQueue, trouble).await,
        },
        Verdict::NotNow { until, trouble } if now < lease.expires_at => {
            not_tried(intake, lease, now, *until, trouble).await
        }
        Verdict::NotNow { trouble, .. } => failed(intake, lease, now, Reason::ExpiredInQueue, trouble).await,
        Verdict::Never(trouble) => failed(intake, lease, now, trouble.reason, trouble).await,
    }
}

fn pause(lease: &Lease, now: Timestamp) -> Option<SignedDuration> {
    let span = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).unwrap_or_default();
    let lifetime = span(lease.accepted_at, lease.expires_at);
    let pause = retry::pause(lease.steps, span(lease.accepted_at, now), lifetime, jitter())?;
    SignedDuration::try_from(pause).ok()
}

/// A number in 0..1 that nobody can predict.
pub(crate) fn jitter() -> f64 {
    let [first, second, ..] = *uuid::Uuid::new_v4().as_bytes();
    f64::from(u16::from_be_bytes([first, second])) / 65_536.0
}

/// Its destination is not tried now. That is no event in the message's story, but the row says why it waits, and its
/// sender is told when he has waited for long.
async fn not_tried(intake: &Intake, lease: &Lease, now: Timestamp, until: Timestamp, trouble: &Trouble) -> Settlement {
    let pause = until.min(lease.expires_at).duration_since(now);
    let deferred = deferred(intake, lease, now, pause, trouble.reason, &trouble.detail);
    let mut settlement = Settlement { audit: Vec::new(), ..deferred };
    tell_of_delay(intake, &mut settlement, now, News::Delayed { trouble, tried: false }).await;
    settlement
}

/// The next server has it. If it tells no more, a sender who asked is told that by us (RFC 3461 §5.2.2).
async fn relayed(intake: &Intake, lease: &Lease, now: Timestamp, detail: &str, silent: Option<&String>) -> Settlement {
    let event = event_saying(intake, lease, now, EventKind::Relayed, detail);
    let mut settlement = closed(lease, Outcome::Relayed { detail: detail.to_owned() }, vec![event]);
    if let Some(host) = silent {
        confirm(intake, &mut settlement, now, News::Relayed { host }).await;
    }
    settlement
}

/// The recipient has it, and its sender is told. If that cannot be now it is done later, as long as messages are tried.
async fn delivered(intake: &Intake, lease: &Lease, now: Timestamp) -> Settlement {
    let lifetime = SignedDuration::try_from(intake.config.queue_lifetime).unwrap_or(SignedDuration::MAX);
    let detail = match report::write(intake, lease, News::Delivered).await {
        Ok(Some(report)) => {
            let event = reported(intake, lease, now, &format!("confirmation {}", report.id));
            let outcome = Outcome::Relayed { detail: "confirmed".to_owned() };
            return Settlement { report: Some(report), ..closed(lease, outcome, vec![event]) };
        }
        Ok(None) => return closed(lease, Outcome::Relayed { detail: "not to be confirmed".to_owned() }, Vec::new()),
        Err(refusal) if refusal.temporary && now.duration_since(lease.accepted_at) < lifetime => {
            let deferred = deferred(intake, lease, now, REPORT_PAUSE, refusal.reason, "the confirmation waits");
            return Settlement { audit: Vec::new(), ..deferred };
        }
        Err(refusal) => format!("no confirmation: {}", refusal.reason.code()),
    };
    let event = reported(intake, lease, now, &detail);
    closed(lease, Outcome::Relayed { detail }, vec![event])
}

/// Adds the confirmation that a sender asked for. The message is where it should be: if the confirmation cannot be
/// written it is left out, and the record says so.
async fn confirm(intake: &Intake, settlement: &mut Settlement, now: Timestamp, news: News<'_>) {
    let lease = &settlement.lease;
    let detail = match report::write(intake, lease, news).await {
        Ok(None) => return,
        Ok(Some(report)) => {
            let detail = format!("confirmation {}", report.id);
            settlement.report = Some(report);
            detail
        }
        Err(refusal) => format!("no confirmation: {}", refusal.reason.code()),
    };
    let event = reported(intake, &settlement.lease, now, &detail);
    settlement.audit.push(event);
}

/// Not now. A sender who has waited for long is told.
async fn put_off(
    intake: &Intake,
    lease: &Lease,
    now: Timestamp,
    pause: SignedDuration,
    trouble: &Trouble,
) -> Settlement {
    let mut settlement = deferred(intake, lease, now, pause, trouble.reason, &trouble.detail);
    tell_of_delay(intake, &mut settlement, now, News::Delayed { trouble, tried: true }).await;
    settlement
}

/// Adds the notice of a delay, once for each row, if it is time for it.
async fn tell_of_delay(intake: &Intake, settlement: &mut Settlement, now: Timestamp, news: News<'_>) {
    let lease = &settlement.lease;
    if !report::is_late(intake, lease, now) {
        return;
    }
    match report::write(intake, lease, news).await {
        Ok(Some(report)) => {
            let event = reported(intake, lease, now, &format!("delay notice {}", report.id));
            settlement.audit.push(event);
            settlement.report = Some(report);
            settlement.delay_reported = true;
        }
        Ok(None) => settlement.delay_reported = true,
        // The next try tells it.
        Err(refusal) if refusal.temporary => {}
        Err(refusal) => {
            tracing::warn!(id = %lease.message, reason = refusal.reason.code(), "nobody could be told of a delay");
            settlement.delay_reported = true;
        }
    }
}

fn deferred(
    intake: &Intake,
    lease: &Lease,
    now: Timestamp,
    pause: SignedDuration,
    reason: Reason,
    detail: &str,
) -> Settlement {
    let until = now.checked_add(pause).unwrap_or(lease.expires_at);
    let event = Event {
        reason: Some(reason.code().to_owned()),
        ..event_saying(intake, lease, now, EventKind::Deferred, detail)
    };
    closed(lease, Outcome::Deferred { until, reason: reason.code().to_owned(), detail: detail.to_owned() }, vec![event])
}

/// The end of the road: the sender is told in the same transaction, unless there is nobody to tell or he asked not to be.
async fn failed(intake: &Intake, lease: &Lease, now: Timestamp, reason: Reason, trouble: &Trouble) -> Settlement {
    let failure = |detail: &str| Event {
        reason: Some(reason.code().to_owned()),
        ..event_saying(intake, lease, now, EventKind::Failed, detail)
    };
    let outcome = Outcome::Failed { reason: reason.code().to_owned(), detail: trouble.detail.clone() };
    match report::write(intake, lease, News::Failed { reason, trouble }).await {
        Ok(None) => closed(lease, outcome, vec![failure(&trouble.detail)]),
        Ok(Some(report)) => {
            let reported = reported(intake, lease, now, &format!("report {}", report.id));
            let audit = vec![failure(&trouble.detail), reported];
            Settlement { report: Some(report), ..closed(lease, outcome, audit) }
        }
        // Nothing is lost in silence: the row stays in the queue until its sender can be told.
        Err(refusal) if refusal.temporary => {
            let detail = format!("{}; the report to the sender waits: {}", trouble.detail, refusal.reason.code());
            deferred(intake, lease, now, REPORT_PAUSE, refusal.reason, &detail)
        }
        Err(refusal) => {
            let detail = format!("{}; no report: {}", trouble.detail, refusal.reason.code());
            let outcome = Outcome::Failed { reason: reason.code().to_owned(), detail: detail.clone() };
            closed(lease, outcome, vec![failure(&detail)])
        }
    }
}

fn closed(lease: &Lease, outcome: Outcome, audit: Vec<Event>) -> Settlement {
    Settlement { audit, ..Settlement::new(lease.clone(), outcome) }
}

fn reported(intake: &Intake, lease: &Lease, now: Timestamp, detail: &str) -> Event {
    event_saying(intake, lease, now, EventKind::Reported, detail)
}

/// `detail` is masked: another server's words may name who sends and who should get it.
fn event_saying(intake: &Intake, lease: &Lease, now: Timestamp, kind: EventKind, detail: &str) -> Event {
    let (sender, recipient) = (Marked::path(&lease.sender), Marked::address(&lease.recipient.address));
    let detail = intake.masker.unmask(detail, &[&sender, &recipient]);
    Event {
        message: Some(lease.message),
        sender: Some(sender),
        recipient: Some(recipient),
        detail: Some(detail).filter(|detail| !detail.is_empty()),
        ..Event::new(now, kind, Face::Delivery)
    }
}
