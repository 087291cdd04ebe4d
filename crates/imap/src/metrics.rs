//! What this crate counts.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const SESSIONS: &str = "pli_imap_sessions";
const COMMANDS: &str = "pli_imap_commands_total";

/// Tells the recorder what the numbers mean.
pub(crate) fn describe() {
    describe_gauge!(SESSIONS, Unit::Count, "IMAP sessions that are open.");
    describe_counter!(COMMANDS, Unit::Count, "IMAP commands, by their answer.");
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
