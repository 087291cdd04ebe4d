//! The metrics of this crate: what the process knows of its trust list and its revocation lists.

use jiff::Timestamp;
use metrics::Unit;
use pli_store::QueueBacklog;

/// Tries to read the trust list that failed.
pub(crate) const TRUST_LIST_FAILURES: &str = "pli_trust_list_refresh_failures_total";
/// Lists that were not put in force, and sources that gave none, by reason.
pub(crate) const TRUST_LIST_REFUSED: &str = "pli_trust_list_refused_total";
/// Tries to read the revocation lists that failed.
pub(crate) const CRL_FAILURES: &str = "pli_crl_refresh_failures_total";
/// Entries of the list in force.
pub(crate) const TRUST_LIST_ENTRIES: &str = "pli_trust_list_entries";
/// When the list in force was made.
pub(crate) const TRUST_LIST_GENERATED_AT: &str = "pli_trust_list_generated_timestamp_seconds";

/// When our own certificate ends.
pub(crate) const CERTIFICATE_ENDS_AT: &str = "pli_certificate_not_after_timestamp_seconds";

/// When a source last said that the list in force is still the list.
pub(crate) const TRUST_LIST_CONFIRMED_AT: &str = "pli_trust_list_confirmed_timestamp_seconds";
/// When an authority's revocation list ends.
pub(crate) const CRL_ENDS_AT: &str = "pli_crl_next_update_timestamp_seconds";

/// Entries of the record that are sealed.
const SEALED: &str = "pli_audit_sealed_size";
/// When the last checkpoint was signed.
const SEALED_AT: &str = "pli_audit_sealed_timestamp_seconds";
/// Entries of the record under the last checkpoint that has arrived at a place.
const WITNESSED: &str = "pli_audit_witnessed_size";
/// Rows of the record that are not sealed yet.
pub(crate) const UNSEALED: &str = "pli_audit_unsealed";

/// Recipients in the queue, by state.
const QUEUE_ROWS: &str = "pli_queue_rows";
/// Those whose turn has come.
const QUEUE_DUE: &str = "pli_queue_due";
/// For how long the first of those has been due.
const QUEUE_LAG: &str = "pli_queue_lag_seconds";
/// The age of the oldest message that waits.
const QUEUE_OLDEST: &str = "pli_queue_oldest_seconds";

/// Which version runs.
const BUILD: &str = "pli_build_info";

/// What was told to a collector of traces.
const SPANS: &str = "pli_telemetry_spans_total";

/// 1 while an alarm of this code is on.
pub(crate) const ALARM: &str = "pli_alarm";

/// Gives each its help text, and shows the failures as zero before the first.
pub(crate) fn describe() {
    metrics::describe_counter!(TRUST_LIST_FAILURES, "Looks at the trust list's source that found it unfit or away.");
    metrics::describe_counter!(TRUST_LIST_REFUSED, "Lists that were not put in force, by reason.");
    metrics::describe_counter!(CRL_FAILURES, "Looks at the revocation lists' file that found nothing to put in force.");
    metrics::describe_gauge!(TRUST_LIST_ENTRIES, "Entries of the trust list in force; 0 without one.");
    metrics::describe_gauge!(TRUST_LIST_GENERATED_AT, "When the trust list in force was made, in seconds since 1970.");
    metrics::describe_gauge!(CERTIFICATE_ENDS_AT, "When our own certificate ends, in seconds since 1970.");
    metrics::describe_gauge!(
        TRUST_LIST_CONFIRMED_AT,
        "When a source last said that the trust list in force is still the list, in seconds since 1970."
    );
    metrics::describe_gauge!(
        CRL_ENDS_AT,
        "When the revocation list in force of an authority ends (nextUpdate), in seconds since 1970."
    );
    metrics::describe_gauge!(SEALED, "Entries of the record under the last signed checkpoint.");
    metrics::describe_gauge!(
        WITNESSED,
        "Entries of the record under the last checkpoint that a witness or a SIEM has."
    );
    metrics::describe_gauge!(UNSEALED, "Rows of the record that no checkpoint covers yet.");
    metrics::describe_gauge!(ALARM, "1 while an alarm of this code is on, else 0.");
    metrics::describe_gauge!(SEALED_AT, "When the last checkpoint of the record was signed, in seconds since 1970.");
    metrics::describe_gauge!(QUEUE_ROWS, "Recipients in the queue, by state (waiting, held).");
    metrics::describe_gauge!(QUEUE_DUE, "Recipients in the queue whose turn has come, and that nobody is trying.");
    metrics::describe_gauge!(QUEUE_LAG, Unit::Seconds, "For how long the first of those that are due has been due.");
    metrics::describe_gauge!(QUEUE_OLDEST, Unit::Seconds, "The age of the oldest message of which a recipient waits.");
    metrics::describe_gauge!(BUILD, "1, with the version that runs.");
    metrics::describe_counter!(SPANS, "Steps told to the collector of traces, or dropped, by outcome.");
    for outcome in ["sent", "dropped"] {
        spans(outcome, 0);
    }
    metrics::gauge!(BUILD, "version" => crate::clock::VERSION).set(1.0);
    witnessed("witness1", 0);
    witnessed("syslog", 0);
    metrics::counter!(TRUST_LIST_FAILURES).absolute(0);
    metrics::counter!(CRL_FAILURES).absolute(0);
    metrics::gauge!(TRUST_LIST_ENTRIES).set(0.0);
}

/// The record is sealed as far as this, at this time or before the start.
#[expect(clippy::cast_precision_loss, reason = "a gauge; entries and seconds are far fewer than 2^52")]
pub(crate) fn sealed(size: u64, at: Option<Timestamp>) {
    metrics::gauge!(SEALED).set(size as f64);
    if let Some(at) = at {
        metrics::gauge!(SEALED_AT).set(at.as_second() as f64);
    }
}

/// A place has the record as far as this.
#[expect(clippy::cast_precision_loss, reason = "a gauge; a record has far fewer than 2^52 entries")]
pub(crate) fn witnessed(place: &str, size: u64) {
    metrics::gauge!(WITNESSED, "place" => place.to_owned()).set(size as f64);
}

/// So many steps were sent to the collector of traces, or dropped.
pub(crate) fn spans(outcome: &'static str, steps: u64) {
    metrics::counter!(SPANS, "outcome" => outcome).increment(steps);
}

/// How deep the queue is.
#[expect(clippy::cast_precision_loss, reason = "a gauge; a queue has far fewer than 2^52 rows")]
pub(crate) fn queue(queue: &QueueBacklog, held: u64, now: Timestamp) {
    let age = |since: Option<Timestamp>| since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
    metrics::gauge!(QUEUE_ROWS, "state" => "waiting").set(queue.waiting as f64);
    metrics::gauge!(QUEUE_ROWS, "state" => "held").set(held as f64);
    metrics::gauge!(QUEUE_DUE).set(queue.due as f64);
    metrics::gauge!(QUEUE_LAG).set(age(queue.due_since));
    metrics::gauge!(QUEUE_OLDEST).set(age(queue.oldest_accepted_at));
}
