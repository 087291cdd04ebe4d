//! [`Listener`]: the accept loop, with limits, nodelay and backoff.

mod places;

use std::borrow::Cow;
use std::io::{Error, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};

use self::places::{Place, Places};
use crate::config::LimitsConfig;
use crate::error::NetError;
use crate::shutdown::Shutdown;

/// Between two tries when the system has no descriptor or no memory left for another connection.
const BACKOFF_MIN: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A bound socket. Connections wait in it until [`Listener::serve`] takes them.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    places: Places,
    refusal: Cow<'static, [u8]>,
}

/// A connection taken. It counts in the limits until its handler ends.
#[derive(Debug)]
pub struct Accepted {
    /// The socket, with nodelay set.
    pub stream: TcpStream,
    /// Who connected.
    pub remote: SocketAddr,
}

impl Listener {
    /// Binds. Port 0 picks a free one: see [`Listener::local_address`].
    pub async fn bind(address: SocketAddr, limits: LimitsConfig) -> Result<Self, NetError> {
        let socket = TcpListener::bind(address).await.map_err(|source| NetError::Listen { address, source })?;
        Ok(Self { socket, places: Places::new(limits), refusal: Cow::Borrowed(&[]) })
    }

    /// Tells this to whoever finds no place, before the connection is closed. Not for a protocol that begins with TLS.
    #[must_use]
    pub fn refusing_with(mut self, refusal: impl Into<Cow<'static, [u8]>>) -> Self {
        self.refusal = refusal.into();
        self
    }

    /// Where it is bound.
    pub fn local_address(&self) -> Result<SocketAddr, NetError> {
        Ok(self.socket.local_addr()?)
    }

    /// Accepts until shutdown begins; each connection runs in a task of its own that shutdown waits for. A handler
    /// that panics ends its own connection only. Over a limit, the connection is told so, closed at once and logged.
    pub async fn serve<F, Fut>(self, shutdown: Shutdown, handler: F)
    where
        F: Fn(Accepted) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let mut backoff = BACKOFF_MIN;
        let mut end = pin!(shutdown.begun());
        loop {
            let taken = tokio::select! {
                biased;
                () = &mut end => return,
                taken = self.socket.accept() => taken,
            };
            match taken {
                Ok((stream, remote)) => {
                    backoff = BACKOFF_MIN;
                    match self.admit(&stream, remote) {
                        Some(place) => shutdown.spawn(run(Arc::clone(&handler), Accepted { stream, remote }, place)),
                        None => refuse(stream, &self.refusal),
                    }
                }
                Err(error) if is_the_peers_affair(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, wait = ?backoff, "cannot take another connection for now");
                    tokio::select! {
                        () = &mut end => return,
                        () = tokio::time::sleep(backoff) => {}
                    }
                    backoff = backoff.saturating_mul(2).min(BACKOFF_MAX);
                }
            }
        }
    }

    fn admit(&self, stream: &TcpStream, remote: SocketAddr) -> Option<Place> {
        let place = match self.places.take(remote.ip()) {
            Ok(place) => place,
            Err(full) => {
                tracing::debug!(%remote, %full, "a connection is closed at once");
                return None;
            }
        };
        // Replies are small and waited for: holding them back costs 40 ms each (Nagle with delayed ACK). It fails
        // only if the connection is gone already, which the handler will find out.
        stream.set_nodelay(true).ok();
        Some(place)
    }
}

/// Says why, as far as the socket takes it at once, and closes: who is refused costs nothing, and is not waited for.
fn refuse(stream: TcpStream, refusal: &[u8]) {
    if let Ok(mut socket) = stream.into_std() {
        // It fails only if the connection is gone already.
        socket.write_all(refusal).ok();
    }
}

/// One connection, from its first byte to its end. Its place is held here, not in [`Accepted`]: a handler that takes
/// the socket out of that would give the place back while the connection lives.
async fn run<F, Fut>(handler: Arc<F>, accepted: Accepted, place: Place)
where
    F: Fn(Accepted) -> Fut,
    Fut: Future<Output = ()>,
{
    let remote = accepted.remote;
    let served = AssertUnwindSafe(async { handler(accepted).await }).catch_unwind();
    if served.await.is_err() {
        // Not what it panicked with: that may quote the message it was reading.
        tracing::error!(%remote, "a connection was lost to a bug: its handler panicked");
    }
    drop(place);
}

/// The peer gave up while it waited in the queue: nothing is wrong on our side.
fn is_the_peers_affair(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}
