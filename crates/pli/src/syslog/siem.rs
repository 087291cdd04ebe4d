//! [`Siem`]: a receiver of syslog over TLS (RFC 5425).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_net::{Anchors, NetError, OwnCertificate, TlsConfig, TlsStream, TrustingTls};
use pli_types::Clock;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::time::timeout;

use super::frame;
use crate::exit::{Exit, Failure};

/// How long a receiver may take for what it is given at a time.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to say that it has come to the end.
const FAREWELL: Duration = Duration::from_secs(10);

/// `HOST:PORT`, or `[ADDRESS]:PORT` for IPv6. The port of syslog over TLS is 6514.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SiemAt {
    host: String,
    port: u16,
}

impl SiemAt {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "HOST:PORT is expected, such as siem.example.org:6514".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        let one = bare == host && host.contains(':');
        if bare.is_empty() || one || bare.contains(['/', '@', ' ', '[', ']']) {
            return Err(wrong());
        }
        Ok(Self { host: bare.to_owned(), port })
    }
}

impl std::fmt::Display for SiemAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl<'de> Deserialize<'de> for SiemAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for SiemAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a receiver has not got all.
#[derive(Debug)]
pub(crate) enum SiemFault {
    /// A file of ours cannot be used.
    Ours(NetError),
    /// It cannot be reached, is not believed, or hung up.
    Theirs(SiemAt, String),
}

impl std::fmt::Display for SiemFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ours(error) => error.fmt(f),
            Self::Theirs(at, cause) => write!(f, "{at}: {cause}"),
        }
    }
}

impl From<SiemFault> for Failure {
    fn from(fault: SiemFault) -> Self {
        match fault {
            SiemFault::Ours(error) => error.into(),
            SiemFault::Theirs(at, cause) => {
                Self::told(Exit::Remote, "siem-unreachable", &[("to", &at), ("cause", &cause)])
            }
        }
    }
}

/// Where messages go, and what it is believed by.
#[derive(Debug, Clone)]
pub(crate) struct Road {
    at: SiemAt,
    tls: TrustingTls,
}

impl Road {
    /// `ca`: a PEM file with the authorities that its certificate must chain to; without it, the system's. `shown`: the
    /// certificate and key that are shown to a receiver that asks for them.
    pub(crate) fn new(
        at: SiemAt,
        ca: Option<&Path>,
        shown: Option<(PathBuf, PathBuf)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SiemFault> {
        let own = shown.map(|(certificate, key)| OwnCertificate::load(&TlsConfig { certificate, key })).transpose();
        let own = own.map_err(SiemFault::Ours)?;
        let tls = TrustingTls::new(&Anchors::from(ca), own.as_ref(), clock).map_err(SiemFault::Ours)?;
        Ok(Self { at, tls })
    }

    /// Connects. Nothing is sent to who does not prove its name.
    pub(crate) async fn open(&self) -> Result<Siem, SiemFault> {
        let fault = |error: NetError| SiemFault::Theirs(self.at.clone(), crate::exit::chain(&error));
        let stream = self.tls.connect(&self.at.host, self.at.port).await.map_err(fault)?;
        Ok(Siem { at: self.at.clone(), stream: BufWriter::new(stream) })
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Siem {
    at: SiemAt,
    stream: BufWriter<TlsStream>,
}

impl Siem {
    /// Sends one message; it may wait for others to go with.
    pub(crate) async fn put(&mut self, message: &str) -> Result<(), SiemFault> {
        let framed = frame(message);
        let sent = timeout(PATIENCE, self.stream.write_all(framed.as_bytes())).await;
        self.judged(sent)
    }

    /// Sends what waits, and ends. True if the receiver has said so too: syslog knows no other word of thanks, and without
    /// it nobody can tell whether the last messages have come.
    pub(crate) async fn close(mut self) -> Result<bool, SiemFault> {
        let ended = timeout(PATIENCE, self.stream.shutdown()).await;
        self.judged(ended)?;
        // RFC 5425 §4.4: it answers with a close_notify, or at least with the end of its connection.
        let mut rest = self.stream.into_inner().take(1 << 16);
        match timeout(FAREWELL, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await {
            Ok(Err(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Err(SiemFault::Theirs(self.at, error.to_string()))
            }
            Ok(_) => Ok(true),
            Err(_) => Ok(false),
        }
    }

    fn judged<T>(&self, done: Result<std::io::Result<T>, tokio::time::error::Elapsed>) -> Result<T, SiemFault> {
        let cause = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it takes nothing any more".to_owned(),
        };
        Err(SiemFault::Theirs(self.at.clone(), cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_a_host_and_a_port() {
        for good in ["siem.example.org:6514", "192.0.2.1:6514", "[2001:db8::1]:6514"] {
            assert_eq!(SiemAt::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "siem.example.org", ":6514", "a:0", "a:65536", "2001:db8::1:6514", "https://a:1", "a b:1", "[]:1"]
        {
            assert!(SiemAt::parse(bad).is_err(), "{bad}");
        }
    }
}
