//! The other side of the wire, word by word.

use std::time::Duration;

use pli_net::{ClientTls, TlsConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::relay::Relay;

/// No answer takes longer than this; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

pub(crate) struct Client {
    wire: Box<dyn Wire>,
    heard: Vec<u8>,
}

impl Client {
    /// In clear.
    pub(crate) async fn connect(relay: &Relay) -> Self {
        let stream = TcpStream::connect(relay.address).await.unwrap();
        Self { wire: Box::new(stream), heard: Vec::new() }
    }

    /// Under TLS from the first byte.
    pub(crate) async fn connect_tls(relay: &Relay, own: &TlsConfig) -> Self {
        let stream = TcpStream::connect(relay.address).await.unwrap();
        let (stream, _) = ClientTls::new(own).unwrap().connect("localhost", stream).await.unwrap();
        Self { wire: Box::new(stream), heard: Vec::new() }
    }

    /// Through STARTTLS and a second EHLO.
    pub(crate) async fn starttls(relay: &Relay, own: &TlsConfig) -> Self {
        let mut stream = TcpStream::connect(relay.address).await.unwrap();
        for (say, hear) in [("", "220 "), ("EHLO peer.test\r\n", "250 STARTTLS\r\n"), ("STARTTLS\r\n", "220 ")] {
            stream.write_all(say.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            // The last line of a reply has a space behind its code.
            while !(String::from_utf8_lossy(&heard).contains(hear) && heard.ends_with(b"\r\n")) {
                let mut byte = [0];
                assert_eq!(timeout(PATIENCE, stream.read(&mut byte)).await.unwrap().unwrap(), 1);
                heard.push(byte[0]);
            }
        }
        let (stream, _) = ClientTls::new(own).unwrap().connect("localhost", stream).await.unwrap();
        let mut client = Self { wire: Box::new(stream), heard: Vec::new() };
        client.say("EHLO peer.test\r\n").await;
        assert!(client.hear().await.starts_with("250"));
        client
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.wire.write_all(text.as_bytes()).await.unwrap();
        self.wire.flush().await.unwrap();
    }

    /// One reply, its last line only.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            while let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.heard.drain(..end + 2).collect();
                if line.get(3) == Some(&b' ') {
                    return String::from_utf8(line).unwrap().trim_end().to_owned();
                }
            }
            assert!(self.more().await, "closed, and nothing said");
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.say(&format!("{line}\r\n")).await;
        self.hear().await
    }

    /// Nothing more comes, and the connection was closed in order: no reset.
    pub(crate) async fn hear_the_end(&mut self) {
        while self.more().await {}
        assert_eq!(String::from_utf8_lossy(&self.heard), "");
    }

    /// A transaction up to the 354.
    pub(crate) async fn begin(&mut self, from: &str, to: &str) {
        for (line, code) in [(format!("MAIL FROM:<{from}>"), "250"), (format!("RCPT TO:<{to}>"), "250")] {
            let reply = self.ask(&line).await;
            assert!(reply.starts_with(code), "{line}: {reply}");
        }
        assert!(self.ask("DATA").await.starts_with("354"));
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = timeout(PATIENCE, self.wire.read(&mut buffer)).await.unwrap().unwrap();
        self.heard.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
