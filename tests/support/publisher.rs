//! Whoever publishes the trust list over HTTPS, played by the test: honest or hostile.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Outcome;
use crate::authority::Issued;
use crate::tls_server::{self, Served};

/// What it answers to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The list with an `ETag`; `304` to whoever has it.
    List(String),
    /// Something else than a list, with a place to look at if it is a redirection.
    Status(&'static str, Option<String>),
    /// Half of a list, and the end of the connection.
    CutOff(String),
    /// 500 MB of a list that never comes to its first entry, with its length told before or not.
    Huge {
        /// Is there a `Content-Length`?
        announced: bool,
    },
    /// A list of which a byte comes now and then.
    Drip(String),
}

/// What it has seen.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    /// Requests.
    pub requests: usize,
    /// Those answered with `304`.
    pub unchanged: usize,
    /// Bytes of bodies that it got rid of.
    pub sent: u64,
}

struct State {
    answer: Answer,
    tls: Arc<ServerConfig>,
    seen: Seen,
}

/// The server.
pub struct Publisher {
    state: Arc<Mutex<State>>,
    served: Served,
}

/// 500 MB.
pub const HUGE: u64 = 500 * 1024 * 1024;

impl Publisher {
    /// On a free port of the loopback.
    pub fn start(identity: &Issued, answer: Answer) -> Result<Self> {
        let tls = tls_server::config(&identity.certificate, &identity.key)?;
        let state = Arc::new(Mutex::new(State { answer, tls, seen: Seen::default() }));
        let here = Arc::clone(&state);
        let served = Served::on(TcpListener::bind(("127.0.0.1", 0))?, move |socket| drop(serve(socket, &here)))?;
        Ok(Self { state, served })
    }

    /// Where the list is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}/listeblanchemssante.xml", self.served.port())
    }

    /// From now on it answers so.
    pub fn answer(&self, answer: Answer) {
        lock(&self.state).answer = answer;
    }

    /// From now on it shows this certificate.
    pub fn show(&self, identity: &Issued) -> Outcome {
        lock(&self.state).tls = tls_server::config(&identity.certificate, &identity.key)?;
        Ok(())
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        lock(&self.state).seen
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(socket: TcpStream, state: &Mutex<State>) -> Outcome {
    let tls = Arc::clone(&lock(state).tls);
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(tls)?, socket));
    let mut known = None;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("if-none-match") => known = Some(value.trim().to_owned()),
            _ => {}
        }
        line.clear();
    }
    lock(state).seen.requests += 1;
    let answer = lock(state).answer.clone();
    let stream = stream.get_mut();
    respond(stream, &answer, known.as_deref(), state)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

fn respond(stream: &mut impl Write, answer: &Answer, known: Option<&str>, state: &Mutex<State>) -> Outcome {
    match answer {
        Answer::List(list) => {
            let tag = tag(list);
            if known == Some(&tag) {
                lock(state).seen.unchanged += 1;
                return head(stream, "304 Not Modified", &format!("ETag: {tag}\r\n"));
            }
            head(stream, "200 OK", &format!("ETag: {tag}\r\nContent-Length: {}\r\n", list.len()))?;
            body(stream, list.as_bytes(), state)
        }
        Answer::Status(status, location) => {
            let location = location.as_ref().map_or_else(String::new, |to| format!("Location: {to}\r\n"));
            head(stream, status, &format!("{location}Content-Length: 0\r\n"))
        }
        Answer::CutOff(list) => {
            head(stream, "200 OK", &format!("Content-Length: {}\r\n", list.len()))?;
            body(stream, list.as_bytes().get(..list.len() / 2).unwrap_or_default(), state)
        }
        Answer::Huge { announced } => {
            head(stream, "200 OK", &if *announced { format!("Content-Length: {HUGE}\r\n") } else { String::new() })?;
            let block = vec![b' '; 64 * 1024];
            body(stream, b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", state)?;
            while lock(state).seen.sent < HUGE {
                body(stream, &block, state)?;
            }
            Ok(())
        }
        Answer::Drip(list) => {
            head(stream, "200 OK", &format!("Content-Length: {}\r\n", list.len()))?;
            for byte in list.as_bytes() {
                body(stream, &[*byte], state)?;
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        }
    }
}

fn head(stream: &mut impl Write, status: &str, fields: &str) -> Outcome {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n{fields}Connection: close\r\n\r\n")?;
    Ok(stream.flush()?)
}

fn body(stream: &mut impl Write, bytes: &[u8], state: &Mutex<State>) -> Outcome {
    stream.write_all(bytes)?;
    stream.flush()?;
    lock(state).seen.sent += bytes.len() as u64;
    Ok(())
}

/// Another one for another list.
fn tag(list: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    list.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}
