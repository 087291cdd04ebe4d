//! [`probe`]: one handshake with a server, in which everything is seen that the server does. For diagnosis.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{SignatureScheme, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::provider::{TLS12_ONLY, TLS13_ONLY, VERSIONS};
use super::{OwnCertificate, TlsFacts, TlsStream, client, handshake};
use crate::error::NetError;
use crate::peer;

/// What we show to a server that asks for a certificate.
#[derive(Debug, Clone, Copy)]
pub enum Showing<'a> {
    /// Our certificate with its chain, as always.
    Chain(&'a OwnCertificate),
    /// Our certificate alone: some servers know their intermediates, others need to be sent them.
    LeafOnly(&'a OwnCertificate),
    /// Nothing.
    Nothing,
}

/// The versions of TLS that we offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeVersion {
    /// Both, as always.
    Any,
    /// RFC 5246 only.
    Tls12,
    /// RFC 8446 only.
    Tls13,
}

/// What the server did.
#[derive(Debug)]
pub struct Probed {
    /// The handshake: version, suite and the server's certificate, with the connection; or why there is none. In TLS
    /// 1.3 this holds even if the server is about to refuse our certificate: see [`alert_in`].
    pub handshake: Result<(TlsStream, TlsFacts), ProbeFault>,
    /// The authorities that the server hinted at when it asked for a certificate, as RFC 4514 names; none means "any".
    /// `None` if it did not ask.
    pub asked: Option<Vec<String>>,
}

/// Why a handshake did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFault {
    /// The server said so: the name of its alert and its number (RFC 8446 §6).
    #[error("the server refused with the alert {0}")]
    Alert(String),
    /// Everything else.
    #[error(transparent)]
    Other(#[from] NetError),
}

/// A handshake with a server, within `limit`. Any certificate whose key is proven is taken: the caller judges it.
pub async fn probe(
    stream: TcpStream,
    server_name: &str,
    showing: Showing<'_>,
    version: ProbeVersion,
    limit: Duration,
) -> Probed {
    let witness = Arc::new(Witness { shown: shown(showing), asked: Mutex::new(None) });
    let handshake = shake_hands(stream, server_name, &witness, version, limit).await;
    let asked = witness.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
    Probed { handshake, asked }
}

/// The alert within an error of reading from or writing to a [`TlsStream`]: how a TLS 1.3 server refuses our
/// certificate after a handshake that, for us, has succeeded.
#[must_use]
pub fn alert_in(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(format!("{alert:?} ({})", u8::from(*alert))),
        _ => None,
    }
}

async fn shake_hands(
    stream: TcpStream,
    server_name: &str,
    witness: &Arc<Witness>,
    version: ProbeVersion,
    limit: Duration,
) -> Result<(TlsStream, TlsFacts), ProbeFault> {
    let address = stream.peer_addr().map_err(NetError::Io)?.ip();
    let versions: &[&SupportedProtocolVersion] = match version {
        ProbeVersion::Any => VERSIONS,
        ProbeVersion::Tls12 => TLS12_ONLY,
        ProbeVersion::Tls13 => TLS13_ONLY,
    };
    let config = client::config(versions, Arc::<Witness>::clone(witness))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(client::named(server_name, address), stream);
    match timeout(limit, connecting).await {
        Ok(Ok(stream)) => Ok(handshake::finished(stream)?),
        Ok(Err(error)) => Err(match alert_in(&error) {
            // Where one version only is offered, the alert says nothing of the other.
            Some(alert) if version != ProbeVersion::Any || !alert.starts_with("ProtocolVersion") => {
                ProbeFault::Alert(alert)
            }
            _ => handshake::cause(error).into(),
        }),
        Err(_) => Err(NetError::Timeout.into()),
    }
}

fn shown(showing: Showing<'_>) -> Option<Arc<CertifiedKey>> {
    match showing {
        Showing::Chain(own) => Some(own.current()),
        Showing::LeafOnly(own) => {
            let mut current = CertifiedKey::clone(&own.current());
            current.cert.truncate(1);
            Some(Arc::new(current))
        }
        Showing::Nothing => None,
    }
}

/// Shows what it was given, and remembers having been asked.
#[derive(Debug)]
struct Witness {
    shown: Option<Arc<CertifiedKey>>,
    asked: Mutex<Option<Vec<String>>>,
}

impl ResolvesClientCert for Witness {
    fn resolve(&self, hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let names = hints.iter().map(|hint| name(hint)).collect();
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(names);
        self.shown.clone()
    }

    fn has_certs(&self) -> bool {
        self.shown.is_some()
    }
}

fn name(der: &[u8]) -> String {
    let read = X509Name::from_der(der);
    read.map_or_else(|_| "a name that cannot be read".to_owned(), |(_, name)| peer::name_in_words(&name))
}
