//! A distribution point of revocation lists, played by the test: plain HTTP, as the real ones are (the lists are signed).

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use crate::Outcome;
use crate::tls_server::Served;

/// It answers every request with the list that it was given last.
#[derive(Debug)]
pub struct CrlServer {
    list: Arc<Mutex<Vec<u8>>>,
    requests: Arc<AtomicUsize>,
    _served: Served,
}

impl CrlServer {
    /// On this port of the loopback, without a list yet.
    pub fn on(listener: TcpListener) -> Result<Self> {
        let (list, requests) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicUsize>::default());
        let (list_here, requests_here) = (Arc::clone(&list), Arc::clone(&requests));
        let served = Served::on(listener, move |socket| {
            requests_here.fetch_add(1, Ordering::SeqCst);
            let list = list_here.lock().unwrap_or_else(PoisonError::into_inner).clone();
            drop(serve(socket, &list));
        })?;
        Ok(Self { list, requests, _served: served })
    }

    /// From now on it gives this list, in DER.
    pub fn publish(&self, der: Vec<u8>) {
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = der;
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut socket: TcpStream, list: &[u8]) -> Outcome {
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let length = list.len();
    write!(
        socket,
        "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    Ok(socket.write_all(list)?)
}
