//! The metrics of this crate: names, help, labels. No label ever holds an address or a server's words.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use pli_audit::Face;
use pli_policy::{Reason, ScanFacts, ScanFault};
use pli_store::{Backlog, NewMessage, PartyState, Returned};

const ACCEPTED: &str = "pli_intake_messages_total";
const ACCEPTED_BYTES: &str = "pli_intake_bytes_total";
const RECIPIENTS: &str = "pli_intake_recipients_total";
const REFUSED: &str = "pli_intake_refusals_total";
const RECORD_LOST: &str = "pli_intake_records_lost_total";
const SCANS: &str = "pli_virus_scans_total";
const SCAN_SECONDS: &str = "pli_virus_scan_seconds";
const TRIES: &str = "pli_delivery_tries_total";
const CONNECTIONS: &str = "pli_delivery_connections_total";
const UNDER_WAY: &str = "pli_delivery_under_way";
const AGE: &str = "pli_delivery_age_seconds";
const CIRCUITS_OPEN: &str = "pli_delivery_circuits_open";
const UNPROVEN: &str = "pli_delivery_unproven_total";
const UNPROVEN_DESTINATIONS: &str = "pli_delivery_unproven_destinations";
const OVERLOADED: &str = "pli_intake_overloaded_total";
const WRITES_WAITING: &str = "pli_store_writes_waiting";
const WRITE_AGE: &str = "pli_store_oldest_write_seconds";
const GUESSING: &str = "pli_intake_guessing_total";
const REPORTS: &str = "pli_delivery_reports_total";
const OVERDUE: &str = "pli_overdue_total";

/// Which way a recipient's copy goes.
const WAYS: [&str; 4] = ["mailbox", "relay", "return", "hold"];

/// Registers the help texts. Called once, after the recorder is installed.
pub fn describe() {
    describe_counter!(ACCEPTED, "Messages accepted, by face.");
    describe_counter!(ACCEPTED_BYTES, Unit::Bytes, "Bytes of the messages accepted, trace headers included.");
    describe_counter!(
        RECIPIENTS,
        "Recipients of the messages accepted, by way (mailbox here, relay elsewhere, return to the sender, hold)."
    );
    describe_counter!(REFUSED, "Commands and messages refused or put off, by face and reason.");
    describe_counter!(RECORD_LOST, "Refusals whose audit record could not be kept: look at the store.");
    describe_counter!(SCANS, "Messages brought before the virus scanner, by outcome.");
    describe_histogram!(SCAN_SECONDS, Unit::Seconds, "From the end of a message to the virus scanner's answer.");
    describe_counter!(GUESSING, "Times that a sender reached the limit of unknown patients in an hour.");
    describe_counter!(OVERLOADED, "Messages put off at MAIL because the store is behind.");
    describe_gauge!(WRITES_WAITING, "Writes to the store that are not on stable storage yet.");
    describe_gauge!(WRITE_AGE, Unit::Seconds, "For how long the oldest of the writes being done has waited.");
    describe_counter!(TRIES, "Tries to relay, one a recipient, by outcome and reason.");
    describe_counter!(CONNECTIONS, "Connections to other servers used for a message, by kind (new, reused).");
    describe_gauge!(UNDER_WAY, "Deliveries to other servers under way.");
    describe_histogram!(AGE, Unit::Seconds, "From acceptance here to acceptance by the next server.");
    describe_counter!(
        UNPROVEN,
        "Tries in which no server of the destination proved itself, by reason: nothing was sent."
    );
    describe_gauge!(UNPROVEN_DESTINATIONS, "Destinations whose servers do not prove themselves.");
    describe_gauge!(CIRCUITS_OPEN, "Destinations that cannot be reached, and are not tried until their next probe.");
    describe_counter!(REPORTS, "Reports to senders written, by what they tell.");
    describe_counter!(
        OVERDUE,
        "Deadlines that passed, by the state that was not reached and whether the message was sent again."
    );
    crate::document_metrics::describe();
    nothing_yet();
}

