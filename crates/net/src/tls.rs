//! TLS in both directions: [`ServerTls`], [`ClientTls`], [`TlsStream`]; and [`TrustingTls`], towards servers outside of the
//! trust space, which alone believes a certificate by itself.
//!
//! TLS 1.2 with the two ECDHE-RSA GCM suites of R-SMTP-7 (and their ECDSA sisters for ECDSA keys), and TLS 1.3.
//! A handshake proves that the other side holds the key of the certificate it shows, in both versions and both
//! directions; it never says whether that certificate is believed.
//!
//! Sessions are not resumed: every connection proves its key anew. A resumed session would carry a certificate
//! over from an earlier proof, and the ticket key would be one more secret as strong as all of them; what it would
//! save is one signature on each side.

mod client;
mod handshake;
mod own;
pub mod probe;
pub(crate) mod provider;
mod server;
pub(crate) mod trusting;
mod verifier;

use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use pli_types::PresentedCertificate;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub use client::ClientTls;
pub use own::OwnCertificate;
pub use server::ServerTls;
pub use trusting::{Anchors, TrustingTls};

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

/// A connection under TLS, whichever side we are. Shutting it down sends `close_notify`.
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
