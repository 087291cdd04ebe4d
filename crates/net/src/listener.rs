//! [`Listener`]: the accept loop, with limits, nodelay and backoff.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::config::LimitsConfig;
use crate::shutdown::Shutdown;
use crate::tls::NetError;

/// A bound socket that has not begun to accept.
#[derive(Debug)]
pub struct Listener {
    _limits: LimitsConfig,
}

/// A connection taken. Its place in the limits is given back when this is dropped.
#[derive(Debug)]
pub struct Accepted {
    /// The socket, with nodelay set.
    pub stream: TcpStream,
    /// Who connected.
    pub remote: SocketAddr,
}

impl Listener {
    /// Binds. Port 0 picks a free one: see [`Listener::local_address`].
    pub async fn bind(_address: SocketAddr, limits: LimitsConfig) -> Result<Self, NetError> {
        Ok(Self { _limits: limits })
    }

    /// Where it is bound.
    pub fn local_address(&self) -> Result<SocketAddr, NetError> {
        Err(NetError::Timeout)
    }

    /// Accepts until shutdown begins; each connection runs in a task of its own that shutdown waits for. A handler
    /// that panics ends its own connection only. Over a limit, the connection is closed at once and logged.
    pub async fn serve<F, Fut>(self, _shutdown: Shutdown, _handler: F)
    where
        F: Fn(Accepted) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
    }
}