/// What can be known before its first event is zero from the start: a rule about its growth sees the first one.
fn nothing_yet() {
    for face in [Face::Smtp, Face::Submission] {
        counter!(ACCEPTED, "face" => face.as_str()).increment(0);
    }
    for way in WAYS {
        counter!(RECIPIENTS, "way" => way).increment(0);
    }
    for name in [ACCEPTED_BYTES, RECORD_LOST, GUESSING, OVERLOADED] {
        counter!(name).increment(0);
    }
    for outcome in ["clean", "found", "too-large"].into_iter().chain(ScanFault::ALL.map(ScanFault::as_str)) {
        counter!(SCANS, "outcome" => outcome).increment(0);
    }
    counter!(TRIES, "outcome" => "relayed", "reason" => "none").increment(0);
    for kind in ["new", "reused"] {
        counter!(CONNECTIONS, "kind" => kind).increment(0);
    }
    for reason in [Reason::PeerTls, Reason::PeerCertificateNotListed] {
        counter!(UNPROVEN, "reason" => reason.code()).increment(0);
    }
    for name in [UNDER_WAY, UNPROVEN_DESTINATIONS, CIRCUITS_OPEN, WRITES_WAITING, WRITE_AGE] {
        gauge!(name).increment(0.0);
    }
    for action in ["failed", "delayed", "relayed", "delivered", "displayed"] {
        counter!(REPORTS, "action" => action).increment(0);
    }
    for state in [PartyState::Relayed, PartyState::Delivered, PartyState::Opened, PartyState::Integrated] {
        for resent in ["yes", "no"] {
            counter!(OVERDUE, "state" => state.as_str(), "resent" => resent).increment(0);
        }
    }
}

/// How many recipients of a message go which way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    mailboxes: usize,
    relays: usize,
    returns: usize,
    held: usize,
}

impl Ways {
    /// Of a message about to be taken in.
    pub(crate) fn of(message: &NewMessage) -> Self {
        let (mailboxes, relays) = (message.deliveries.len(), message.relays.len());
        let returns = message.returns.iter().filter(|returned| returned.reason != Returned::DELIVERED).count();
        Self { mailboxes, relays, returns, held: message.held.len() }
    }

    /// Those that wait for an admin.
    pub(crate) fn held(self) -> usize {
        self.held
    }

    /// All of them.
    pub(crate) fn total(self) -> usize {
        self.mailboxes + self.relays + self.returns + self.held
    }
}

pub(crate) fn accepted(face: Face, bytes: u64, ways: Ways) {
    counter!(ACCEPTED, "face" => face.as_str()).increment(1);
    counter!(ACCEPTED_BYTES).increment(bytes);
    let recipients = [ways.mailboxes, ways.relays, ways.returns, ways.held];
    for (way, recipients) in WAYS.into_iter().zip(recipients) {
        counter!(RECIPIENTS, "way" => way).increment(recipients as u64);
    }
}

pub(crate) fn refused(face: Face, reason: Reason) {
    counter!(REFUSED, "face" => face.as_str(), "reason" => reason.code()).increment(1);
}

pub(crate) fn guessing() {
    counter!(GUESSING).increment(1);
}

pub(crate) fn overloaded() {
    counter!(OVERLOADED).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; the number is far below 2^52")]
pub(crate) fn store_backlog(backlog: Backlog) {
    gauge!(WRITES_WAITING).set(backlog.waiting as f64);
    gauge!(WRITE_AGE).set(backlog.oldest.as_secs_f64());
}

pub(crate) fn record_lost() {
    counter!(RECORD_LOST).increment(1);
}

/// No name of what was found is a label: whoever writes could choose it.
pub(crate) fn scanned(said: &ScanFacts, took: Duration) {
    let outcome = match said {
        ScanFacts::Clean => "clean",
        ScanFacts::Found(_) => "found",
        ScanFacts::TooLarge => "too-large",
        ScanFacts::Unanswered(fault) => fault.as_str(),
    };
    counter!(SCANS, "outcome" => outcome).increment(1);
    histogram!(SCAN_SECONDS).record(took.as_secs_f64());
}

/// `reason` is the stable code of one, or `none`.
pub(crate) fn tried(outcome: &'static str, reason: String) {
    counter!(TRIES, "outcome" => outcome, "reason" => reason).increment(1);
}

pub(crate) fn connection(reused: bool) {
    counter!(CONNECTIONS, "kind" => if reused { "reused" } else { "new" }).increment(1);
}

pub(crate) fn unproven(reason: Reason) {
    counter!(UNPROVEN, "reason" => reason.code()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; the number is far below 2^52")]
pub(crate) fn unproven_destinations(destinations: usize) {
    gauge!(UNPROVEN_DESTINATIONS).set(destinations as f64);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; the number is far below 2^52")]
pub(crate) fn circuits_open(destinations: usize) {
    gauge!(CIRCUITS_OPEN).set(destinations as f64);
}

pub(crate) fn under_way(change: f64) {
    gauge!(UNDER_WAY).increment(change);
}

pub(crate) fn relayed_after(age: Duration) {
    histogram!(AGE).record(age.as_secs_f64());
}

/// `action` is that of RFC 3464 §2.3.3, or `displayed` for a read receipt.
pub(crate) fn reported(action: &'static str) {
    counter!(REPORTS, "action" => action).increment(1);
}

pub(crate) fn overdue(state: &'static str, resent: bool) {
    let resent = if resent { "yes" } else { "no" };
    counter!(OVERDUE, "state" => state, "resent" => resent).increment(1);
}
