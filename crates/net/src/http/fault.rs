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
    chain(error).find_map(<dyn Error>::downcast_ref)
}

/// Did the connection end in the middle?
fn cut_off(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(<dyn Error>::is::<io::Error>)
}

/// The error and its causes. An [`io::Error`] hides the one that it was made of: its source is that one's source.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// The causes' own words, without the address, which the caller names.
pub(super) fn words(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    // A cause often repeats the next one's words.
    words.dedup_by(|next, before| before.ends_with(next.as_str()));
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}
