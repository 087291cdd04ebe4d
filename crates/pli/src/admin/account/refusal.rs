//! Why a wish about an account is not fulfilled, in one place; the words are in `crates/pli/words/account.toml`.

use crate::exit::{Exit, Failure};

pub(crate) fn unknown(name: &str) -> Failure {
    Failure::told(Exit::NotFound, "account-unknown.name", &[("name", &name)])
}

pub(super) fn name() -> Failure {
    Failure::told(Exit::Refused, "account-name-invalid", &[])
}

pub(super) fn differs(name: &str, members: &[&str]) -> Failure {
    Failure::told(Exit::Conflict, "account-differs", &[("name", &name), ("members", &members.join(", "))])
}

/// Whose account it is, is not told.
pub(super) fn rpps_taken() -> Failure {
    Failure::told(Exit::Conflict, "rpps-taken", &[])
}

pub(super) fn not_granted(name: &str, address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-not-granted", &[("name", &name), ("address", &address)])
}

pub(super) fn no_patient(address: &str) -> Failure {
    Failure::told(Exit::Refused, "helper-of-nobody", &[("address", &address)])
}

pub(super) fn certificate_only(address: &str) -> Failure {
    Failure::told(Exit::Refused, "certificate-only", &[("address", &address)])
}

pub(super) fn password(chars_min: usize) -> Failure {
    Failure::told(Exit::Refused, "password-weak", &[("chars_min", &chars_min)])
}

pub(super) fn password_not_text() -> Failure {
    Failure::told(Exit::Usage, "password-invalid", &[])
}

pub(super) fn subject(error: &str) -> Failure {
    Failure::told(Exit::Usage, "subject-invalid", &[("error", &error)])
}

pub(super) fn other_structure(address: &str, national: &str) -> Failure {
    Failure::told(Exit::Refused, "certificate-other-structure", &[("address", &address), ("national", &national)])
}

pub(super) fn credential_unknown(name: &str, which: &str) -> Failure {
    Failure::told(Exit::NotFound, "credential-unknown", &[("name", &name), ("which", &which)])
}

pub(super) fn credential_ambiguous(which: &str) -> Failure {
    Failure::told(Exit::Usage, "credential-ambiguous", &[("which", &which)])
}

pub(super) fn expired() -> Failure {
    Failure::told(Exit::Refused, "expiry-past", &[])
}
