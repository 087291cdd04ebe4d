//! The driver: sockets to the protocol machine and back.

use std::sync::Arc;
use std::time::Duration;

use pli_mailflow::Intake;
use pli_net::{Listener, ServerTls, Shutdown};

/// What both kinds of listener need.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Our name, in the greeting.
    pub server_name: String,
    /// How long a silent client is borne (RFC 5321 §4.5.3.2.7: five minutes).
    pub idle: Duration,
}

/// Serves the operators' listener (STARTTLS, client certificate judged by intake).
pub async fn operators(
    _config: Arc<SmtpConfig>,
    _tls: ServerTls,
    _intake: Intake,
    _listener: Listener,
    _shutdown: Shutdown,
) {
}

/// Serves submission: `implicit` TLS (465) or STARTTLS (587), SASL PLAIN and EXTERNAL over TLS only.
pub async fn submission(
    _config: Arc<SmtpConfig>,
    _tls: ServerTls,
    _implicit: bool,
    _intake: Intake,
    _listener: Listener,
    _shutdown: Shutdown,
) {
}
