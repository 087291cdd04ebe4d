//! From verdicts to settlements: outcome, record and, where it is owed, a report; then one transaction of the store.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_failpoint::failpoint;
use pli_policy::Reason;
use pli_store::{Lease, NewMessage, Outcome, Settlement};
use pli_types::{BodyType, Domain, EnvelopeParameters, MailAddress, ReversePath};

use super::dsn::{self, Failure, Reporter};
use super::retry;
use super::transcript::Transcript;
use super::verdict::{Trouble, Verdict};
use crate::intake::Intake;
use crate::metrics;

/// How often a settlement is brought to a store that does not take it. What is not settled in the end is tried again
/// when its lease ends: a message may then arrive twice, but is never lost.
const TRIES: u32 = 6;

/// How much of the original header is read for a report.
const HEADER_BYTES: u64 = 64 * 1024;

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
        let reports = settlements.iter().filter(|settlement| settlement.report.is_some()).count();
        failpoint!("delivery.settle.before");
        match intake.store.0.settle(settlements).await {
            Ok(settled) => {
                failpoint!("delivery.settle.after");
                for (lease, outcome) in leases.iter().zip(&outcomes) {
                    tell(intake, lease, outcome, transcript.is_some());
                }
                metrics::reported(reports);
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

async fn settlement(intake: &Intake, lease: &Lease, verdict: &Verdict) -> Settlement {
    let now = intake.clock.now();
    match verdict {
        Verdict::Relayed { detail } => {
            let event = Event { detail: Some(detail.clone()), ..event(intake, lease, now, EventKind::Relayed) };
            closed(lease, Outcome::Relayed { detail: detail.clone() }, vec![event])
        }
        Verdict::Later(trouble) => match pause(lease, now) {
            Some(pause) => deferred(intake, lease, now, pause, trouble.reason, &trouble.detail),
            None => failed(intake, lease, now, Reason::ExpiredInQueue, trouble).await,
        },
        Verdict::NotNow { until, trouble } if now < lease.expires_at => not_tried(intake, lease, now, *until, trouble),
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

/// Its destination is not tried now. That is no event in the message's story, but the row says why it waits.
fn not_tried(intake: &Intake, lease: &Lease, now: Timestamp, until: Timestamp, trouble: &Trouble) -> Settlement {
    let pause = until.min(lease.expires_at).duration_since(now);
    Settlement { audit: Vec::new(), ..deferred(intake, lease, now, pause, trouble.reason, &trouble.detail) }
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
        detail: Some(detail.to_owned()),
        ..event(intake, lease, now, EventKind::Deferred)
    };
    closed(lease, Outcome::Deferred { until, reason: reason.code().to_owned(), detail: detail.to_owned() }, vec![event])
}

/// The end of the road: the sender is told in the same transaction, unless there is nobody to tell or he asked not to be.
async fn failed(intake: &Intake, lease: &Lease, now: Timestamp, reason: Reason, trouble: &Trouble) -> Settlement {
    let failure = |detail: &str| Event {
        reason: Some(reason.code().to_owned()),
        detail: (!detail.is_empty()).then(|| detail.to_owned()),
        ..event(intake, lease, now, EventKind::Failed)
    };
    let outcome = Outcome::Failed { reason: reason.code().to_owned(), detail: trouble.detail.clone() };
    let ReversePath::Address(sender) = &lease.sender else {
        return closed(lease, outcome, vec![failure(&trouble.detail)]);
    };
    if !lease.recipient.notify.failure {
        return closed(lease, outcome, vec![failure(&trouble.detail)]);
    }
    match report(intake, lease, sender, reason, trouble).await {
        Ok(report) => {
            let reported = Event {
                detail: Some(format!("report {}", report.id)),
                ..event(intake, lease, now, EventKind::Reported)
            };
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

async fn report(
    intake: &Intake,
    lease: &Lease,
    sender: &MailAddress,
    reason: Reason,
    trouble: &Trouble,
) -> Result<NewMessage, crate::Refusal> {
    let header = intake.store.0.body_range(lease.message, 0, HEADER_BYTES).await.map_err(|error| {
        tracing::error!(id = %lease.message, error = %crate::chain(&error), "a header could not be read");
        crate::Refusal::from(error)
    })?;
    let end = header.windows(4).position(|window| window == b"\r\n\r\n").map_or(header.len(), |end| end + 2);
    failpoint!("delivery.report.before", crate::Refusal { reason: Reason::StoreUnavailable, temporary: true });
    let domain = reporting_domain(intake, sender);
    let reporter = Reporter { server_name: &intake.config.server_name, domain: &domain, at: intake.clock.now() };
    let failure = Failure { lease, reason, trouble, header: header.get(..end).unwrap_or_default() };
    let text = dsn::write(&reporter, sender, &failure);
    let smtputf8 = !text.is_ascii();
    let body = if smtputf8 { BodyType::EightBitMime } else { BodyType::SevenBit };
    let parameters = EnvelopeParameters { body, smtputf8, ..EnvelopeParameters::default() };
    intake.report(sender.clone(), parameters, text.as_bytes()).await
}

/// A domain of ours that other operators find in the list under our certificate: with `<>`, it is all they can judge
/// a report by (spec §3.4 point 4). The sender's own, if it is one of them.
fn reporting_domain(intake: &Intake, sender: &MailAddress) -> String {
    let hosted = &intake.config.hosted_domains;
    let list = intake.trust.current();
    let listed = |domain: &&Domain| list.as_ref().is_some_and(|list| list.lists_domain(domain));
    let own = hosted.iter().find(|domain| *domain == sender.domain()).filter(listed);
    let any = || hosted.iter().find(listed).or(hosted.first());
    own.or_else(any).map_or_else(|| intake.config.server_name.clone(), ToString::to_string)
}

fn closed(lease: &Lease, outcome: Outcome, audit: Vec<Event>) -> Settlement {
    Settlement { audit, ..Settlement::new(lease.clone(), outcome) }
}

fn event(intake: &Intake, lease: &Lease, now: Timestamp, kind: EventKind) -> Event {
    Event {
        message: Some(lease.message),
        sender: Some(intake.masker.path(&lease.sender)),
        recipient: Some(intake.masker.address(&lease.recipient.address)),
        ..Event::new(now, kind, Face::Delivery)
    }
}
