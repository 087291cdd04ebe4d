//! A wire that breaks: it stands before a server, passes on what either side says, and cuts the connection at a byte of
//! the server's side of the TLS handshake when a test says so.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::tls_server::Served;
use crate::wait;

/// All of it passes.
const ALL: usize = usize::MAX;

/// The wire.
#[derive(Debug)]
pub struct Cutter {
    state: Arc<State>,
    _served: Served,
}

#[derive(Debug)]
struct State {
    to: u16,
    /// How many bytes of the server's pass after its reply to STARTTLS.
    passes: AtomicUsize,
    cuts: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Cutter {
    /// From one port of the loopback to another. Nothing is cut yet.
    pub fn between(from: u16, to: u16) -> Result<Self> {
        let state =
            Arc::new(State { to, passes: AtomicUsize::new(ALL), cuts: AtomicUsize::new(0), open: Mutex::default() });
        let here = Arc::clone(&state);
        let listener =
            wait::until("the port", Duration::from_secs(10), || Ok(TcpListener::bind(("127.0.0.1", from)).ok()))?;
        let served = Served::on(listener, move |socket| drop(here.carry(&socket)))?;
        Ok(Self { state, _served: served })
    }

    /// Ends every connection, as if it had lain idle for too long: the next message needs a new one.
    pub fn hang_up(&self) {
        for side in self.state.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            side.shutdown(Shutdown::Both).ok();
        }
    }

    /// From now on so many bytes of the server's handshake pass, and then nothing.
    pub fn cut_after(&self, bytes: usize) {
        self.state.passes.store(bytes, Ordering::SeqCst);
    }

    /// From now on all passes.
    pub fn mend(&self) {
        self.cut_after(ALL);
    }

    /// How often it has cut.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

impl State {
    fn carry(&self, client: &TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(("127.0.0.1", self.to))?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(client.try_clone()?);
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        let there = std::thread::spawn(move || {
            io::copy(&mut from_client, &mut to_server).ok();
            to_server.shutdown(Shutdown::Write).ok();
        });
        let back = self.pass_back(&server, client);
        for side in [client, &server] {
            side.shutdown(Shutdown::Both).ok();
        }
        there.join().ok();
        back
    }

    fn pass_back(&self, mut server: &TcpStream, mut client: &TcpStream) -> io::Result<()> {
        let (mut clear, mut secured) = (Vec::new(), 0);
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let length = server.read(&mut bytes)?;
            let said = bytes.get(..length).unwrap_or_default();
            if said.is_empty() {
                return Ok(());
            }
            // The client answers the reply to STARTTLS before the server says anything more.
            if starts(&clear) < 2 {
                clear.extend_from_slice(said);
                client.write_all(said)?;
                continue;
            }
            let left = self.passes.load(Ordering::SeqCst).saturating_sub(secured);
            secured += length;
            client.write_all(said.get(..left).unwrap_or(said))?;
            if left < length {
                self.cuts.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
        }
    }
}

/// Replies `220`: the greeting is the first, the one to STARTTLS the second.
fn starts(clear: &[u8]) -> usize {
    clear.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"220")).count()
}
