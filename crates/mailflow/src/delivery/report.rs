//! Reports on a row of the queue: whether its sender is to be told (RFC 3461 §4.1 and §6.2), and the message that
//! tells him, ready for the transaction that settles the row.

use jiff::Timestamp;
use pli_failpoint::failpoint;
use pli_store::{Lease, NewMessage};
use pli_types::{BodyType, Domain, DsnNotify, EnvelopeParameters, MailAddress, ReversePath};

use super::dsn::{self, News, Reporter};
use crate::Refusal;
use crate::intake::{Intake, content};

/// How much of the original header is read for a report.
const HEADER_BYTES: u64 = 64 * 1024;

/// Writes the report of this news. `None` if nobody is to be told: the reverse path is null, the sender did not ask for
/// such a report, or the message is a report itself, by whatever path it came.
pub(crate) async fn write(intake: &Intake, lease: &Lease, news: News<'_>) -> Result<Option<NewMessage>, Refusal> {
    let ReversePath::Address(sender) = &lease.sender else { return Ok(None) };
    if !is_wanted(lease.recipient.notify, news) {
        return Ok(None);
    }
    let header = header(intake, lease).await?;
    if content::read(&header, &intake.config.server_name).thread.report.is_some() {
        return Ok(None);
    }
    failpoint!("delivery.report.before", Refusal { reason: pli_policy::Reason::StoreUnavailable, temporary: true });
    let domain = reporting_domain(intake, sender);
    let reporter = Reporter { server_name: &intake.config.server_name, domain: &domain, at: intake.clock.now() };
    let text = dsn::write(&reporter, sender, lease, news, &header);
    let smtputf8 = !text.is_ascii();
    let body = if smtputf8 { BodyType::EightBitMime } else { BodyType::SevenBit };
    let parameters = EnvelopeParameters { body, smtputf8, ..EnvelopeParameters::default() };
    intake.report(sender.clone(), parameters, text.as_bytes()).await.map(Some)
}

/// Is a message that is not through yet so late that its sender should hear of it? He hears of it once.
pub(crate) fn is_late(intake: &Intake, lease: &Lease, now: Timestamp) -> bool {
    let after = intake.config.delay_after;
    let waited = std::time::Duration::try_from(now.duration_since(lease.accepted_at)).unwrap_or_default();
    !lease.delay_reported && !after.is_zero() && waited >= after
}

fn is_wanted(notify: DsnNotify, news: News<'_>) -> bool {
    match news {
        News::Failed { .. } => notify.failure,
        News::Delayed { .. } => notify.delay,
        News::Relayed { .. } | News::Delivered => notify.success,
    }
}

/// The message's header, or as much of it as is read.
async fn header(intake: &Intake, lease: &Lease) -> Result<Vec<u8>, Refusal> {
    let bytes = intake.store.0.body_range(lease.message, 0, HEADER_BYTES).await.map_err(|error| {
        tracing::error!(id = %lease.message, error = %crate::chain(&error), "a header could not be read");
        Refusal::from(error)
    })?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |end| end + 2);
    Ok(bytes.get(..end).unwrap_or_default().to_vec())
}

/// A domain of ours that other operators find in the list under our certificate: with `<>`, it is all they can judge
/// a report by (spec §3.4 point 4). The sender's own, if it is one of them.
pub(crate) fn reporting_domain(intake: &Intake, sender: &MailAddress) -> String {
    let hosted = &intake.config.hosted_domains;
    let list = intake.trust.current();
    let listed = |domain: &&Domain| list.as_ref().is_some_and(|list| list.lists_domain(domain));
    let own = hosted.iter().find(|domain| *domain == sender.domain()).filter(listed);
    let any = || hosted.iter().find(listed).or(hosted.first());
    own.or_else(any).map_or_else(|| intake.config.server_name.clone(), ToString::to_string)
}
