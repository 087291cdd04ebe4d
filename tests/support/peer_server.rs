//! An operator that we send to, played by the test: it may show a wrong certificate, offer no TLS, or speak nonsense.
//! It writes down every byte that it gets in clear.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use rustls::ServerConnection;

use crate::tls_server::{self, Served};
use crate::{Outcome, wait};

/// How it answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// As it should, with this certificate and key.
    Tls(PathBuf, PathBuf),
    /// Its EHLO offers no STARTTLS, as if somebody in between had taken it away, and it takes mail in clear.
    Stripped,
    /// It offers STARTTLS and then says that it cannot.
    Unavailable,
    /// It says `220` to STARTTLS, and then something that is not TLS.
    Garbage,
}

/// What it got.
#[derive(Debug, Default, Clone)]
pub struct Got {
    /// Connections.
    pub connections: usize,
    /// Lines in clear, of all connections.
    pub clear: Vec<String>,
    /// Command lines under TLS.
    pub secured: Vec<String>,
    /// Messages that it has taken, dots still stuffed.
    pub messages: Vec<String>,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    got: Got,
}

/// The server.
#[derive(Debug)]
pub struct PeerServer {
    state: Arc<Mutex<State>>,
    _served: Served,
}

impl PeerServer {
    /// On this port of the loopback.
    pub fn on(port: u16, manner: Manner) -> Result<Self> {
        let state = Arc::new(Mutex::new(State { manner, got: Got::default() }));
        let here = Arc::clone(&state);
        // Whoever had it before may have left it to a process that is just being started, for an instant.
        let listener =
            wait::until("the port", Duration::from_secs(10), || Ok(TcpListener::bind(("127.0.0.1", port)).ok()))?;
        let served = Served::on(listener, move |socket| drop(serve(socket, &here)))?;
        Ok(Self { state, _served: served })
    }

    /// From now on it answers so.
    pub fn behave(&self, manner: Manner) {
        lock(&self.state).manner = manner;
    }

    /// What it got so far.
    #[must_use]
    pub fn got(&self) -> Got {
        lock(&self.state).got.clone()
    }
}

impl Got {
    /// Fails unless nothing but the way to TLS was said in clear, and no mail was begun under TLS either.
    pub fn nothing_of_a_message(&self) -> Outcome {
        for line in &self.clear {
            let verb = line.split(' ').next().unwrap_or_default();
            ensure!(["EHLO", "STARTTLS", "QUIT"].contains(&verb), "said in clear: {line}");
        }
        let begun = self.secured.iter().find(|line| line.starts_with("MAIL") || line.starts_with("RCPT"));
        ensure!(begun.is_none() && self.messages.is_empty(), "said to an unproven server: {begun:?}");
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut socket: TcpStream, state: &Mutex<State>) -> Outcome {
    lock(state).got.connections += 1;
    let manner = lock(state).manner.clone();
    socket.write_all(b"220 mx.peer.test ESMTP\r\n")?;
    while let Some(line) = read_line(&mut socket)? {
        lock(state).got.clear.push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match (verb.as_str(), &manner) {
            ("STARTTLS", Manner::Tls(certificate, key)) => {
                socket.write_all(b"220 2.0.0 go ahead\r\n")?;
                return serve_tls(socket, certificate, key, state);
            }
            ("STARTTLS", Manner::Garbage) => {
                socket.write_all(b"220 2.0.0 go ahead\r\n250 2.0.0 still in clear\r\n250 OK\r\n")?;
            }
            ("STARTTLS", _) => socket.write_all(b"454 4.7.0 TLS not available\r\n")?,
            ("EHLO", Manner::Stripped) => socket.write_all(b"250-mx.peer.test\r\n250 8BITMIME\r\n")?,
            ("EHLO", _) => socket.write_all(b"250-mx.peer.test\r\n250-STARTTLS\r\n250 8BITMIME\r\n")?,
            ("QUIT", _) => return Ok(socket.write_all(b"221 2.0.0 bye\r\n")?),
            // A server that an attacker plays takes what it is given.
            ("DATA", Manner::Stripped) => socket.write_all(b"354 go ahead\r\n")?,
            (_, Manner::Stripped) => socket.write_all(b"250 2.0.0 OK\r\n")?,
            _ => socket.write_all(b"530 5.7.0 STARTTLS first\r\n")?,
        }
    }
    Ok(())
}

fn serve_tls(socket: TcpStream, certificate: &Path, key: &Path, state: &Mutex<State>) -> Outcome {
    let connection = ServerConnection::new(tls_server::config(certificate, key)?)?;
    let mut stream = rustls::StreamOwned::new(connection, socket);
    while let Some(line) = read_line(&mut stream)? {
        lock(state).got.secured.push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => stream.write_all(b"250-mx.peer.test\r\n250-8BITMIME\r\n250 SIZE 30000000\r\n")?,
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n")?;
                let mut message = String::new();
                while let Some(line) = read_line(&mut stream)?.filter(|line| line != ".") {
                    message.push_str(&line);
                    message.push_str("\r\n");
                }
                lock(state).got.messages.push(message);
                stream.write_all(b"250 2.0.0 taken\r\n")?;
            }
            "QUIT" => return Ok(stream.write_all(b"221 2.0.0 bye\r\n")?),
            _ => stream.write_all(b"250 2.0.0 OK\r\n")?,
        }
        stream.flush()?;
    }
    Ok(())
}

/// Up to the line's end and not a byte further; `None` at the end of the stream.
fn read_line(stream: &mut impl Read) -> Result<Option<String>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        line.extend_from_slice(&byte);
    }
    line.truncate(line.len() - 2);
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}
