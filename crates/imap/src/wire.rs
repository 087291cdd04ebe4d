//! [`Wire`]: the connection, buffered both ways, with its patience.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pli_net::Shutdown;
use pli_signin::{Ending, Guard};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

/// Any stream that a session may run over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Io for T {}

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// Answers beyond this are sent before more is written.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// How long a client may leave us waiting to write.
const WRITE_PATIENCE: Duration = Duration::from_mins(2);

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// The client hung up.
    #[error("the client closed the connection")]
    Closed,
    /// The client said nothing for too long, or did not read.
    #[error("the client was silent for too long")]
    Timeout,
    /// We are stopping.
    #[error("the server is stopping")]
    Shutdown,
    /// Who is signed in may not go on.
    #[error("{}", .0.text())]
    Ended(Ending),
    /// The same, in the middle of an answer: nothing more can be said.
    #[error("the session was ended in the middle of an answer")]
    Cut,
    /// What we had begun to send cannot be finished, or what the client sent cannot be followed.
    #[error("{0}")]
    Broken(&'static str),
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
}

/// How long to wait for the client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Until this instant, whatever it says: who has not signed in yet.
    Until(Instant),
    /// For this long each time.
    Each(Duration),
}

impl Patience {
    fn deadline(self) -> Instant {
        match self {
            Self::Until(instant) => instant,
            Self::Each(duration) => Instant::now() + duration,
        }
    }
}

/// A connection.
pub(crate) struct Wire<'io> {
    io: &'io mut (dyn Io + 'io),
    input: BytesMut,
    output: Vec<u8>,
    shutdown: Shutdown,
    /// Held once someone is signed in.
    guard: Option<Guard>,
    /// How long to wait for the client.
    pub(crate) patience: Patience,
}

impl std::fmt::Debug for Wire<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither buffer: they hold passwords and mail.
        f.debug_struct("Wire").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl<'io> Wire<'io> {
    pub(crate) fn new(io: &'io mut (dyn Io + 'io), shutdown: Shutdown, patience: Patience) -> Self {
        Self { io, input: BytesMut::new(), output: Vec::new(), shutdown, guard: None, patience }
    }

    /// Someone is signed in: the connection lasts as long as his session.
    pub(crate) fn keep(&mut self, guard: Guard) {
        self.guard = Some(guard);
    }

    /// May who is signed in go on? What can be known without waiting is looked at now.
    pub(crate) fn may_go_on(&mut self) -> Result<(), WireError> {
        let Some(ending) = self.guard.as_mut().and_then(Guard::has_ended) else { return Ok(()) };
        // The last words are said to a stranger.
        self.guard = None;
        Err(WireError::Ended(ending))
    }

    /// Where answers are written. They leave when the client is waited for, at the latest.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Writes a text.
    pub(crate) fn say(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
    }

    /// Sends what is written if it has become much. A session that is over gets no more of it.
    pub(crate) async fn relieve(&mut self) -> Result<(), WireError> {
        if self.output.len() <= OUTPUT_BYTES_MAX {
            return Ok(());
        }
        if self.guard.as_mut().and_then(Guard::has_ended).is_some() {
            self.output.clear();
            return Err(WireError::Cut);
        }
        self.flush().await
    }

    /// Sends what is written.
    pub(crate) async fn flush(&mut self) -> Result<(), WireError> {
        if self.output.is_empty() {
            return Ok(());
        }
        let send = async {
            self.io.write_all(&self.output).await?;
            self.io.flush().await
        };
        let outcome = tokio::select! {
            biased;
            outcome = tokio::time::timeout(WRITE_PATIENCE, send) => outcome,
            _ = ended(&mut self.guard) => {
                self.output.clear();
                return Err(WireError::Cut);
            }
        };
        outcome.map_err(|_| WireError::Timeout)??;
        self.output.clear();
        // Thousands of sessions idle: none of them keeps what a large answer took.
        self.output.shrink_to(OUTPUT_BYTES_MAX);
        Ok(())
    }

    /// Sends what is written and says that no more will come.
    pub(crate) async fn close(&mut self) {
        // The client may be gone already, which is no news here.
        if self.flush().await.is_ok() {
            drop(tokio::time::timeout(WRITE_PATIENCE, self.io.shutdown()).await);
        }
    }

    /// How many bytes the client has sent that were not taken yet.
    pub(crate) fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Sends what is written, then waits for more to read. Nothing is lost if it is not waited for to the end.
    pub(crate) async fn fill(&mut self) -> Result<(), WireError> {
        self.flush().await?;
        self.input.reserve(READ_BYTES);
        let deadline = self.patience.deadline();
        let read = tokio::time::timeout_at(deadline, self.io.read_buf(&mut self.input));
        let count = tokio::select! {
            biased;
            () = self.shutdown.begun() => return Err(WireError::Shutdown),
            ending = ended(&mut self.guard) => {
                self.guard = None;
                return Err(WireError::Ended(ending));
            }
            read = read => read.map_err(|_| WireError::Timeout)??,
        };
        if count == 0 { Err(WireError::Closed) } else { Ok(()) }
    }

    /// A line with its end, if it has come.
    pub(crate) fn buffered_line(&mut self) -> Option<Bytes> {
        let end = self.input.iter().position(|byte| *byte == b'\n')?;
        Some(self.input.split_to(end + 1).freeze())
    }

    /// A line with its end. `None` if it is longer than `bytes_max`: what follows cannot be told apart any more.
    pub(crate) async fn line(&mut self, bytes_max: usize) -> Result<Option<Bytes>, WireError> {
        let mut looked_at = 0;
        loop {
            let fresh = self.input.get(looked_at..).unwrap_or_default();
            if let Some(position) = fresh.iter().position(|byte| *byte == b'\n') {
                let length = looked_at + position + 1;
                return Ok((length <= bytes_max).then(|| self.input.split_to(length).freeze()));
            }
            looked_at = self.input.len();
            if looked_at > bytes_max {
                return Ok(None);
            }
            self.fill().await?;
        }
    }

    /// Between one and `bytes_max` bytes, as they come.
    pub(crate) async fn some(&mut self, bytes_max: usize) -> Result<Bytes, WireError> {
        if self.input.is_empty() {
            self.fill().await?;
        }
        let length = self.input.len().min(bytes_max);
        Ok(self.input.split_to(length).freeze())
    }
}

