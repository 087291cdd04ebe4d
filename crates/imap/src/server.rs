//! Listeners: TLS at once, or STARTTLS.

use std::sync::Arc;
use std::time::Duration;

use pli_net::{Accepted, Listener, Pki, ServerTls, Shutdown, TlsFacts};
use pli_signin::SignIn;
use pli_store::Store;
use pli_types::{Clock, Masker};

use crate::metrics;
use crate::session::{Ended, Peer, run_session};

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
    /// Whether EXTERNAL is offered hangs on it.
    pub pki: Pki,
    /// For the record.
    pub masker: Masker,
    /// Who lets people in.
    pub signin: SignIn,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ImapContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImapContext").finish_non_exhaustive()
    }
}

/// What protects a connection.
#[derive(Debug, Clone)]
pub enum Security {
    /// Nothing yet: only STARTTLS leads on (R-SMTP-1's sister on this face, ECO.1.1.1).
    Clear,
    /// TLS, and what its handshake told.
    Tls(Box<TlsFacts>),
}

/// What somebody hears for whom there is no place (RFC 3501 §7.1.5: BYE in place of the greeting; RFC 5530).
const FULL: &[u8] =
    b"* BYE [UNAVAILABLE] Too many connections are open, in all or from your address. Try again later.\r\n";

/// Serves: `implicit` TLS (993) or STARTTLS (143). Returns when shutdown has begun.
pub async fn serve(
    config: Arc<ImapConfig>,
    context: ImapContext,
    tls: ServerTls,
    implicit: bool,
    listener: Listener,
    shutdown: Shutdown,
) {
    metrics::describe();
    let stop = shutdown.clone();
    let handler = move |accepted: Accepted| {
        let (config, context, tls, shutdown) = (Arc::clone(&config), context.clone(), tls.clone(), shutdown.clone());
        async move { connection(accepted, &config, &context, &tls, implicit, &shutdown).await }
    };
    let listener = if implicit { listener } else { listener.refusing_with(FULL) };
    listener.serve(stop, handler).await;
}

async fn connection(
    mut accepted: Accepted,
    config: &ImapConfig,
    context: &ImapContext,
    tls: &ServerTls,
    implicit: bool,
    shutdown: &Shutdown,
) {
    let remote = accepted.remote.ip();
    if !implicit {
        let peer = Peer { remote, security: Security::Clear };
        if run_session(&mut accepted.stream, &peer, config, context, shutdown, true).await == Ended::Closed {
            return;
        }
    }
    match tls.accept(accepted.stream).await {
        Ok((mut stream, facts)) => {
            if let Some(certificate) = &facts.certificate {
                context.pki.prepare(certificate, context.clock.now()).await;
            }
            let peer = Peer { remote, security: Security::Tls(Box::new(facts)) };
            run_session(&mut stream, &peer, config, context, shutdown, implicit).await;
        }
        Err(error) => tracing::info!(%remote, %error, "an IMAP client could not begin TLS"),
    }
}
