//! The listener, over real sockets and real TLS: what is answered, what is cut off, and how it ends.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pli_net::{ClientTls, LimitsConfig, Listener, ServerTls, Shutdown, TlsConfig, TlsStream};
use pli_web::{Check, Health, Metrics, WebConfig, WebContext};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Healthy;

#[async_trait]
impl Health for Healthy {
    async fn checks(&self) -> Vec<Check> {
        vec![Check::holds("store")]
    }
}

/// A listener on a free port, and a client that takes its certificate.
struct Stand {
    address: SocketAddr,
    client: ClientTls,
    shutdown: Shutdown,
    _folder: tempfile::TempDir,
}

impl Stand {
    async fn start(config: WebConfig) -> Self {
        static METRICS: OnceLock<Metrics> = OnceLock::new();
        let metrics = METRICS.get_or_init(|| Metrics::install().unwrap()).clone();

        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = TlsConfig { certificate: folder.path().join("server.pem"), key: folder.path().join("server.key") };
        std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
        std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();

        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), LimitsConfig::default()).await.unwrap();
        let address = listener.local_address().unwrap();
        let (server, client) = (ServerTls::operators(&tls).unwrap(), ClientTls::new(&tls).unwrap());
        let shutdown = Shutdown::default();
        let (health, autoconfig) = (Arc::new(Healthy), Arc::default());
        let context = WebContext { health, metrics, autoconfig, api: None, messages: None };
        shutdown.spawn(pli_web::serve(config, context, server, listener, shutdown.clone()));
        Self { address, client, shutdown, _folder: folder }
    }

    async fn connect(&self) -> TlsStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.client.connect("localhost", stream).await.expect("the handshake succeeds").0
    }
}

/// Everything until the server closes, politely or not.
async fn read_to_end(stream: &mut TlsStream) -> String {
    let mut bytes = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
    closed.expect("the server closes").ok();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn each_path_is_answered_over_tls() {
    let stand = Stand::start(WebConfig::default()).await;
    for (path, status) in
        [("/health/live", "200"), ("/health/ready", "200"), ("/metrics", "200"), ("/elsewhere", "404")]
    {
        let mut stream = stand.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let reply = read_to_end(&mut stream).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {reply}");
    }
}

#[tokio::test]
async fn plain_http_is_not_answered() {
    let stand = Stand::start(WebConfig::default()).await;
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    // A TLS alert, perhaps, or nothing: never a page.
    stream.read_to_end(&mut bytes).await.ok();
    assert!(!bytes.windows(4).any(|window| window == b"HTTP"), "{bytes:?}");
}

#[tokio::test]
async fn who_never_finishes_the_head_is_cut_off() {
    let stand = Stand::start(WebConfig { head_timeout: Duration::from_millis(100), ..WebConfig::default() }).await;
    let mut stream = stand.connect().await;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").await.unwrap();
    let reply = read_to_end(&mut stream).await;
    assert!(!reply.contains("200"), "{reply}");
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let stand = Stand::start(WebConfig::default()).await;
    let mut stream = stand.connect().await;
    let head = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "a".repeat(64 << 10));
    stream.write_all(head.as_bytes()).await.ok();
    // The rest of the head is not read: the connection may be reset behind the answer.
    let reply = read_to_end(&mut stream).await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 431 "), "{reply}");
}

#[tokio::test]
async fn a_connection_does_not_last_for_ever() {
    let lifetime = Duration::from_millis(50);
    let stand = Stand::start(WebConfig { connection_lifetime: lifetime, ..WebConfig::default() }).await;
    let mut stream = stand.connect().await;
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn the_end_closes_connections_that_are_kept_open() {
    let stand = Stand::start(WebConfig::default()).await;
    let mut stream = stand.connect().await;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert!(stand.shutdown.finish(Duration::from_secs(10)).await, "nothing is left running");
    read_to_end(&mut stream).await;
}
