//! [`TrustingTls`]: the handshake as the client of a server outside of the trust space, which is believed by its name.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_types::Clock;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::own::OwnCertificate;
use super::provider::{VERSIONS, provider};
use super::{TlsStream, handshake};
use crate::config::LimitsConfig;
use crate::error::NetError;
use crate::pem;

/// How long a connection may take to stand, before TLS.
const CONNECT: Duration = Duration::from_secs(10);

/// Where systems keep the authorities that browsers believe: Debian and its kin, Red Hat and its kin, SUSE, Alpine.
const SYSTEM_ANCHORS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Whom a server's certificate must chain to.
#[derive(Debug, Clone)]
pub enum Anchors {
    /// The authorities in this PEM file, and no other.
    File(PathBuf),
    /// Those of the system.
    System,
}

impl From<Option<&Path>> for Anchors {
    fn from(file: Option<&Path>) -> Self {
        file.map_or(Self::System, |path| Self::File(path.to_owned()))
    }
}

/// Connects to servers that must prove their name before a byte is sent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TrustingTls {
    config: Arc<ClientConfig>,
    limit: Duration,
}

impl TrustingTls {
    /// Believes servers by these anchors, their dates held against this clock, and shows our certificate to one that
    /// asks, if there is one to show.
    pub fn new(anchors: &Anchors, own: Option<&OwnCertificate>, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        let builder = ClientConfig::builder_with_details(provider(), Arc::new(TimeOf(clock)))
            .with_protocol_versions(VERSIONS)
            .map_err(|error| NetError::Handshake(error.to_string()))?
            .with_root_certificates(Arc::new(anchors.roots()?));
        let shown = own.map(|own| Arc::new(own.clone()) as Arc<dyn ResolvesClientCert>);
        let mut config = match shown {
            Some(shown) => builder.with_client_cert_resolver(shown),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), limit: LimitsConfig::default().handshake })
    }

    /// Connects, and holds the server's certificate against the name that was asked for.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TlsStream, NetError> {
        let unfit = |_| NetError::NoHost(format!("`{host}` is no name of a host"));
        let name = ServerName::try_from(host.to_owned()).map_err(unfit)?;
        let stream = timeout(CONNECT, TcpStream::connect((host, port))).await.map_err(|_| NetError::Timeout)??;
        let connecting = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).into_fallible();
        handshake::finish(self.limit, connecting).await.map(|(stream, _)| stream)
    }
}

impl Anchors {
    pub(crate) fn roots(&self) -> Result<RootCertStore, NetError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::File(path) => {
                for certificate in pem::certificates(path)? {
                    let unfit = |error: rustls::Error| NetError::file(path, format!("cannot be an anchor: {error}"));
                    roots.add(certificate).map_err(unfit)?;
                }
            }
            // One of a hundred that cannot be read is the system's affair.
            Self::System => {
                roots.add_parsable_certificates(pem::certificates(&system_file()?)?);
            }
        }
        Ok(roots)
    }
}

fn system_file() -> Result<PathBuf, NetError> {
    let found = SYSTEM_ANCHORS.iter().map(PathBuf::from).find(|path| path.is_file());
    found.ok_or_else(|| {
        let what = "this system has no file of authorities; name the one to believe".to_owned();
        NetError::Io(io::Error::new(io::ErrorKind::NotFound, what))
    })
}

/// Where rustls itself looks at dates. In the trust space certificates are judged by [`crate::Pki`].
#[derive(Debug)]
pub(crate) struct TimeOf(pub(crate) Arc<dyn Clock>);

impl TimeProvider for TimeOf {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
