//! [`GuardedStream`]: what lettre reads from and writes to.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// lettre begins a dialogue by reading a greeting, and the one there was came before STARTTLS.
const GREETING: &[u8] = b"220 \r\n";

/// The longest reply line taken. RFC 5321 §4.5.3.1.5 has 512; some servers are wordy.
const LINE_BYTES_MAX: usize = 2_000;

/// The longest reply to EHLO that is kept to read the server's offers from.
const HEARD_BYTES_MAX: usize = 16 * 1024;

/// A stream that says the greeting once more, and lets through only replies that a line reader can bear: lines of
/// bounded length, in ASCII (anything else becomes `?`). lettre by itself reads a line for as long as it comes, and
/// takes a reply in another charset for a broken connection.
#[derive(Debug)]
pub(crate) struct GuardedStream<S> {
    inner: S,
    peer: SocketAddr,
    greeting: &'static [u8],
    line_bytes: usize,
    heard: Heard,
}

/// What came in since the greeting, until it is taken: the reply to EHLO, of which lettre keeps a part only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Option<Vec<u8>>>>);

impl Heard {
    fn listening() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    fn add(&self, bytes: &[u8]) {
        if let Some(heard) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let room = HEARD_BYTES_MAX.saturating_sub(heard.len());
            heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// What was heard; nothing is kept from now on.
    pub(crate) fn take(&self) -> String {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        String::from_utf8_lossy(&heard).into_owned()
    }
}

impl<S> GuardedStream<S> {
    /// Guards a stream that has just come under TLS.
    pub(crate) fn new(inner: S, peer: SocketAddr) -> (Self, Heard) {
        let heard = Heard::listening();
        (Self { inner, peer, greeting: GREETING, line_bytes: 0, heard: heard.clone() }, heard)
    }

    /// Replaces what is not ASCII and counts the bytes of the line under way.
    fn guard(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        for byte in bytes.iter_mut() {
            if !byte.is_ascii() {
                *byte = b'?';
            }
            self.line_bytes = if *byte == b'\n' { 0 } else { self.line_bytes + 1 };
            if self.line_bytes > LINE_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply line of more than 2,000 bytes"));
            }
        }
        self.heard.add(bytes);
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.greeting.is_empty() {
            let part = this.greeting.len().min(buf.remaining());
            let (now, later) = this.greeting.split_at_checked(part).unwrap_or((this.greeting, &[]));
            buf.put_slice(now);
            this.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let guarded = this.guard(buf.filled_mut().get_mut(before..).unwrap_or_default());
        if guarded.is_err() {
            buf.set_filled(before);
        }
        Poll::Ready(guarded)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S> AsyncTokioStream for GuardedStream<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn guarded() -> (GuardedStream<tokio::io::DuplexStream>, Heard, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (stream, heard) = GuardedStream::new(ours, "192.0.2.1:25".parse().unwrap());
        (stream, heard, theirs)
    }

    #[tokio::test]
    async fn the_greeting_is_said_again_and_replies_come_in_ascii() {
        let (mut stream, heard, mut server) = guarded();
        server.write_all(b"550 refus\xe9\r\n").await.unwrap();
        drop(server);
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "220 \r\n550 refus?\r\n");
        assert_eq!(heard.take(), "550 refus?\r\n");
    }

    #[tokio::test]
    async fn a_line_without_end_is_an_error_and_not_memory() {
        let (mut stream, _heard, mut server) = guarded();
        server.write_all(&[b'x'; 3_000]).await.unwrap();
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
