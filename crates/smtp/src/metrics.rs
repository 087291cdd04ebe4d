//! All metrics of this crate. Labels hold a listener's name, a reason's code or an outcome, never anything of a message.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use pli_audit::Face;
use pli_policy::Reason;

const CONNECTIONS: &str = "pli_smtp_connections_total";
const CONNECTIONS_OPEN: &str = "pli_smtp_connections_open";
const HANDSHAKES_FAILED: &str = "pli_smtp_tls_handshakes_failed_total";
const MESSAGES_ACCEPTED: &str = "pli_smtp_messages_accepted_total";
const REFUSALS: &str = "pli_smtp_refusals_total";

/// Tells the recorder what each is, and that nothing has happened at this listener yet. Called by every listener when it
/// starts.
pub(crate) fn describe(face: Face) {
    describe_counter!(CONNECTIONS, Unit::Count, "Connections taken, by listener.");
    describe_gauge!(CONNECTIONS_OPEN, Unit::Count, "Connections open now, by listener.");
    describe_counter!(HANDSHAKES_FAILED, Unit::Count, "TLS handshakes that failed, by listener.");
    describe_counter!(MESSAGES_ACCEPTED, Unit::Count, "Messages answered with 250, by listener.");
    describe_counter!(REFUSALS, Unit::Count, "Commands and messages refused or put off, by listener and reason.");
    for name in [CONNECTIONS, HANDSHAKES_FAILED, MESSAGES_ACCEPTED] {
        counter!(name, "listener" => label(face)).increment(0);
    }
    gauge!(CONNECTIONS_OPEN, "listener" => label(face)).increment(0.0);
}

fn label(face: Face) -> &'static str {
    if face == Face::Smtp { "smtp" } else { "submission" }
}

/// Counts a connection in, and out again when dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Face);

impl OpenConnection {
    pub(crate) fn new(face: Face) -> Self {
        counter!(CONNECTIONS, "listener" => label(face)).increment(1);
        gauge!(CONNECTIONS_OPEN, "listener" => label(face)).increment(1.0);
        Self(face)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!(CONNECTIONS_OPEN, "listener" => label(self.0)).decrement(1.0);
    }
}

pub(crate) fn handshake_failed(face: Face) {
    counter!(HANDSHAKES_FAILED, "listener" => label(face)).increment(1);
}

pub(crate) fn accepted(face: Face) {
    counter!(MESSAGES_ACCEPTED, "listener" => label(face)).increment(1);
}

pub(crate) fn refused(face: Face, reason: Reason) {
    counter!(REFUSALS, "listener" => label(face), "reason" => reason.code()).increment(1);
}
