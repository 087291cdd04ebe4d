//! [`ServerTls`]: the handshake as the server.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::NoServerSessionStorage;
use rustls::{DistinguishedName, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::own::OwnCertificate;
use super::provider::{VERSIONS, provider};
use super::verifier::ProofOfKey;
use super::{TlsFacts, TlsStream, handshake};
use crate::config::{LimitsConfig, PkiConfig, TlsConfig};
use crate::error::NetError;
use crate::pem;

/// What our listeners show, and whether they ask for a certificate. Cheap to clone.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    own: OwnCertificate,
    limit: Duration,
}

impl ServerTls {
    /// For the operators' listener: asks for a certificate with an empty list of hints, takes any whose key is
    /// proven, or none.
    ///
    /// No hints, because a peer's software that finds its certificate not hinted at sends none, and its postmaster
    /// would read "no certificate" where "untrusted" is the truth.
    pub fn operators(tls: &TlsConfig) -> Result<Self, NetError> {
        Self::for_operators(&OwnCertificate::load(tls)?)
    }

    /// The same, with a certificate that others show too.
    pub fn for_operators(own: &OwnCertificate) -> Result<Self, NetError> {
        Self::with_hints(own, Vec::new())
    }

    /// For people's and programs' listeners: asks for a certificate, hinting at "organisations" only, takes none.
    ///
    /// The hint keeps mail programs from offering a person's card, which would ask for a PIN in vain.
    pub fn clients(tls: &TlsConfig, pki: &PkiConfig) -> Result<Self, NetError> {
        Self::for_clients(&OwnCertificate::load(tls)?, pki)
    }

    /// The same, with a certificate that others show too.
    pub fn for_clients(own: &OwnCertificate, pki: &PkiConfig) -> Result<Self, NetError> {
        let hints = pem::certificates(&pki.organisations)?
            .iter()
            .map(webpki::anchor_from_trusted_cert)
            .map(|anchor| anchor.map(|anchor| DistinguishedName::in_sequence(&anchor.subject)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| NetError::file(&pki.organisations, format!("a certificate cannot be read: {error}")))?;
        Self::with_hints(own, hints)
    }

    fn with_hints(own: &OwnCertificate, hints: Vec<DistinguishedName>) -> Result<Self, NetError> {
        let provider = provider();
        let verifier = ProofOfKey::new(provider.signature_verification_algorithms, hints);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(VERSIONS)
            .map_err(|error| NetError::Handshake(error.to_string()))?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(own.clone()));
        // No resumption: see the head of this module's parent.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), own: own.clone(), limit: LimitsConfig::default().handshake })
    }

    /// The same, with another limit on how long a handshake may take.
    #[must_use]
    pub fn handshake_within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// [`OwnCertificate::reload`].
    pub fn reload(&self) -> Result<(), NetError> {
        self.own.reload().map(drop)
    }

    /// The handshake, as the server. After STARTTLS the caller sees to it that nothing read in clear is kept: what
    /// came behind the command is never interpreted (RFC 3207 §4.2).
    pub async fn accept(&self, stream: TcpStream) -> Result<(TlsStream, TlsFacts), NetError> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        handshake::finish(self.limit, acceptor.accept(stream).into_fallible()).await
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").field("own", &self.own).field("limit", &self.limit).finish_non_exhaustive()
    }
}
