//! No session is ever resumed, on any of our listeners nor towards any server: each connection proves its key anew, so
//! that no ticket carries a peer past a revocation or a list that it has left.

use std::sync::{Arc, Mutex};

use pli_net::{ClientTls, ServerTls};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::server::ServerSessionMemoryCache;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, NamedGroup, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::peers::{Shows, client, connected, server};
use crate::support::trust::Trust;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Notes what a server gives to resume by, and would use it.
#[derive(Debug)]
struct Greedy {
    given: Mutex<Vec<&'static str>>,
}

impl ClientSessionStore for Greedy {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, _session: Tls12ClientSessionValue) {
        self.given.lock().unwrap().push("a TLS 1.2 session");
    }

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, _ticket: Tls13ClientSessionValue) {
        self.given.lock().unwrap().push("a TLS 1.3 ticket");
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// What a client that would resume is given by a server of ours, to the end of a connection.
async fn given_by(ours: &ServerTls, version: &'static SupportedProtocolVersion, shows: Shows) -> Vec<&'static str> {
    let store = Arc::new(Greedy { given: Mutex::default() });
    let mut config = client(version, shows);
    config.enable_early_data = true;
    config.resumption = Resumption::store(Arc::<Greedy>::clone(&store));
    given(ours, config).await;
    let given = store.given.lock().unwrap();
    given.clone()
}

async fn given(ours: &ServerTls, config: rustls::ClientConfig) {
    let (near, far) = connected().await;
    let connector = TlsConnector::from(Arc::new(config));
    let theirs = async {
        let mut stream = connector.connect("mx.example".try_into().unwrap(), far).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        // Tickets come after the handshake: everything is read, to the end.
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "220");
    };
    let serve = async {
        let (mut stream, _) = ours.accept(near).await.unwrap();
        stream.write_all(b"220").await.unwrap();
        stream.shutdown().await.unwrap();
    };
    tokio::join!(theirs, serve);
}

#[tokio::test]
async fn no_listener_of_ours_gives_anything_to_resume_by() {
    let trust = Trust::new();
    let files = trust.operator().files(trust.folder.path(), "own");
    let listeners = [ServerTls::operators(&files).unwrap(), ServerTls::clients(&files, &trust.config()).unwrap()];
    for listener in &listeners {
        for version in VERSIONS {
            let operator = trust.operator();
            for shows in [Shows::certificate_with_key_of(&operator, &operator), Shows::nothing()] {
                assert!(given_by(listener, version, shows).await.is_empty(), "{version:?}");
            }
        }
    }
}

/// The same by a server that does resume: the store above would have seen it.
#[tokio::test]
async fn a_server_that_gives_tickets_is_noticed() {
    let trust = Trust::new();
    let own = trust.operator();
    for (version, expected) in VERSIONS.into_iter().zip(["a TLS 1.2 session", "a TLS 1.3 ticket"]) {
        let store = Arc::new(Greedy { given: Mutex::default() });
        let mut config = client(version, Shows::nothing());
        config.resumption = Resumption::store(Arc::<Greedy>::clone(&store));
        let (near, far) = connected().await;
        let acceptor = TlsAcceptor::from(Arc::new(server(version, Shows::certificate_with_key_of(&own, &own))));
        let connector = TlsConnector::from(Arc::new(config));
        let theirs = async {
            let mut stream = connector.connect("mx.example".try_into().unwrap(), far).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        };
        let serve = async {
            acceptor.accept(near).await.unwrap().shutdown().await.unwrap();
        };
        tokio::join!(theirs, serve);
        assert_eq!(store.given.lock().unwrap().first(), Some(&expected));
    }
}

#[tokio::test]
async fn we_resume_nothing_however_much_a_server_offers_it() {
    let trust = Trust::new();
    let own = trust.operator();
    let ours = ClientTls::new(&own.files(trust.folder.path(), "own")).unwrap();
    for version in VERSIONS {
        let mut config = server(version, Shows::certificate_with_key_of(&own, &own));
        config.session_storage = ServerSessionMemoryCache::new(16);
        config.max_early_data_size = 16_384;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        for _ in 0..3 {
            let (near, far) = connected().await;
            let serve = async {
                let mut stream = acceptor.accept(near).await.unwrap();
                assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
                stream.shutdown().await.unwrap();
            };
            let connect = async {
                let (mut stream, _) = ours.connect("mx.example", far).await.unwrap();
                stream.read_to_end(&mut Vec::new()).await.unwrap();
            };
            tokio::join!(serve, connect);
        }
    }
}
