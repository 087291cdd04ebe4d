//! A distribution point of revocation lists, as an authority runs one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pli_net::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves one list to whoever asks, and counts.
pub(crate) struct DistributionPoint {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl DistributionPoint {
    pub(crate) async fn start(list: Vec<u8>, shutdown: &Shutdown) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let point = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let (asked, ending) = (Arc::clone(&point.asked), shutdown.clone());
        shutdown.spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = ending.begun() => return,
                };
                asked.fetch_add(1, Ordering::Relaxed);
                // Whoever goes away gets nothing.
                answer(stream, &list).await.ok();
            }
        });
        point
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/organisations.crl", self.address)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn answer(mut stream: TcpStream, list: &[u8]) -> std::io::Result<()> {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        question.push(stream.read_u8().await?);
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", list.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(list).await?;
    stream.shutdown().await
}
