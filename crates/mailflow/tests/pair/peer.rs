//! Another operator's server, which answers from a script and remembers what it heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use pli_net::{ServerTls, Shutdown, TlsConfig};
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// One thing that the server may answer: `(greeting)`, a command line, or `(content)` after the final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Which connection, from 1.
    pub(crate) connection: usize,
    /// Under TLS?
    pub(crate) tls: bool,
    /// With a certificate of the client's?
    pub(crate) certificate: bool,
    /// What.
    pub(crate) line: String,
}

/// What the server does instead of the usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Says this.
    Say(&'static str),
    /// Closes the connection without a word.
    Hang,
}

type Rule = dyn Fn(&Heard) -> Option<Act> + Send + Sync;

#[derive(Default)]
struct Memory {
    connections: usize,
    heard: Vec<Heard>,
    contents: Vec<Vec<u8>>,
}

/// The server. Its rule may be changed between connections.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    rule: Arc<Mutex<Arc<Rule>>>,
    tls: Arc<Mutex<Tls>>,
}

/// How the server does its handshakes.
#[derive(Clone)]
enum Tls {
    /// As ours does.
    Ours(ServerTls),
    /// As somebody else's might.
    Raw(TlsAcceptor),
}

impl Peer {
    /// Listens on a free port, shows this certificate, and agrees to everything.
    pub(crate) async fn start(tls: &TlsConfig, shutdown: &Shutdown) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rule: Arc<Rule> = Arc::new(|_: &Heard| None);
        let peer = Self {
            address: listener.local_addr().unwrap(),
            memory: Arc::default(),
            rule: Arc::new(Mutex::new(rule)),
            tls: Arc::new(Mutex::new(Tls::Ours(ServerTls::operators(tls).unwrap()))),
        };
        let (this, shutdown) = (peer.clone(), shutdown.clone());
        let tasks = shutdown.clone();
        tasks.spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = shutdown.begun() => return,
                };
                let (this, ending) = (this.clone(), shutdown.clone());
                shutdown.spawn(async move {
                    tokio::select! {
                        _ = this.serve(stream) => {}
                        () = ending.begun() => {}
                    }
                });
            }
        });
        peer
    }

    /// From now on, shows this certificate.
    pub(crate) fn shows(&self, tls: &TlsConfig) {
        *self.tls.lock().unwrap() = Tls::Ours(ServerTls::operators(tls).unwrap());
    }

    /// From now on, does its handshakes so.
    pub(crate) fn shakes_hands(&self, config: ServerConfig) {
        *self.tls.lock().unwrap() = Tls::Raw(Arc::new(config).into());
    }

    /// From now on, does what the rule says where it says something.
    pub(crate) fn act(&self, rule: impl Fn(&Heard) -> Option<Act> + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Does this whenever a line begins so.
    pub(crate) fn on(&self, beginning: &'static str, act: Act) {
        self.act(move |heard| heard.line.starts_with(beginning).then(|| act.clone()));
    }

    /// Everything heard, as `clear …` or `tls …`.
    pub(crate) fn heard(&self) -> Vec<String> {
        let door = |tls| if tls { "tls" } else { "clear" };
        let memory = self.memory.lock().unwrap();
        memory.heard.iter().map(|heard| format!("{} {}", door(heard.tls), heard.line)).collect()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.memory.lock().unwrap().connections
    }

    /// The contents received, as they came over the wire, without the final dot.
    pub(crate) fn contents(&self) -> Vec<Vec<u8>> {
        self.memory.lock().unwrap().contents.clone()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let connection = {
            let mut memory = self.memory.lock().unwrap();
            memory.connections += 1;
            memory.connections
        };
        let stream = BufReader::new(stream);
        let mut clear = Side { peer: self, connection, tls: false, certificate: false, stream };
        clear.answer("(greeting)", "220 peer ESMTP").await?;
        clear.talk().await?;
        let (stream, tls) = (clear.stream.into_inner(), self.tls.lock().unwrap().clone());
        match tls {
            Tls::Ours(tls) => {
                let (stream, facts) = tls.accept(stream).await.ok()?;
                self.serve_under_tls(connection, facts.certificate.is_some(), stream).await
            }
            Tls::Raw(acceptor) => {
                let stream = acceptor.accept(stream).await.ok()?;
                let certificate = stream.get_ref().1.peer_certificates().is_some();
                self.serve_under_tls(connection, certificate, stream).await
            }
        }
    }

    async fn serve_under_tls<S>(&self, connection: usize, certificate: bool, stream: S) -> Option<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Side { peer: self, connection, tls: true, certificate, stream: BufReader::new(stream) }.talk().await
    }

    fn hear(&self, heard: Heard) -> Option<Act> {
        let rule = Arc::clone(&self.rule.lock().unwrap());
        let act = rule(&heard);
        if !heard.line.starts_with('(') {
            self.memory.lock().unwrap().heard.push(heard);
        }
        act
    }
}

struct Side<'a, S> {
    peer: &'a Peer,
    connection: usize,
    tls: bool,
    certificate: bool,
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Side<'_, S> {
    /// Answers commands until STARTTLS is granted (`Some`) or the connection ends (`None`).
    async fn talk(&mut self) -> Option<()> {
        loop {
            let line = self.line().await?;
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            let usual = match command.get(..4).unwrap_or_default() {
                "EHLO" if self.tls => "250-peer\r\n250-SIZE 26214400\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN",
                "EHLO" => "250-peer\r\n250-SIZE 26214400\r\n250 STARTTLS",
                "STAR" => "220 2.0.0 go ahead",
                "DATA" => "354 go ahead",
                "QUIT" => "221 2.0.0 bye",
                _ => "250 2.0.0 ok",
            };
            let said = self.answer(&command, usual).await?;
            match command.get(..4).unwrap_or_default() {
                "STAR" if said.starts_with("220") => return Some(()),
                "DATA" if said.starts_with("354") => self.content().await?,
                "QUIT" => return None,
                _ => {}
            }
        }
    }

    async fn content(&mut self) -> Option<()> {
        let mut content = Vec::new();
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                break;
            }
            content.extend_from_slice(&line);
        }
        self.peer.memory.lock().unwrap().contents.push(content);
        self.answer("(content)", "250 2.0.0 kept").await.map(drop)
    }

    async fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.ok()?;
        line.ends_with(b"\n").then_some(line)
    }

    async fn answer(&mut self, line: &str, usual: &'static str) -> Option<&'static str> {
        let heard =
            Heard { connection: self.connection, tls: self.tls, certificate: self.certificate, line: line.to_owned() };
        let said = match self.peer.hear(heard) {
            Some(Act::Hang) => return None,
            Some(Act::Say(said)) => said,
            None => usual,
        };
        self.stream.write_all(format!("{said}\r\n").as_bytes()).await.ok()?;
        self.stream.flush().await.ok()?;
        Some(said)
    }
}
