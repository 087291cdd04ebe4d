//! [`ClientTls`]: the handshake as the client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pli_types::PresentedCertificate;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::{ClientConfig, SupportedProtocolVersion};
use rustls_pki_types::{DnsName, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::own::OwnCertificate;
use super::provider::{VERSIONS, provider};
use super::verifier::ProofOfKey;
use super::{TlsFacts, TlsStream, handshake};
use crate::config::{LimitsConfig, TlsConfig};
use crate::error::NetError;

/// What we show to the servers that we connect to. Cheap to clone.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    own: OwnCertificate,
    limit: Duration,
}

impl ClientTls {
    /// Shows this certificate, with its chain, to a server that asks.
    pub fn new(tls: &TlsConfig) -> Result<Self, NetError> {
        Self::showing(&OwnCertificate::load(tls)?)
    }

    /// The same, with a certificate that others show too.
    pub fn showing(own: &OwnCertificate) -> Result<Self, NetError> {
        let config = config(VERSIONS, Arc::new(own.clone()))?;
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

    /// [`OwnCertificate::presented`].
    #[must_use]
    pub fn presented(&self) -> Option<PresentedCertificate> {
        self.own.presented()
    }

    /// The handshake, as the client. Any certificate whose key is proven is taken: the caller judges it.
    ///
    /// In TLS 1.3 this may succeed although the server is about to refuse *our* certificate: its alert then comes
    /// with the first read.
    pub async fn connect(&self, server_name: &str, stream: TcpStream) -> Result<(TlsStream, TlsFacts), NetError> {
        let name = named(server_name, stream.peer_addr()?.ip());
        let connector = TlsConnector::from(Arc::clone(&self.config));
        handshake::finish(self.limit, connector.connect(name, stream).into_fallible()).await
    }
}

/// Takes any certificate whose key is proven, and resumes nothing.
pub(super) fn config(
    versions: &[&'static SupportedProtocolVersion],
    shown: Arc<dyn ResolvesClientCert>,
) -> Result<ClientConfig, NetError> {
    let provider = provider();
    let verifier = ProofOfKey::new(provider.signature_verification_algorithms, Vec::new());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| NetError::Handshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(shown);
    // No resumption: see the head of this module's parent.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What to ask the server for: SNI if there is a name fit for it (RFC 6066 §3 allows host names only, without the
/// dot at the end), none for an address or a name that TLS cannot carry.
pub(super) fn named(server_name: &str, connected_to: IpAddr) -> ServerName<'static> {
    let host = server_name.strip_suffix('.').unwrap_or(server_name);
    match DnsName::try_from(host.to_owned()) {
        Ok(name) => ServerName::DnsName(name),
        Err(_) => ServerName::IpAddress(connected_to.into()),
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls").field("own", &self.own).field("limit", &self.limit).finish_non_exhaustive()
    }
}
