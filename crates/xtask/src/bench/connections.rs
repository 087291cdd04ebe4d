//! `cargo xtask bench connections`: the memory of a node with thousands of connections under mutual TLS, when all are silent
//! after `EHLO`, and when all are in the middle of `DATA`; and what the one too many hears.
//!
//! One node alone, with the limits that are in the way raised. Three connections come from each address of loopback, as they
//! would from many operators: the last quarter of a listener's places is for those who have few. All are listed as one peer.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Sandbox, Seed};
use futures_util::{StreamExt, TryStreamExt, stream};
use pli_net::{ClientTls, TlsConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::load::Connection;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections at once.
    #[arg(long, default_value_t = 5_000)]
    connections: u32,
    /// What each has sent of its message, in bytes.
    #[arg(long, default_value_t = 64 * 1024)]
    bytes: usize,
    /// Measure a build without optimisation: to try the measuring out.
    #[arg(long)]
    dev: bool,
}

/// The node that is measured.
const OPERATOR: &str = "pro";
/// From one address, so that it has few.
const OF_AN_ADDRESS: u32 = 3;
/// On their way at one time: handshakes wait for each other.
const AT_ONCE: usize = 32;
/// How long the node may take to read what was sent, or to notice that somebody left.
const PATIENCE: Duration = Duration::from_mins(2);
/// What this program has open besides.
const OTHER_FILES: u64 = 256;

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.connections > 0, "--connections: some");
    allow_files(u64::from(options.connections) + OTHER_FILES)?;
    let (profile, built) = if options.dev { ("dev", "debug") } else { ("release", "release") };
    let mut cargo = Command::new(env!("CARGO"));
    ensure!(cargo.args(["build", "--profile", profile, "--package", "pli"]).status()?.success(), "{cargo:?}");
    let node = start(&crate::target_folder()?.join(built).join("pli"), options)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(&node, options))
}

/// Connections are files. A process may raise its own limit as far as its hard one; the node does the same.
fn allow_files(wanted: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
        .with_context(|| format!("{wanted} files are needed: raise the hard limit (ulimit -Hn)"))
}

fn start(binary: &std::path::Path, options: &Options) -> Result<Sandbox> {
    let seed = Seed::running(binary.to_owned())?;
    seed.configure(OPERATOR, |config| {
        let limits = config.entry("limits").or_insert_with(|| toml::Table::new().into());
        if let Some(limits) = limits.as_table_mut() {
            let connections = i64::from(options.connections);
            limits.insert("connections".to_owned(), connections.into());
            limits.insert("messages_at_once_each".to_owned(), connections.into());
            // The last quarter of these is for peers that have few on the way.
            limits.insert("messages_at_once".to_owned(), (connections * 2).into());
            limits.insert("messages_per_peer".to_owned(), 0.into());
            // The first is silent while the last comes in.
            limits.insert("smtp_idle".to_owned(), "1h".into());
        }
    })?;
    seed.start_only(OPERATOR)
}

async fn measure(node: &Sandbox, options: &Options) -> Result<()> {
    let smtp = node.operator(OPERATOR)?.ports.smtp;
    let peer = node.peer("listed")?;
    let own = TlsConfig { certificate: node.path(&peer.certificate), key: node.path(&peer.key) };
    let tls = ClientTls::new(&own)?;
    let report = Report { pid: node.pid(OPERATOR)?, connections: u64::from(options.connections) };
    // One that comes and goes: what is made once for all is there.
    Connection::open(Ipv4Addr::LOCALHOST, smtp, &tls).await?.quit().await?;
    let alone = report.memory()?;
    println!("| {} connections, mutual TLS | the node's memory | for each connection |", options.connections);
    println!("| --- | ---: | ---: |");
    println!("| none | {} MiB | |", alone / 1024);

    let begin = Instant::now();
    let opened = (0..options.connections).map(|number| Connection::open(address(number), smtp, &tls));
    let mut connections: Vec<_> = stream::iter(opened).buffer_unordered(AT_ONCE).try_collect().await?;
    let opening = begin.elapsed();
    report.row("silent after `EHLO`", alone)?;

    let told = greeting(smtp).await?;
    ensure!(told.starts_with("421 "), "the one too many hears {told:?}");
    connections.pop().context("no connection")?.quit().await?;
    let begin = Instant::now();
    connections.push(opened_in_the_end(address(options.connections), smtp, &tls).await?);
    let after = begin.elapsed();

    let (from, to) = (node.peer_address()?, &node.account(OPERATOR, "ORG")?.address);
    let connections = begin_messages(connections, &from, to, options.bytes).await?;
    await_all_read(smtp).await?;
    report.row(&format!("within `DATA`, {} KiB sent of each", options.bytes / 1024), alone)?;
    drop(connections);

    println!("\nAll came in within {opening:.1?}. The next one hears:\n\n    {}", told.trim_end());
    println!("\nOnce one had left, another got in within {after:.1?}.");
    Ok(())
}

