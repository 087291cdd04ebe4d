//! [`ScannerPlace`]: where clamd listens. On this machine only: what it is shown is shown in clear.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// `unix:/run/clamav/clamd.ctl` or `tcp:127.0.0.1:3310`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerPlace {
    /// A Unix socket.
    Unix(PathBuf),
    /// A port of the loopback.
    Tcp(SocketAddr),
}

/// What is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Neither form.
    #[error("write the scanner as unix:/PATH/OF/SOCKET or tcp:127.0.0.1:PORT")]
    Form,
    /// Another machine, or every network of this one.
    #[error("a message is shown to the scanner in clear, so it must be on this machine: 127.0.0.1 or [::1]")]
    NotLoopback,
}

/// A connection to either.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl ScannerPlace {
    /// Connects.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    }
}

impl FromStr for ScannerPlace {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if Path::new(path).is_absolute() { Ok(Self::Unix(path.into())) } else { Err(PlaceError::Form) };
        }
        let address: SocketAddr =
            text.strip_prefix("tcp:").and_then(|address| address.parse().ok()).ok_or(PlaceError::Form)?;
        match (address.ip().to_canonical().is_loopback(), address.port()) {
            (false, _) => Err(PlaceError::NotLoopback),
            (true, 0) => Err(PlaceError::Form),
            (true, _) => Ok(Self::Tcp(address)),
        }
    }
}

impl fmt::Display for ScannerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl<'de> Deserialize<'de> for ScannerPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")))
    }
}

impl Serialize for ScannerPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_a_place() {
        for good in ["unix:/run/clamav/clamd.ctl", "tcp:127.0.0.1:3310", "tcp:127.8.8.8:1", "tcp:[::1]:3310"] {
            assert_eq!(good.parse::<ScannerPlace>().unwrap().to_string(), good);
        }
        for remote in ["tcp:192.0.2.1:3310", "tcp:0.0.0.0:3310", "tcp:[::]:3310", "tcp:[2001:db8::1]:3310"] {
            assert_eq!(remote.parse::<ScannerPlace>(), Err(PlaceError::NotLoopback), "{remote}");
        }
        for neither in
            ["", "/run/clamd.ctl", "unix:clamd.ctl", "unix:", "tcp:localhost:3310", "tcp:127.0.0.1", "tcp:127.0.0.1:0"]
        {
            assert_eq!(neither.parse::<ScannerPlace>(), Err(PlaceError::Form), "{neither}");
        }
    }
}
