//! [`Publisher`]: a small HTTP server on the loopback, good or hostile.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is done for one path. All others are answered 404.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Gives the document, with an `ETag` made of its content; 304 to whom shows it.
    Serve(Vec<u8>),
    /// These bytes, then the end, whatever they are.
    Say(Vec<u8>),
    /// A good head, then a byte every few milliseconds, without end.
    Drip,
    /// A good head without a length, then bytes as fast as they are taken, without end.
    Flood,
    /// Nothing.
    Silence,
    /// What was asked, head and body, as it came.
    Echo,
}

/// Runs until dropped; from then on connections are refused.
pub(crate) struct Publisher {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    scheme: &'static str,
}

#[derive(Default)]
struct Shared {
    paths: Mutex<HashMap<String, Does>>,
    heads: Mutex<Vec<String>>,
    asked: Condvar,
    end: AtomicBool,
}

impl Publisher {
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    pub(crate) fn with_tls(config: ServerConfig) -> Self {
        Self::with(Some(Arc::new(config)))
    }

    fn with(tls: Option<Arc<ServerConfig>>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in socket.incoming() {
                    if shared.end.load(Ordering::SeqCst) {
                        return;
                    }
                    let (shared, tls) = (Arc::clone(&shared), tls.clone());
                    // Whoever is served may go away in the middle.
                    std::thread::spawn(move || shared.serve(stream.ok()?, tls).ok());
                }
            }
        });
        Self { address, shared, thread: Some(thread), scheme }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(crate) fn does(&self, path: &str, what: Does) {
        self.shared.paths.lock().unwrap().insert(path.to_owned(), what);
    }

    /// The heads of the requests for a path, oldest first.
    pub(crate) fn heads(&self, path: &str) -> Vec<String> {
        let start = format!("GET {path} ");
        self.shared.heads.lock().unwrap().iter().filter(|head| head.starts_with(&start)).cloned().collect()
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.heads(path).len()
    }

    /// Waits until somebody asks for a path.
    pub(crate) fn wait_for(&self, path: &str) {
        let start = format!("GET {path} ");
        let heads = self.shared.heads.lock().unwrap();
        let none = |heads: &mut Vec<String>| !heads.iter().any(|head| head.starts_with(&start));
        let (_heads, waited) = self.shared.asked.wait_timeout_while(heads, Duration::from_secs(30), none).unwrap();
        assert!(!waited.timed_out(), "nobody asked for {path}");
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::SeqCst);
        // Wakes it; it then closes the socket.
        TcpStream::connect(self.address).ok();
        self.thread.take().unwrap().join().unwrap();
    }
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

impl Shared {
    fn serve(&self, stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> std::io::Result<()> {
        let stream: Box<dyn Both> = match tls {
            Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
            None => Box::new(stream),
        };
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.heads.lock().unwrap().push(head.clone());
        self.asked.notify_all();
        let does = self.paths.lock().unwrap().get(&path).cloned();
        let to = stream.get_mut();
        match does {
            Some(Does::Serve(document)) => give(to, &head, &document),
            Some(Does::Say(bytes)) => to.write_all(&bytes),
            Some(Does::Drip) => {
                to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
                loop {
                    to.write_all(b".")?;
                    to.flush()?;
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            Some(Does::Flood) => {
                to.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                loop {
                    to.write_all(&[b'.'; 16 * 1024])?;
                }
            }
            Some(Does::Silence) => to.read_exact(&mut [0; 1]),
            Some(Does::Echo) => {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut body)?;
                let whole = [head.as_bytes(), &body].concat();
                let to = stream.get_mut();
                let length = whole.len();
                write!(
                    to,
                    "HTTP/1.1 422 No\r\nRetry-After: 120\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                )?;
                to.write_all(&whole)
            }
            None => to.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        }
    }
}

fn give(to: &mut impl Write, head: &str, document: &[u8]) -> std::io::Result<()> {
    let sum = document.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let etag = format!("\"{sum:x}\"");
    if head.to_ascii_lowercase().contains(&format!("if-none-match: {etag}")) {
        return to.write_all(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    }
    let length = document.len();
    write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: {etag}\r\nConnection: close\r\n\r\n")?;
    to.write_all(document)
}
