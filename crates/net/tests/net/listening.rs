//! The accept loop: its limits, and what it survives.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use pli_net::{LimitsConfig, Listener, NetError, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A listener that greets with `2`, repeats what it is told until the other side closes, and panics at `!`.
async fn serving(limits: LimitsConfig) -> (SocketAddr, Shutdown) {
    let listener = Listener::bind(anywhere(), limits).await.unwrap();
    let (address, shutdown) = (listener.local_address().unwrap(), Shutdown::default());
    shutdown.spawn(listener.serve(shutdown.clone(), |mut accepted| async move {
        assert!(accepted.stream.nodelay().unwrap());
        assert_eq!(accepted.remote, accepted.stream.peer_addr().unwrap());
        accepted.stream.write_u8(b'2').await.unwrap();
        while let Ok(byte) = accepted.stream.read_u8().await {
            assert_ne!(byte, b'!', "as told");
            accepted.stream.write_u8(byte).await.unwrap();
        }
    }));
    (address, shutdown)
}

/// Connects; nothing if the connection is closed instead of greeted.
async fn greeted(address: SocketAddr) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    (stream.read_u8().await.ok()? == b'2').then_some(stream)
}

/// Until a place is free again: the handler learns of a closed connection in its own time.
async fn greeted_in_the_end(address: SocketAddr) -> TcpStream {
    let trying = async {
        loop {
            if let Some(stream) = greeted(address).await {
                return stream;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, trying).await.expect("a place becomes free")
}

#[tokio::test]
async fn a_connection_over_the_limit_is_closed_and_its_place_comes_back() {
    let limits = LimitsConfig { connections: 2, ..LimitsConfig::default() };
    let (address, _shutdown) = serving(limits).await;
    let (first, _second) = (greeted(address).await.unwrap(), greeted(address).await.unwrap());
    assert!(greeted(address).await.is_none());
    drop(first);
    greeted_in_the_end(address).await;
}

#[tokio::test]
async fn whoever_finds_no_place_is_told_why() {
    let limits = LimitsConfig { connections: 1, ..LimitsConfig::default() };
    let listener = Listener::bind(anywhere(), limits).await.unwrap().refusing_with(b"full\r\n".as_slice());
    let (address, shutdown) = (listener.local_address().unwrap(), Shutdown::default());
    shutdown.spawn(listener.serve(shutdown.clone(), |mut accepted| async move {
        accepted.stream.write_u8(b'2').await.unwrap();
        accepted.stream.read_u8().await.ok();
    }));
    let _held = greeted(address).await.unwrap();
    let mut told = String::new();
    TcpStream::connect(address).await.unwrap().read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "full\r\n");
}

#[tokio::test]
async fn one_address_has_a_limit_of_its_own() {
    let limits = LimitsConfig { connections_per_address: 1, ..LimitsConfig::default() };
    let (address, _shutdown) = serving(limits).await;
    let _held = greeted(address).await.unwrap();
    assert!(greeted(address).await.is_none());
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_own_connection_only() {
    let limits = LimitsConfig { connections: 2, ..LimitsConfig::default() };
    let (address, _shutdown) = serving(limits).await;
    let mut neighbour = greeted(address).await.unwrap();
    for _ in 0..3 {
        // Each panic gives its place back, or the limit would be reached.
        let mut doomed = greeted_in_the_end(address).await;
        doomed.write_u8(b'!').await.unwrap();
        assert!(doomed.read_u8().await.is_err());
    }
    neighbour.write_u8(b'a').await.unwrap();
    assert_eq!(neighbour.read_u8().await.unwrap(), b'a');
}

#[tokio::test]
async fn once_the_end_has_begun_no_connection_is_taken_and_those_there_finish() {
    let (address, shutdown) = serving(LimitsConfig::default()).await;
    let mut there = greeted(address).await.unwrap();
    let finishing = {
        let shutdown = shutdown.clone();
        async move { shutdown.finish(PATIENCE).await }
    };
    let leaving = async {
        shutdown.begun().await;
        let refused = async {
            while let Ok(mut stream) = TcpStream::connect(address).await {
                assert!(stream.read_u8().await.is_err(), "nobody is greeted any more");
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.expect("the socket closes");
        there.write_u8(b'z').await.unwrap();
        assert_eq!(there.read_u8().await.unwrap(), b'z');
        drop(there);
    };
    let (ended, ()) = tokio::join!(finishing, leaving);
    assert!(ended);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = Listener::bind(anywhere(), LimitsConfig::default()).await.unwrap();
    let address = first.local_address().unwrap();
    let error = Listener::bind(address, LimitsConfig::default()).await.unwrap_err();
    assert!(matches!(error, NetError::Listen { .. }));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
