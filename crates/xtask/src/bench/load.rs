//! The load: connections that send messages as an operator's server does, pipelined, under mutual TLS.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pli_net::{ClientTls, TlsConfig, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whether a connection carries one message or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// Opened once, kept for all messages.
    Kept,
    /// Opened anew, with a full handshake, for each message.
    OneMessageEach,
}

/// What to send, and to whom.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The server's port on loopback.
    pub port: u16,
    /// Our certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// `MAIL FROM`.
    pub from: String,
    /// `RCPT TO`.
    pub to: String,
    /// Connections at once.
    pub connections: usize,
    /// Messages in all.
    pub messages: usize,
    /// The size of one, in bytes.
    pub size: usize,
    /// Kept or not.
    pub mode: Connections,
}

/// Sends it all; how long it took from the first connection to the last `250`.
pub(crate) fn send(load: &Load) -> Result<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let tls = ClientTls::new(&TlsConfig { certificate: load.certificate.clone(), key: load.key.clone() })?;
        let load = Arc::new(load.clone());
        let start = Instant::now();
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..load.connections {
            senders.spawn(send_share(Arc::clone(&load), tls.clone(), sender));
        }
        while let Some(sent) = senders.join_next().await {
            sent??;
        }
        Ok(start.elapsed())
    })
}

async fn send_share(load: Arc<Load>, tls: ClientTls, sender: usize) -> Result<()> {
    let share = load.messages / load.connections;
    match load.mode {
        Connections::Kept => {
            let mut connection = Connection::open(&load, &tls).await?;
            for index in 0..share {
                connection.send(&load, sender, index).await?;
            }
            connection.quit().await
        }
        Connections::OneMessageEach => {
            for index in 0..share {
                let mut connection = Connection::open(&load, &tls).await?;
                connection.send(&load, sender, index).await?;
                connection.quit().await?;
            }
            Ok(())
        }
    }
}

struct Connection {
    stream: TlsStream,
    pending: Vec<u8>,
}

impl Connection {
    async fn open(load: &Load, tls: &ClientTls) -> Result<Self> {
        let mut clear = TcpStream::connect(("127.0.0.1", load.port)).await?;
        clear.set_nodelay(true)?;
        let mut pending = Vec::new();
        expect(&mut clear, &mut pending, "220").await?;
        clear.write_all(b"EHLO bench.test\r\n").await?;
        expect(&mut clear, &mut pending, "250").await?;
        clear.write_all(b"STARTTLS\r\n").await?;
        expect(&mut clear, &mut pending, "220").await?;
        let (stream, _) = tls.connect("localhost", clear).await?;
        let mut connection = Self { stream, pending };
        connection.stream.write_all(b"EHLO bench.test\r\n").await?;
        connection.stream.flush().await?;
        expect(&mut connection.stream, &mut connection.pending, "250").await?;
        Ok(connection)
    }

    async fn send(&mut self, load: &Load, sender: usize, index: usize) -> Result<()> {
        let envelope = format!("MAIL FROM:<{}>\r\nRCPT TO:<{}>\r\nDATA\r\n", load.from, load.to);
        self.stream.write_all(envelope.as_bytes()).await?;
        self.stream.flush().await?;
        for code in ["250", "250", "354"] {
            expect(&mut self.stream, &mut self.pending, code).await?;
        }
        self.stream.write_all(&letter(load, sender, index)).await?;
        self.stream.flush().await?;
        expect(&mut self.stream, &mut self.pending, "250").await
    }

    async fn quit(mut self) -> Result<()> {
        self.stream.write_all(b"QUIT\r\n").await?;
        self.stream.flush().await?;
        expect(&mut self.stream, &mut self.pending, "221").await
    }
}

/// Reads one whole reply and checks its code.
async fn expect<S: AsyncReadExt + Unpin>(stream: &mut S, pending: &mut Vec<u8>, code: &str) -> Result<()> {
    loop {
        while let Some(end) = pending.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = pending.drain(..end + 2).collect();
            if line.get(3) != Some(&b'-') {
                let line = String::from_utf8_lossy(&line).into_owned();
                ensure!(line.starts_with(code), "expected {code}, got {line:?}");
                return Ok(());
            }
        }
        let count = stream.read_buf(pending).await.context("reading a reply")?;
        ensure!(count > 0, "the server closed the connection");
    }
}

fn letter(load: &Load, sender: usize, index: usize) -> Vec<u8> {
    let mut out = format!(
        "From: <{}>\r\nTo: <{}>\r\nSubject: Bench\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\nMessage-ID: <{sender}.{index}@bench.test>\r\n\r\n",
        load.from, load.to
    )
    .into_bytes();
    while out.len() < load.size {
        out.extend_from_slice(b"Une ligne de soixante-dix caracteres, pour faire le poids d'une lettre.\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
