//! The hospital's own server, played: it keeps whatever it takes, knows some recipients not, and dies when told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rustls::ServerConnection;

use crate::tls_server::{self, Served};
use crate::{Outcome, Sandbox, wait};

/// Whoever's address begins so is not there.
pub const UNKNOWN: &str = "inconnu";

#[derive(Debug, Default)]
struct State {
    /// By Message-ID: each copy, as it came.
    taken: Mutex<BTreeMap<String, Vec<Vec<u8>>>>,
    /// So many more messages are taken without a reply.
    dies: AtomicUsize,
}

/// The server.
#[derive(Debug)]
pub struct Hospital {
    state: Arc<State>,
    _served: Served,
}

impl Hospital {
    /// On the port where the sandbox's first operator hands mail for it.
    pub fn of(sandbox: &Sandbox) -> Result<Self> {
        let connector = sandbox.connector()?;
        let (certificate, key) = (sandbox.path(&connector.certificate), sandbox.path(&connector.key));
        let state = Arc::<State>::default();
        let here = Arc::clone(&state);
        let port = connector.port;
        let listener =
            wait::until("the port", Duration::from_secs(10), || Ok(TcpListener::bind(("127.0.0.1", port)).ok()))?;
        let served = Served::on(listener, move |socket| drop(serve(socket, &certificate, &key, &here)))?;
        Ok(Self { state, _served: served })
    }

    /// Takes so many more messages whole, and hangs up instead of answering.
    pub fn die_after_data(&self, messages: usize) {
        self.state.dies.store(messages, Ordering::SeqCst);
    }

    /// Messages that it will still take without a reply.
    #[must_use]
    pub fn deaths_to_come(&self) -> usize {
        self.state.dies.load(Ordering::SeqCst)
    }

    /// Every copy of the message with this marker in its Message-ID.
    #[must_use]
    pub fn copies(&self, marker: &str) -> Vec<Vec<u8>> {
        lock(&self.state.taken).get(marker).cloned().unwrap_or_default()
    }

    /// The markers of all that it has taken.
    #[must_use]
    pub fn markers(&self) -> Vec<String> {
        lock(&self.state.taken).keys().cloned().collect()
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut socket: TcpStream, certificate: &Path, key: &Path, state: &State) -> Outcome {
    socket.write_all(b"220 mta.ch-exemple.test ESMTP\r\n")?;
    let mut clear = BufReader::with_capacity(1, socket.try_clone()?);
    loop {
        let line = line(&mut clear)?;
        if line.is_empty() {
            return Ok(());
        }
        if line.starts_with(b"EHLO") {
            socket.write_all(b"250-mta.ch-exemple.test\r\n250-STARTTLS\r\n250 8BITMIME\r\n")?;
        } else if line.starts_with(b"STARTTLS") {
            socket.write_all(b"220 2.0.0 go ahead\r\n")?;
            let connection = ServerConnection::new(tls_server::config(certificate, key)?)?;
            return serve_tls(rustls::StreamOwned::new(connection, socket), state);
        } else {
            socket.write_all(b"530 5.7.0 STARTTLS first\r\n")?;
        }
    }
}

fn serve_tls(stream: rustls::StreamOwned<ServerConnection, TcpStream>, state: &State) -> Outcome {
    let mut stream = BufReader::new(stream);
    loop {
        let line = line(&mut stream)?;
        let reply: &[u8] = match line.get(..4).unwrap_or_default() {
            b"" => return Ok(()),
            b"EHLO" => b"250-mta.ch-exemple.test\r\n250-8BITMIME\r\n250 SIZE 30000000\r\n",
            b"RCPT" if String::from_utf8_lossy(&line).contains(&format!("<{UNKNOWN}")) => b"550 5.1.1 nobody\r\n",
            b"DATA" => {
                stream.get_mut().write_all(b"354 go ahead\r\n")?;
                let message = message(&mut stream)?;
                lock(&state.taken).entry(marker_of(&message)).or_default().push(message);
                let dies = |left: usize| left.checked_sub(1);
                if state.dies.fetch_update(Ordering::SeqCst, Ordering::SeqCst, dies).is_ok() {
                    return Ok(());
                }
                b"250 2.0.0 taken\r\n"
            }
            b"QUIT" => b"221 2.0.0 bye\r\n",
            _ => b"250 2.0.0 OK\r\n",
        };
        stream.get_mut().write_all(reply)?;
        stream.get_mut().flush()?;
    }
}

fn line(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Up to the final dot; the dots that were stuffed are taken off.
fn message(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let line = line(stream)?;
        match line.as_slice() {
            b".\r\n" => return Ok(message),
            b"" => anyhow::bail!("the message was cut"),
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            whole => message.extend_from_slice(whole),
        }
    }
}

/// What stands between `<` and `@` of the Message-ID.
pub(super) fn marker_of(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let marker = text.split_once("Message-ID: <").and_then(|(_, rest)| rest.split_once('@'));
    marker.map_or_else(|| "without a Message-ID".to_owned(), |(marker, _)| marker.to_owned())
}
