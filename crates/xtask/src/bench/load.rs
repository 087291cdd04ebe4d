//! The load: connections that send messages as an operator's server does, pipelined, under mutual TLS.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pli_net::{ClientTls, TlsConfig, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

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

/// Threads that send. Each has a runtime and connections of its own, so that none waits for another.
const THREADS: usize = 2;

/// Sends it all; how long it took from the first connection to the last `250`.
pub(crate) fn send(load: &Load) -> Result<Duration> {
    let tls = ClientTls::new(&TlsConfig { certificate: load.certificate.clone(), key: load.key.clone() })?;
    let letter = Letter::new(load);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (tls, letter) = (&tls, &letter);
                let senders = (thread..load.connections).step_by(THREADS);
                scope.spawn(move || send_shares(load, tls, letter, senders))
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a sending thread panicked"))??;
        }
        Ok(start.elapsed())
    })
}

fn send_shares(load: &Load, tls: &ClientTls, letter: &Letter, senders: impl Iterator<Item = usize>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut shares: FuturesUnordered<_> = senders.map(|sender| send_share(load, tls, letter, sender)).collect();
        while let Some(sent) = shares.next().await {
            sent?;
        }
        Ok(())
    })
}

async fn send_share(load: &Load, tls: &ClientTls, letter: &Letter, sender: usize) -> Result<()> {
    let share = load.messages / load.connections;
    match load.mode {
        Connections::Kept => {
            let mut connection = Connection::open(Ipv4Addr::LOCALHOST, load.port, tls).await?;
            for index in 0..share {
                connection.send(letter, sender, index).await?;
            }
            connection.quit().await
        }
        Connections::OneMessageEach => {
            for index in 0..share {
                let mut connection = Connection::open(Ipv4Addr::LOCALHOST, load.port, tls).await?;
                connection.send(letter, sender, index).await?;
                connection.quit().await?;
            }
            Ok(())
        }
    }
}

/// What is sent, made once: only the Message-ID differs.
struct Letter {
    envelope: Vec<u8>,
    header: String,
    body: Vec<u8>,
}

impl Letter {
    fn new(load: &Load) -> Self {
        let Load { from, to, .. } = load;
        let envelope = format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n").into_bytes();
        let header = format!(
            "From: <{from}>\r\nTo: <{to}>\r\nSubject: Bench\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\nMessage-ID: "
        );
        let mut body = b"\r\n\r\n".to_vec();
        while header.len() + body.len() < load.size {
            body.extend_from_slice(b"Une ligne de soixante-dix caracteres, pour faire le poids d'une lettre.\r\n");
        }
        body.extend_from_slice(b".\r\n");
        Self { envelope, header, body }
    }
}

/// A connection under mutual TLS.
pub(super) struct Connection {
    stream: TlsStream,
    replies: Replies,
    /// The message as it goes out, in one piece: as few records as can be.
    out: Vec<u8>,
}

impl Connection {
    /// From this address of loopback, up to the reply to `EHLO` under TLS.
    pub(super) async fn open(from: Ipv4Addr, port: u16, tls: &ClientTls) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let mut clear = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
        clear.set_nodelay(true)?;
        let mut replies = Replies::default();
        replies.expect(&mut clear, *b"220").await?;
        clear.write_all(HELLO).await?;
        replies.expect(&mut clear, *b"250").await?;
        clear.write_all(b"STARTTLS\r\n").await?;
        replies.expect(&mut clear, *b"220").await?;
        let (mut stream, _) = tls.connect("localhost", clear).await?;
        stream.write_all(HELLO).await?;
        stream.flush().await?;
        replies.expect(&mut stream, *b"250").await?;
        Ok(Self { stream, replies, out: Vec::new() })
    }

    /// Sends this, and hears so many replies with these codes.
    pub(super) async fn say(&mut self, bytes: &[u8], replies: &[[u8; 3]]) -> Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        for code in replies {
            self.replies.expect(&mut self.stream, *code).await?;
        }
        Ok(())
    }

    /// The envelope in one piece (RFC 2920), then the message.
    async fn send(&mut self, letter: &Letter, sender: usize, index: usize) -> Result<()> {
        self.say(&letter.envelope, &[*b"250", *b"250", *b"354"]).await?;
        self.out.clear();
        self.out.extend_from_slice(letter.header.as_bytes());
        write!(self.out, "<{sender}.{index}@bench.test>")?;
        self.out.extend_from_slice(&letter.body);
        self.stream.write_all(&self.out).await?;
        self.stream.flush().await?;
        self.replies.expect(&mut self.stream, *b"250").await
    }

    /// Takes leave.
    pub(super) async fn quit(mut self) -> Result<()> {
        self.say(b"QUIT\r\n", &[*b"221"]).await
    }
}

const HELLO: &[u8] = b"EHLO bench.test\r\n";

/// What the server has said and nobody has looked at yet.
#[derive(Default)]
struct Replies(Vec<u8>);

impl Replies {
    /// Takes one whole reply and checks its code.
    async fn expect<S: AsyncReadExt + Unpin>(&mut self, stream: &mut S, code: [u8; 3]) -> Result<()> {
        loop {
            while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.0.drain(..=end).collect();
                if line.get(3) != Some(&b'-') {
                    ensure!(line.starts_with(&code), "the server said {:?}", String::from_utf8_lossy(&line));
                    return Ok(());
                }
            }
            let count = stream.read_buf(&mut self.0).await.context("reading a reply")?;
            ensure!(count > 0, "the server closed the connection");
        }
    }
}
