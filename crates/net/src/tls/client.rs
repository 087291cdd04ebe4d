//! [`ClientTls`]: the handshake as the client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::Resumption;
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
    own: Arc<OwnCertificate>,
    limit: Duration,
}

impl ClientTls {
    /// Shows this certificate, with its chain, to a server that asks.
    pub fn new(tls: &TlsConfig) -> Result<Self, NetError> {
        let provider = provider();
        let own = Arc::new(OwnCertificate::load(tls, Arc::clone(&provider))?);
        let verifier = ProofOfKey::new(provider.signature_verification_algorithms, Vec::new());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(VERSIONS)
            .map_err(|error| NetError::file(&tls.certificate, error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::<OwnCertificate>::clone(&own));
        // No resumption: see the head of this module's parent.
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), own, limit: LimitsConfig::default().handshake })
    }

    /// The same, with another limit on how long a handshake may take.
    #[must_use]
    pub fn handshake_within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Reads our certificate and key again, for the handshakes to come. Files that cannot be used leave those in force.
    pub fn reload(&self) -> Result<(), NetError> {
        self.own.reload()
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

/// What to ask the server for: SNI if there is a name fit for it (RFC 6066 §3 allows host names only, without the
/// dot at the end), none for an address or a name that TLS cannot carry.
fn named(server_name: &str, connected_to: IpAddr) -> ServerName<'static> {
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