/// Resolves when a session is over; never for a stranger.
async fn ended(guard: &mut Option<Guard>) -> Ending {
    match guard {
        Some(guard) => guard.ended().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_is_not_put_off_by_talking() {
        let (mut client, mut server) = tokio::io::duplex(64);
        let patience = Patience::Until(Instant::now() + Duration::from_millis(100));
        let mut wire = Wire::new(&mut server, Shutdown::default(), patience);
        let talk = async {
            // Until the other end is dropped.
            while client.write_all(b"a NOOP\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let listen = async move {
            loop {
                if let Err(error) = wire.line(100).await {
                    return error;
                }
            }
        };
        let end = tokio::select! { error = listen => error, () = talk => WireError::Closed };
        assert!(matches!(end, WireError::Timeout), "{end}");
    }

    #[tokio::test]
    async fn a_line_may_come_in_pieces_and_must_end_in_time() {
        let (mut client, mut server) = tokio::io::duplex(64);
        let mut wire = Wire::new(&mut server, Shutdown::default(), Patience::Each(Duration::from_secs(10)));
        client.write_all(b"a NO").await.unwrap();
        assert!(wire.buffered_line().is_none());
        client.write_all(b"OP\r\nb NOOP\r\n").await.unwrap();
        assert_eq!(wire.line(100).await.unwrap().as_deref(), Some(&b"a NOOP\r\n"[..]));
        assert_eq!(wire.buffered_line().as_deref(), Some(&b"b NOOP\r\n"[..]));
        client.write_all(b"far too long\r\n").await.unwrap();
        assert_eq!(wire.line(5).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_server_that_stops_waits_for_nobody() {
        let (_client, mut server) = tokio::io::duplex(64);
        let shutdown = Shutdown::default();
        let mut wire = Wire::new(&mut server, shutdown.clone(), Patience::Each(Duration::from_secs(10)));
        shutdown.finish(Duration::ZERO).await;
        assert!(matches!(wire.line(100).await, Err(WireError::Shutdown)));
    }
}
