//! [`HttpFault`]: why a document could not be fetched.

use std::error::Error;
use std::io;

use rustls::Error as TlsError;

/// Why a document could not be fetched. What to do about each is different, so they are told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// No connection: no such host, refused, cut off.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server's certificate does not chain to the configured authorities, has another name, or has expired.
    #[error("the server's certificate is not believed: {0}")]
    Untrusted(String),
    /// More bytes than the limit.
    #[error("the document is larger than what is taken")]
    TooLarge,
    /// Not whole within the limit.
    #[error("the document did not come in time")]
    TooSlow,
    /// An answer that is not the document: 404, a redirect, no HTTP.
    #[error("the server answered {0}")]
    Answer(String),
}

impl HttpFault {
    /// Of the client's error, the innermost that tells.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TooSlow;
        }
        match tls(error) {
            Some(TlsError::InvalidCertificate(fault)) => return Self::Untrusted(fault.to_string()),
            Some(fault) => return Self::Unreachable(fault.to_string()),
            None => {}
        }
        if error.is_connect() || error.is_dns() || cut_off(error) {
            return Self::Unreachable(words(error));
        }
        Self::Answer(format!("something that is no good HTTP: {}", words(error)))
    }
}

/// The fault of TLS within, if it is one.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| {
        let io = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let wrapped = io.and_then(|inner| inner.downcast_ref::<TlsError>());
        wrapped.or_else(|| error.downcast_ref::<TlsError>())
    })
}

/// Did the connection end in the middle?
fn cut_off(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<io::Error>)
}

/// The error's own words and those of its causes, without the address, which the caller names.
pub(super) fn words(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    // A cause often repeats the next one's words.
    words.dedup_by(|next, before| before.ends_with(next.as_str()));
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}
