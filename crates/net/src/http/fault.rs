//! [`HttpFault`]: why a document could not be fetched.

use std::error::Error;
use std::io::{self, ErrorKind};

use jiff::Timestamp;
use rustls::{CertificateError, Error as TlsError};
use rustls_pki_types::UnixTime;

/// Why a document could not be fetched. What to do about each is different, so they are told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// No connection: no such host, refused, cut off before anything was answered.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server's certificate does not chain to the configured authorities, has another name, or has expired.
    #[error("the server's certificate is not believed: {0}")]
    Untrusted(String),
    /// More bytes than the limit.
    #[error("the document is larger than what is taken, {limit} bytes{}", announced(*.size))]
    TooLarge {
        /// In bytes.
        limit: u64,
        /// What the server announced, if it did.
        size: Option<u64>,
    },
    /// Not whole within the limit.
    #[error("the document did not come in time")]
    TooSlow,
    /// An answer that is not the document: 404, a redirect, no HTTP, or one that was cut short.
    #[error("the server does not give the document: {0}")]
    Answer(String),
}

fn announced(size: Option<u64>) -> String {
    size.map(|size| format!(": it has {size}")).unwrap_or_default()
}

impl HttpFault {
    /// Of the client's error before there was an answer, the innermost that tells.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TooSlow;
        }
        match tls(error) {
            Some(TlsError::InvalidCertificate(fault)) => return Self::Untrusted(certificate(fault)),
            Some(fault) => return Self::Unreachable(fault.to_string()),
            None => {}
        }
        if error.is_connect() || error.is_dns() {
            return Self::Unreachable(words(error));
        }
        match interruption(error) {
            // It took our question, and hung up in the middle of its answer, or in place of one.
            Some(ErrorKind::UnexpectedEof) => Self::Answer("the answer was cut short in its head".to_owned()),
            Some(_) => Self::Unreachable(words(error)),
            None => Self::Answer(format!("something that is no good HTTP: {}", words(error))),
        }
    }

    /// Of the client's error in the middle of a body.
    pub(super) fn of_body(error: &reqwest::Error, came: usize, announced: Option<u64>) -> Self {
        if error.is_timeout() {
            return Self::TooSlow;
        }
        let announced = announced.map(|bytes| format!(" of {bytes}")).unwrap_or_default();
        match interruption(error) {
            Some(_) => Self::Answer(format!("the answer was cut short after {came}{announced} bytes")),
            None => Self::Answer(format!("an answer that breaks off after {came}{announced} bytes: {}", words(error))),
        }
    }
}

/// What is wrong with a certificate, for people.
fn certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::ExpiredContext { not_after, .. } => format!("it expired on {}", date(*not_after)),
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}", date(*not_before))
        }
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::UnknownIssuer => "its issuer is unknown: none of the configured authorities".to_owned(),
        CertificateError::BadSignature => {
            "its issuer is not the configured authority of that name: the signature does not hold".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            // As a verifier has them: `DnsName("a.fr")`, `IpAddress(127.0.0.1)`.
            let name = |shown: &String| {
                let inner = shown.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
                inner.unwrap_or(shown).trim_matches('"').to_owned()
            };
            let names: Vec<String> = presented.iter().map(name).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            format!("its name does not match: it is for {names}, not for {}", expected.to_str())
        }
        CertificateError::NotValidForName => "its name does not match".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers".to_owned()
        }
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        other => without_address(other.to_string()),
    }
}

fn date(time: UnixTime) -> String {
    let date = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    date.map_or_else(|| "a date that is none".to_owned(), |date| date.to_string())
}

/// The fault of TLS within, if it is one.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    chain(error).find_map(<dyn Error>::downcast_ref)
}

/// How the connection ended in the middle, if it did. The client has words of its own for an end without an error.
fn interruption(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    chain(error).find_map(|cause| match cause.downcast_ref::<io::Error>() {
        Some(fault) => Some(fault.kind()),
        None => cause
            .downcast_ref::<hyper::Error>()
            .filter(|fault| fault.is_incomplete_message())
            .map(|_| ErrorKind::UnexpectedEof),
    })
}

/// The error and its causes. An [`io::Error`] hides the one that it was made of: its source is that one's source.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// The causes' own words, without the address, which the caller names. Of a connection that failed, ours.
pub(super) fn words(error: &reqwest::Error) -> String {
    match interruption(error) {
        Some(ErrorKind::ConnectionRefused) => return "the connection is refused".to_owned(),
        Some(ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe) => {
            return "the connection was cut off".to_owned();
        }
        Some(ErrorKind::UnexpectedEof) => return "the connection was closed before it stood".to_owned(),
        _ => {}
    }
    let mut words: Vec<String> = chain(error).skip(1).map(|cause| without_address(cause.to_string())).collect();
    // A cause often repeats the next one's words.
    words.dedup_by(|next, before| before.ends_with(next.as_str()));
    if words.is_empty() { without_address(error.to_string()) } else { words.join(": ") }
}

/// Libraries refer to their manuals, which are none of the reader's business.
fn without_address(text: String) -> String {
    match text.split_once(": https://").or_else(|| text.split_once(" https://")) {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
