//! The connection loop.

use std::sync::Arc;
use std::time::Duration;

use pli_net::{Listener, Pki, ServerTls, Shutdown};
use pli_store::Store;
use pli_types::{Clock, Masker};

/// What an IMAP listener needs.
#[derive(Debug, Clone)]
pub struct ImapConfig {
    /// Our name, in the greeting.
    pub server_name: String,
    /// How long a silent client is borne (RFC 3501 §5.4: half an hour at least).
    pub idle: Duration,
    /// The largest message that APPEND takes.
    pub message_bytes_max: u64,
}

/// What an IMAP listener works on. Cheap to clone.
#[derive(Clone)]
pub struct ImapContext {
    /// Mailboxes and accounts.
    pub store: Arc<dyn Store>,
    /// For SASL EXTERNAL.
    pub pki: Pki,
    /// For the record.
    pub masker: Masker,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Serves: `implicit` TLS (993) or STARTTLS (143).
pub async fn serve(
    _config: Arc<ImapConfig>,
    _context: ImapContext,
    _tls: ServerTls,
    _implicit: bool,
    _listener: Listener,
    _shutdown: Shutdown,
) {
}
