//! What this crate counts.

use metrics::{Unit, counter, describe_counter};
use pli_audit::Face;

use crate::sessions::Ending;

const SIGN_INS: &str = "pli_sign_ins_total";
const DELAYED: &str = "pli_sign_ins_delayed_total";
const ENDED: &str = "pli_sessions_ended_total";

/// Tells the recorder what the numbers mean, and that nothing has happened yet.
pub(crate) fn describe() {
    describe_counter!(SIGN_INS, Unit::Count, "Tries to sign in, by door, mechanism and outcome.");
    describe_counter!(DELAYED, Unit::Count, "Tries to sign in that had to wait because of earlier failures.");
    describe_counter!(ENDED, Unit::Count, "Sessions that were ended from here, by reason.");
    counter!(DELAYED).increment(0);
    for ending in [Ending::Withdrawn, Ending::Certificate, Ending::TooLong] {
        counter!(ENDED, "reason" => ending.code()).increment(0);
    }
}

/// How a try to sign in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    SignedIn,
    Failed,
    TooMany,
    Unavailable,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::Failed => "failed",
            Self::TooMany => "rate-exceeded",
            Self::Unavailable => "unavailable",
        }
    }
}

pub(crate) fn sign_in(face: Face, mechanism: &'static str, outcome: Outcome) {
    let outcome = outcome.word();
    counter!(SIGN_INS, "door" => door(face), "mechanism" => mechanism, "outcome" => outcome).increment(1);
}

pub(crate) fn delayed() {
    counter!(DELAYED).increment(1);
}

pub(crate) fn ended(ending: Ending) {
    counter!(ENDED, "reason" => ending.code()).increment(1);
}

/// The word for a door in logs and metrics.
pub(crate) const fn door(face: Face) -> &'static str {
    match face {
        Face::Submission => "submission",
        Face::Imap => "imap",
        Face::Http => "http",
        _ => "other",
    }
}
