//! [`NetError`]: why the network side could not do what it was asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why the network side could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A file of ours cannot be used.
    #[error("{path}: {what}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An address of ours cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says: taken, or not permitted below 1024.
        source: std::io::Error,
    },
    /// The handshake failed. The text says what the other side did, for the log.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// DNS did not answer, or answered that it cannot just now: worth another try.
    #[error("DNS: {0}")]
    Dns(String),
    /// DNS answered that there is no such domain, no such host, or no mail there (RFC 7505): another try will be
    /// told the same until somebody changes the zone.
    #[error("DNS: {0}")]
    NoHost(String),
}

impl NetError {
    /// A file of ours and what is wrong with it.
    pub(crate) fn file(path: &Path, what: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), what: what.into() }
    }
}
