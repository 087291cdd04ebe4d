//! Small mail clients, independent of the relay's own code: what the demo, and tests, look at a relay with.

pub mod imap;
pub mod smtp;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a server may take for one answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// The longest line that a server may write.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// A message that a server may give, with room for base64.
const LITERAL_BYTES_MAX: u64 = 64 << 20;

/// A certificate to show, and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// PEM, chain included.
    pub certificate: PathBuf,
    /// PEM, PKCS#8.
    pub key: PathBuf,
}

/// TLS towards a sandbox: servers are checked against its CA and by name, as a mail program does.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl Tls {
    /// Trusts `ca`, shows `identity` if a server asks.
    pub fn new(ca: &Path, identity: Option<&Identity>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate)?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_file(&identity.key)
                    .with_context(|| format!("cannot read {}", identity.key.display()))?;
                builder.with_client_auth_cert(certificates(&identity.certificate)?, key)?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake with a server on the loopback.
    async fn connect(&self, stream: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost")?;
        within("the TLS handshake", async { Ok(self.0.connect(name, stream).await?) }).await
    }
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {}", path.display()))
}

async fn open(port: u16) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("nothing listens on 127.0.0.1:{port}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An answer, or an error that says what it was to.
async fn within<T>(what: &str, answer: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match timeout(ANSWERED_WITHIN, answer).await {
        Ok(answer) => answer.with_context(|| what.to_owned()),
        Err(_) => bail!("no answer to {what} within {ANSWERED_WITHIN:?}"),
    }
}

/// One line without its end. A closed connection is an error.
async fn read_line<R: tokio::io::AsyncBufRead + Unpin>(reader: &mut R) -> anyhow::Result<String> {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt};
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if line.pop() != Some(b'\n') {
        bail!("the server closed the connection");
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}
