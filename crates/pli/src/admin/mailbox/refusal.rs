//! Why a wish about a mailbox is not fulfilled, in one place; the words are in `crates/pli/words/mailbox.toml`.

use jiff::Timestamp;
use pli_store::MailboxKind;
use pli_types::{Domain, hide_identifiers};

use crate::exit::{Exit, Failure};

pub(crate) fn address(error: &str) -> Failure {
    Failure::told(Exit::Usage, "address-invalid", &[("error", &error)])
}

pub(crate) fn unknown(address: &str) -> Failure {
    Failure::told(Exit::NotFound, "mailbox-unknown", &[("address", &address)])
}

pub(crate) fn rpps(text: &str) -> Failure {
    Failure::told(Exit::Refused, "rpps-invalid", &[("text", &hide_identifiers(text))])
}

pub(super) fn finess(text: &str) -> Failure {
    Failure::told(Exit::Refused, "finess-invalid", &[("text", &hide_identifiers(text))])
}

pub(super) fn siret(text: &str) -> Failure {
    Failure::told(Exit::Refused, "siret-invalid", &[("text", &text)])
}

pub(super) fn two_structures() -> Failure {
    Failure::told(Exit::Refused, "structure-twice", &[])
}

pub(super) fn quota(text: &str, form: &str) -> Failure {
    Failure::told(Exit::Refused, "quota-invalid", &[("text", &hide_identifiers(text)), ("form", &form)])
}

pub(crate) fn text(member: &str, chars_max: usize) -> Failure {
    Failure::told(Exit::Refused, "text-invalid", &[("member", &member), ("chars_max", &chars_max)])
}

/// A patient's identifier where it would be published, printed and logged. The text is not repeated.
pub(crate) fn identifier(member: &str) -> Failure {
    Failure::told(Exit::Refused, "patient-identifier", &[("member", &member)])
}

pub(super) fn kind_missing() -> Failure {
    Failure::told(Exit::Refused, "type-missing", &[])
}

pub(super) fn kind() -> Failure {
    Failure::told(Exit::Refused, "type-unknown", &[])
}

pub(crate) fn patient() -> Failure {
    Failure::told(Exit::Refused, "patient-mailbox", &[])
}

pub(super) fn not_hosted(domain: &Domain) -> Failure {
    Failure::told(Exit::Refused, "domain-not-hosted", &[("domain", &domain)])
}

pub(super) fn holder_missing(kind: MailboxKind) -> Failure {
    Failure::told(Exit::Refused, "holder-missing", &[("type", &kind.as_str())])
}

pub(super) fn structure_missing(kind: MailboxKind) -> Failure {
    Failure::told(Exit::Refused, "structure-missing", &[("type", &kind.as_str())])
}

pub(super) fn responsible_missing(kind: MailboxKind) -> Failure {
    Failure::told(Exit::Refused, "responsible-missing", &[("type", &kind.as_str())])
}

pub(super) fn not_of_type(member: &str, kind: MailboxKind) -> Failure {
    Failure::told(Exit::Refused, "attribute-not-of-type", &[("member", &member), ("type", &kind.as_str())])
}

pub(super) fn differs(address: &str, members: &[&str]) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-differs", &[("address", &address), ("members", &members.join(", "))])
}

pub(super) fn kept(address: &str, until: Timestamp) -> Failure {
    Failure::told(Exit::Conflict, "address-kept", &[("address", &address), ("until", &until)])
}

pub(super) fn deleted(address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-deleted", &[("address", &address)])
}

pub(super) fn unlisted(address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-unlisted", &[("address", &address)])
}

pub(super) fn under_notice(address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-under-notice", &[("address", &address)])
}

pub(super) fn suspended(address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-suspended", &[("address", &address)])
}

pub(super) fn postmaster(address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-of-postmaster", &[("address", &address)])
}

pub(super) fn content_changed(address: &str) -> Failure {
    Failure::told(Exit::Conflict, "mailbox-changed", &[("address", &address)])
}

pub(super) fn holder_changes(address: &str) -> Failure {
    Failure::told(Exit::Usage, "reason-missing.holder", &[("address", &address)])
}

pub(super) fn filter(name: &str, text: &str) -> Failure {
    Failure::told(Exit::Usage, "filter-invalid", &[("name", &name), ("text", &text)])
}
