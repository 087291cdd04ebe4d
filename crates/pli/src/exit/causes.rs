//! What other crates could not do, as a [`Failure`]: who must act, and what to do next.

use std::fmt::Display;
use std::io::ErrorKind;

use pli_directory::ListFault;
use pli_net::NetError;
use pli_store::StoreError;

use super::{Exit, Failure, chain};
use crate::config::ConfigFault;
use crate::words::{Said, Value};

impl From<ConfigFault> for Failure {
    fn from(fault: ConfigFault) -> Self {
        let said = Said::new("about", &[("subject", &fault.place)]);
        let said = said.with("fault", Value::what(fault.said.clone()));
        Self::saying(Exit::Usage, fault.code(), said.with("advice", Value::next(fault.said)))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (exit, key) = match &error {
            StoreError::Unavailable { full: true, .. } => (Exit::Remote, "store-full"),
            StoreError::Unavailable { .. } => (Exit::Remote, "store-unavailable"),
            StoreError::Conflict(what) => return Self::told(Exit::Conflict, "conflict", &[("what", what)]),
            StoreError::NotFound(what) => return Self::told(Exit::NotFound, "not-found", &[("what", what)]),
            StoreError::MailboxFull => return Self::told(Exit::Conflict, "mailbox-full", &[]),
            StoreError::Corrupt { .. } => (Exit::Integrity, "store-corrupt"),
            StoreError::Configuration(_) => (Exit::Usage, "store-config"),
        };
        let chain = chain(&error);
        // Our own words for it are the sentence's.
        let cause = chain.strip_prefix("the store is not available: ").unwrap_or(&chain);
        Self::told(exit, key, &[("cause", &cause)])
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        let told = |exit, key, cause: &dyn Display| Self::told(exit, key, &[("cause", cause)]);
        match &error {
            NetError::File { path, what } => {
                Self::told(Exit::Usage, "file-unusable.ours", &[("path", &path.display()), ("cause", what)])
            }
            NetError::Listen { address, source } => {
                let (exit, key) = cannot_listen(source.kind());
                Self::told(exit, key, &[("address", address), ("cause", source)])
            }
            NetError::Io(cause) => told(Exit::Remote, "network", cause),
            NetError::Handshake(what) => told(Exit::Remote, "tls", what),
            NetError::Timeout => Self::told(Exit::Remote, "timeout", &[]),
            NetError::Dns(what) => told(Exit::Remote, "dns", what),
            NetError::NoHost(what) => told(Exit::NotFound, "no-host", what),
        }
    }
}

/// A listener's address that cannot be had.
fn cannot_listen(kind: ErrorKind) -> (Exit, &'static str) {
    match kind {
        ErrorKind::AddrInUse => (Exit::Conflict, "address-in-use"),
        ErrorKind::PermissionDenied => (Exit::Usage, "address-forbidden"),
        ErrorKind::AddrNotAvailable => (Exit::Usage, "address-not-ours"),
        _ => (Exit::Remote, "network.listening"),
    }
}

impl From<ListFault> for Failure {
    /// A list that would not be installed. The catalogue has a sentence for the code of each fault.
    fn from(fault: ListFault) -> Self {
        // Most are the list's own fault. The rest is somebody else's.
        let exit = match &fault {
            ListFault::NothingHeld => Exit::NotFound,
            ListFault::NotKept(_)
            | ListFault::PublisherUnreachable(_)
            | ListFault::PublisherUntrusted(_)
            | ListFault::PublisherSlow
            | ListFault::PublisherAnswer(_) => Exit::Remote,
            _ => Exit::Integrity,
        };
        let told = |values| Self::told(exit, fault.code(), values);
        match &fault {
            ListFault::Unreadable(cause)
            | ListFault::Malformed(cause)
            | ListFault::Schema(cause)
            | ListFault::TooLarge(cause)
            | ListFault::SignatureInvalid(cause)
            | ListFault::SignerUntrusted(cause)
            | ListFault::NotKept(cause)
            | ListFault::PublisherUnreachable(cause)
            | ListFault::PublisherUntrusted(cause)
            | ListFault::PublisherAnswer(cause) => told(&[("cause", cause)]),
            ListFault::Older { generated_at, in_force } => {
                told(&[("generated_at", generated_at), ("in_force", in_force)])
            }
            ListFault::LostDomains { lost, of } => told(&[("lost", lost), ("of", of)]),
            ListFault::ExternalEntity
            | ListFault::EntityExpansion
            | ListFault::SetAside
            | ListFault::SignatureMissing
            | ListFault::NothingHeld
            | ListFault::PublisherSlow => told(&[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_says_in_english_what_the_crates_say() {
        let cause = || "cause".to_owned();
        for fault in [
            ListFault::Unreadable(cause()),
            ListFault::Malformed(cause()),
            ListFault::Schema(cause()),
            ListFault::ExternalEntity,
            ListFault::EntityExpansion,
            ListFault::TooLarge(cause()),
            ListFault::Older { generated_at: jiff::Timestamp::UNIX_EPOCH, in_force: jiff::Timestamp::UNIX_EPOCH },
            ListFault::SetAside,
            ListFault::LostDomains { lost: 1, of: 2 },
            ListFault::SignatureMissing,
            ListFault::SignatureInvalid(cause()),
            ListFault::SignerUntrusted(cause()),
            ListFault::NotKept(cause()),
            ListFault::NothingHeld,
            ListFault::PublisherUnreachable(cause()),
            ListFault::PublisherUntrusted(cause()),
            ListFault::PublisherSlow,
            ListFault::PublisherAnswer(cause()),
        ] {
            assert_eq!(Failure::from(fault.clone()).what, fault.to_string());
        }
        for error in [
            StoreError::Unavailable { what: "write", full: true, source: None },
            StoreError::Unavailable { what: "write", full: false, source: Some(std::io::Error::other("gone").into()) },
            StoreError::Conflict("taken"),
            StoreError::NotFound("row"),
            StoreError::MailboxFull,
            StoreError::Corrupt { table: "t", column: "c", row: "1".into(), source: None },
            StoreError::Configuration("url".into()),
        ] {
            let text = chain(&error);
            assert_eq!(Failure::from(error).what, text);
        }
        let listen = |kind: ErrorKind| NetError::Listen { address: ([127, 0, 0, 1], 25).into(), source: kind.into() };
        for error in [
            NetError::File { path: "x".into(), what: "no PEM".into() },
            listen(ErrorKind::AddrInUse),
            listen(ErrorKind::PermissionDenied),
            listen(ErrorKind::AddrNotAvailable),
            listen(ErrorKind::Other),
            NetError::Io(std::io::Error::other("reset")),
            NetError::Handshake("alert".into()),
            NetError::Timeout,
            NetError::Dns("silence".into()),
            NetError::NoHost("no such".into()),
        ] {
            let text = chain(&error);
            assert_eq!(Failure::from(error).what, text);
        }
    }
}