/// The node learns in its own time that somebody has left.
async fn opened_in_the_end(from: Ipv4Addr, port: u16, tls: &ClientTls) -> Result<Connection> {
    let begin = Instant::now();
    loop {
        match Connection::open(from, port, tls).await {
            Ok(connection) => return Ok(connection),
            Err(error) => ensure!(begin.elapsed() < PATIENCE, "no place is given back: {error:#}"),
        }
    }
}

/// All send so many bytes of a message each, and not its end.
async fn begin_messages(connections: Vec<Connection>, from: &str, to: &str, bytes: usize) -> Result<Vec<Connection>> {
    let envelope = format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n").into_bytes();
    let beginning = beginning(from, to, bytes);
    let (envelope, beginning) = (envelope.as_slice(), beginning.as_slice());
    let begun = connections.into_iter().map(async |mut connection| {
        connection.say(envelope, &[*b"250", *b"250", *b"354"]).await?;
        connection.say(beginning, &[]).await?;
        Ok(connection)
    });
    stream::iter(begun).buffer_unordered(AT_ONCE).try_collect().await
}

/// Its own for every three.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number / OF_AN_ADDRESS)
}

/// What is said to one who connects, to its end or its first line.
async fn greeting(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let mut told = Vec::new();
    while !told.contains(&b'\n') && stream.read_buf(&mut told).await? > 0 {}
    Ok(String::from_utf8(told)?)
}

/// The header and the first lines of a message that does not end.
fn beginning(from: &str, to: &str, bytes: usize) -> Vec<u8> {
    let mut part = format!("From: <{from}>\r\nTo: <{to}>\r\nSubject: Bench\r\n\r\n").into_bytes();
    while part.len() < bytes {
        part.extend_from_slice(b"Une ligne de soixante-dix caracteres, pour faire le poids d'une lettre.\r\n");
    }
    part
}

/// Waits until nothing lies in the kernel any more between the node and those who send to it.
async fn await_all_read(port: u16) -> Result<()> {
    let begin = Instant::now();
    while under_way(&fs::read_to_string("/proc/net/tcp")?, port) > 0 {
        ensure!(begin.elapsed() < PATIENCE, "not read within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Bytes in the queues of all sockets that have this port at either end (`/proc/net/tcp`, see proc(5)).
fn under_way(table: &str, port: u16) -> u64 {
    let here =
        |address: &str| address.rsplit_once(':').is_some_and(|(_, text)| u16::from_str_radix(text, 16) == Ok(port));
    let bytes = |queues: &str| -> Option<u64> {
        let (sent, received) = queues.split_once(':')?;
        Some(u64::from_str_radix(sent, 16).ok()? + u64::from_str_radix(received, 16).ok()?)
    };
    let sockets = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().take(5).collect();
        let [_, local, remote, _, queues] = fields[..] else { return None };
        (here(local) || here(remote)).then(|| bytes(queues)).flatten()
    });
    sockets.sum()
}

/// Of whom, and for how many.
struct Report {
    pid: u32,
    connections: u64,
}

impl Report {
    fn row(&self, what: &str, alone: u64) -> Result<()> {
        let now = self.memory()?;
        println!("| {what} | {} MiB | {} KiB |", now / 1024, now.saturating_sub(alone) / self.connections);
        Ok(())
    }

    /// What lies in memory of the node's own, in KiB: heap and stacks, and no file.
    fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("/proc/PID/status")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_queues_of_a_port_is_counted() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n   \
                     0: 0100007F:0019 0100017F:D431 01 00000000:00000010 00:00000000 00000000\n   \
                     1: 0100017F:D431 0100007F:0019 01 00000100:00000000 00:00000000 00000000\n   \
                     2: 0100007F:0050 0100017F:D432 01 00001000:00000000 00:00000000 00000000\n";
        assert_eq!(under_way(table, 25), 0x110);
    }

    #[test]
    fn no_address_has_more_than_a_few() {
        assert_eq!(address(0), address(2));
        assert_ne!(address(2), address(3));
        assert_eq!(address(3 * 65_536), Ipv4Addr::new(127, 2, 0, 1));
    }
}
