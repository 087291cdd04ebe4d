//! Does a node run, and do its doors answer?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use pli_net::tls::probe::{ProbeVersion, Showing, probe};
use pli_net::{CertificateDetails, OwnCertificate, certificate_details, certificates_in};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Finding, Outcome};
use crate::admin::protocol::Pong;
use crate::admin::{self, Answer, Request};
use crate::alarms::put_pair_right;
use crate::config::{Config, Door, Settings, check_secret_file};
use crate::exit::chain;
use crate::words::Said;

/// A door on this machine that takes longer is shut.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longer than the first line of any greeting (RFC 5321 §4.5.3.1.5).
const GREETING_BYTES_MAX: u64 = 512;

/// Is a node at work with this configuration?
pub(super) async fn node(settings: &Settings) -> Finding {
    match admin::ask(settings, Request::Ping, None).await {
        // Without a node, the command answers itself.
        Ok(Answer::Pong(Pong { version, pid })) if pid != std::process::id() => {
            Finding::ok("node", Said::new("doctor.node", &[("version", &version), ("pid", &pid)]))
        }
        Ok(_) => Finding::warn("node", Said::new("node-stopped", &[])),
        Err(failure) => Finding::amiss(Outcome::Warn, "node", &failure),
    }
}

/// `runs`: there is a node whose doors should be open.
pub(super) async fn look(config: &Config, runs: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (door, listener) in config.listener.each() {
        let check = format!("listener.{}", door.name());
        let address = reachable(listener.address);
        findings.push(match address.port() {
            0 => Finding::ok(check, Said::new("doctor.any-port", &[])),
            _ if runs => opened(config, door, &check, address).await,
            _ => free(&check, address).await,
        });
    }
    findings
}

/// An address that means "all of this machine" is asked on its loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What a door that answers said.
enum Heard {
    /// As it should.
    Line(String),
    /// As it should, but what lies in the files is not what it shows: the node cannot take that.
    OldCertificate(String),
}

/// The door of a node that runs.
async fn opened(config: &Config, door: Door, check: &str, address: SocketAddr) -> Finding {
    let answer = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        match door {
            Door::Smtp | Door::Submission => greeting(stream, "220", "QUIT\r\n").await.map(Heard::Line),
            Door::Imap => greeting(stream, "* OK", "a LOGOUT\r\n").await.map(Heard::Line),
            Door::Submissions | Door::Imaps | Door::Http => handshake(config, stream).await,
        }
    };
    match timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
        Ok(Heard::Line(told)) => {
            Finding::ok(check, Said::new("doctor.answers", &[("address", &address), ("told", &told)]))
        }
        Ok(Heard::OldCertificate(told)) => Finding::warn(
            check,
            Said::new("certificate-not-taken", &[("address", &address), ("told", &told)])
                .with("advice", put_pair_right()),
        ),
        Err(fault) => Finding::fail(check, Said::new("listener-deaf", &[("address", &address), ("fault", &fault)])),
    }
}

/// The first line, and a good-bye, so that the node does not log a lost connection.
async fn greeting(stream: TcpStream, expected: &str, farewell: &str) -> Result<String, String> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = reader.take(GREETING_BYTES_MAX);
    let mut line = Vec::new();
    loop {
        let byte = reader.read_u8().await.map_err(|error| error.to_string())?;
        if byte == b'\n' {
            break;
        }
        line.push(byte);
    }
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    writer.write_all(farewell.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.map_err(|error| error.to_string())?;
    if line.starts_with(expected) { Ok(line) } else { Err(line) }
}

/// Which certificate does it show? Asked without showing one: ours may be unusable while the node goes on with the
/// one that it has.
async fn handshake(config: &Config, stream: TcpStream) -> Result<Heard, String> {
    let name = config.server.name.0.as_str();
    let probed = probe(stream, name, Showing::Nothing, ProbeVersion::Any, PATIENCE).await;
    let (mut stream, facts) = probed.handshake.map_err(|fault| chain(&fault))?;
    stream.shutdown().await.ok();
    let shown = facts.certificate.map(|certificate| certificate.serial).unwrap_or_default();
    let told = format!("{}, certificate {shown}", facts.version);
    let lying = certificates_in(&config.tls.certificate).ok();
    let lying = lying.and_then(|found| found.first().and_then(|der| certificate_details(der)));
    match lying {
        Some(lying) if lying.serial == shown => Ok(Heard::Line(told)),
        // The node would have taken a pair that fits and holds: somebody else answers.
        Some(lying) if holds(&lying) && fits(config) => {
            Err(format!("it shows the certificate {shown}, which is not the one in the file"))
        }
        _ => Ok(Heard::OldCertificate(told)),
    }
}

fn holds(certificate: &CertificateDetails) -> bool {
    let now = crate::clock::clock().now();
    certificate.not_before <= now && now <= certificate.not_after
}

fn fits(config: &Config) -> bool {
    OwnCertificate::load(&config.tls).is_ok() && check_secret_file(&config.tls.key).is_ok()
}

/// The door of a node that does not run: whoever answers there is somebody else.
async fn free(check: &str, address: SocketAddr) -> Finding {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => {
            Finding::fail(check, Said::new("listener-taken", &[("address", &address), ("port", &address.port())]))
        }
        _ => Finding::ok(check, Said::new("doctor.free", &[("address", &address)])),
    }
}
