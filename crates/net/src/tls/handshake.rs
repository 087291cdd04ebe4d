//! What the two sides of a handshake have in common: its limit in time, its facts, and its end when it fails.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CommonState, Error, PeerIncompatible, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{TlsFacts, TlsStream};
use crate::error::NetError;
use crate::peer;

/// How long, and how many bytes, we listen on after refusing a handshake.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1024;

/// Runs a handshake to its end, or to `limit`.
pub(super) async fn finish<F, S>(limit: Duration, handshake: F) -> Result<(TlsStream, TlsFacts), NetError>
where
    F: Future<Output = Result<S, (io::Error, TcpStream)>>,
    S: Into<tokio_rustls::TlsStream<TcpStream>>,
{
    match timeout(limit, handshake).await {
        Ok(Ok(stream)) => finished(stream),
        Ok(Err((error, stream))) => {
            let error = cause(error);
            part(stream).await;
            Err(error)
        }
        Err(_) => Err(NetError::Timeout),
    }
}

/// A handshake that came to its end.
pub(super) fn finished(
    stream: impl Into<tokio_rustls::TlsStream<TcpStream>>,
) -> Result<(TlsStream, TlsFacts), NetError> {
    let stream = stream.into();
    let facts = facts(stream.get_ref().1)?;
    Ok((TlsStream(stream), facts))
}

/// Closes so that the alert just written arrives: a socket closed with unread bytes in it makes the kernel send RST,
/// on which the other side throws away what it has not read yet.
async fn part(mut stream: TcpStream) {
    let farewell = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whatever happens now, the connection is over.
    timeout(LINGER, farewell).await.ok();
}

fn facts(state: &CommonState) -> Result<TlsFacts, NetError> {
    let certificate = match state.peer_certificates() {
        Some(chain) => Some(peer::presented(chain).ok_or_else(|| unreadable("its certificate cannot be read"))?),
        None => None,
    };
    let cipher = state.negotiated_cipher_suite().map(|suite| suite.suite());
    Ok(TlsFacts {
        version: version(state.protocol_version()),
        cipher: cipher.and_then(|suite| suite.as_str()).unwrap_or("unknown").to_owned(),
        certificate,
    })
}

fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "unknown",
    }
    .to_owned()
}

fn unreadable(what: &str) -> NetError {
    NetError::Handshake(what.to_owned())
}

/// Whose doing it was, in words: an attack, a fault of configuration and a scanner look different.
pub(super) fn cause(error: io::Error) -> NetError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let what = match tls {
        Some(Error::InvalidMessage(detail)) => {
            format!("the other side does not speak TLS, or not any more: {detail:?}")
        }
        // Of both versions that we offer, it has neither (R-SMTP-6).
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
        ) => "the other side offers nothing at TLS 1.2 or above".to_owned(),
        Some(Error::PeerIncompatible(detail)) => {
            format!("nothing in common with what the other side offers: {detail:?}")
        }
        Some(Error::PeerMisbehaved(detail)) => format!("the other side broke the protocol: {detail:?}"),
        Some(Error::AlertReceived(alert)) => format!("the other side refused: {alert:?}"),
        Some(Error::InvalidCertificate(detail)) => format!("the other side's certificate: {detail:?}"),
        Some(other) => other.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the other side hung up".to_owned(),
        None => return NetError::Io(error),
    };
    NetError::Handshake(what)
}
