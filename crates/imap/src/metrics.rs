//! What this crate counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::answer::Kind;

const SESSIONS: &str = "pli_imap_sessions";
const COMMANDS: &str = "pli_imap_commands_total";

/// Tells the recorder what the numbers mean, and that nothing has happened yet.
pub(crate) fn describe() {
    describe_gauge!(SESSIONS, Unit::Count, "IMAP sessions that are open.");
    describe_counter!(COMMANDS, Unit::Count, "IMAP commands, by their answer.");
    gauge!(SESSIONS).increment(0.0);
    for answer in [Kind::Ok, Kind::No, Kind::Bad] {
        counter!(COMMANDS, "answer" => answer.as_str()).increment(0);
    }
}

/// An open session, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenSession(());

impl OpenSession {
    pub(crate) fn begin() -> Self {
        gauge!(SESSIONS).increment(1.0);
        Self(())
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        gauge!(SESSIONS).decrement(1.0);
    }
}

/// A command was answered.
pub(crate) fn command(answer: &'static str) {
    counter!(COMMANDS, "answer" => answer).increment(1);
}
