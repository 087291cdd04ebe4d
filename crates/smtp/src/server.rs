//! The listeners: a connection taken, TLS at its time, the driver between.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pli_audit::Face;
use pli_mailflow::{Client, Intake, PeerOnWire, Session};
use pli_net::{Accepted, Listener, NetError, ServerTls, Shutdown, TlsFacts, TlsStream};
use pli_signin::SignIn;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::driver::{Connection, Next};
use crate::metrics;
use crate::proto::{self, Door, SessionConfig, Tls};
use crate::replies;

/// How long a handshake may take. The limits of the listener may say less.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// What both kinds of listener need.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Our name, in the greeting.
    pub server_name: String,
    /// How long a silent client is borne (RFC 5321 §4.5.3.2.7: five minutes).
    pub idle: Duration,
    /// Who lets people in.
    pub signin: SignIn,
}

/// Serves the operators' listener (STARTTLS, client certificate judged by intake).
pub async fn operators(
    config: Arc<SmtpConfig>,
    tls: ServerTls,
    intake: Intake,
    listener: Listener,
    shutdown: Shutdown,
) {
    serve(Service::new(&config, tls, intake, Door::Operators, &shutdown), false, listener, shutdown).await;
}

/// Serves submission: `implicit` TLS (465) or STARTTLS (587), SASL over TLS only: PLAIN, LOGIN, EXTERNAL, and tokens where
/// they are configured.
pub async fn submission(
    config: Arc<SmtpConfig>,
    tls: ServerTls,
    implicit: bool,
    intake: Intake,
    listener: Listener,
    shutdown: Shutdown,
) {
    serve(Service::new(&config, tls, intake, Door::Submission, &shutdown), implicit, listener, shutdown).await;
}

async fn serve(service: Service, implicit: bool, listener: Listener, shutdown: Shutdown) {
    metrics::describe(service.face);
    let service = Arc::new(service);
    let listener = if implicit { listener } else { listener.refusing_with(full()) };
    listener
        .serve(shutdown, move |accepted| {
            let service = Arc::clone(&service);
            // A session is larger than a task should move about.
            async move { Box::pin(service.client(accepted, implicit)).await }
        })
        .await;
}

/// What somebody hears for whom there is no place (RFC 5321 §3.8: a 421 may come in place of any reply).
fn full() -> Vec<u8> {
    let mut line = Vec::new();
    replies::too_many_connections().write_to(&mut line);
    line
}

/// What the connections of one listener share.
struct Service {
    tls: ServerTls,
    intake: Intake,
    face: Face,
    idle: Duration,
    signin: SignIn,
    machine: Arc<SessionConfig>,
    shutdown: Shutdown,
}

impl Service {
    fn new(config: &SmtpConfig, tls: ServerTls, intake: Intake, door: Door, shutdown: &Shutdown) -> Self {
        let machine = SessionConfig {
            door,
            server_name: config.server_name.clone(),
            message_bytes_max: intake.config.message_bytes_max,
            postmaster_domain: intake.config.hosted_domains.first().cloned(),
            tokens: door == Door::Submission && config.signin.takes_tokens(),
        };
        let face = match door {
            Door::Operators => Face::Smtp,
            Door::Submission => Face::Submission,
        };
        let (signin, machine, shutdown) = (config.signin.clone(), Arc::new(machine), shutdown.clone());
        Self { tls, intake, face, idle: config.idle, signin, machine, shutdown }
    }

    /// One connection, from its first byte to its last. Everything that went wrong is logged here, once.
    async fn client(&self, accepted: Accepted, implicit: bool) {
        // The rest of `accepted` is its place in the listener's limits: it is given back at the end of this function.
        let Accepted { stream, remote, .. } = accepted;
        let _open = metrics::OpenConnection::new(self.face);
        tracing::debug!(%remote, listener = ?self.face, "connection taken");
        let ended = if implicit { self.under_tls(stream, remote).await } else { self.in_clear(stream, remote).await };
        match ended {
            Ok(()) => tracing::debug!(%remote, listener = ?self.face, "connection closed"),
            Err(NetError::Io(error)) => {
                tracing::debug!(%remote, listener = ?self.face, %error, "connection lost");
            }
            Err(error) => {
                metrics::handshake_failed(self.face);
                tracing::info!(%remote, listener = ?self.face, %error, "no TLS with this client");
            }
        }
    }

    /// TLS from the first byte.
    async fn under_tls(&self, stream: TcpStream, remote: std::net::SocketAddr) -> Result<(), NetError> {
        let (stream, facts) = self.handshake(stream).await?;
        let tls = Tls { certificate: facts.certificate.is_some() };
        let machine = proto::Session::new(Arc::clone(&self.machine), Some(tls));
        let mut connection = self.connection(machine, remote, Some(facts));
        self.finish(&mut connection, stream).await
    }

    /// In clear until STARTTLS.
    async fn in_clear(&self, mut stream: TcpStream, remote: std::net::SocketAddr) -> Result<(), NetError> {
        let machine = proto::Session::new(Arc::clone(&self.machine), None);
        let mut connection = self.connection(machine, remote, None);
        if connection.run(&mut stream, pin!(self.shutdown.begun())).await? == Next::Close {
            return Ok(());
        }
        let (stream, facts) = self.handshake(stream).await?;
        connection.tls_established(facts);
        self.finish(&mut connection, stream).await
    }

    async fn finish(&self, connection: &mut Connection, mut stream: TlsStream) -> Result<(), NetError> {
        connection.run(&mut stream, pin!(self.shutdown.begun())).await?;
        Ok(())
    }

    async fn handshake(&self, stream: TcpStream) -> Result<(TlsStream, TlsFacts), NetError> {
        timeout(HANDSHAKE_MAX, self.tls.accept(stream)).await.unwrap_or(Err(NetError::Timeout))
    }

    fn connection(&self, machine: proto::Session, remote: std::net::SocketAddr, tls: Option<TlsFacts>) -> Connection {
        let client = match self.face {
            Face::Submission => Client::Submitter { tls, account: None },
            _ => Client::Peer(PeerOnWire::new(tls)),
        };
        let session = Session { face: self.face, remote, helo: String::new(), client };
        Connection::new(self.intake.clone(), self.signin.clone(), machine, session, self.idle)
    }
}
