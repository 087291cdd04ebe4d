//! Whoever shows a certificate without holding its key is refused, in both versions and both directions.

use std::sync::Arc;

use pli_net::{ClientTls, NetError, ServerTls};
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::peers::{self, Shows, connected};
use crate::support::trust::{Leaf, Trust};

#[tokio::test]
async fn a_client_that_does_not_hold_its_certificates_key_is_refused_and_told() {
    let trust = Trust::new();
    let own = trust.operator();
    let server = ServerTls::operators(&own.files(trust.folder.path(), "own")).unwrap();
    let (victim, thief) = (trust.operator(), Leaf::new("thief.example").self_signed());
    for version in [&TLS12, &TLS13] {
        let shows = Shows::certificate_with_key_of(&victim, &thief);
        let connector = TlsConnector::from(Arc::new(peers::client(version, shows)));
        let (near, far) = connected().await;
        let theirs = async {
            let name = ServerName::try_from("localhost").unwrap();
            // In TLS 1.3 the client's handshake ends before the server has seen the signature.
            let mut stream = connector.connect(name, far).await?;
            stream.read_u8().await
        };
        let ours = async { server.accept(near).await.map(|(_, facts)| facts) };
        let (ours, theirs) = tokio::join!(ours, theirs);
        assert!(matches!(ours, Err(NetError::Handshake(_))), "{ours:?}");
        let told = theirs.unwrap_err().to_string();
        assert!(told.contains("alert"), "the alert arrives: {told}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_hold_its_certificates_key_is_refused() {
    let trust = Trust::new();
    let client = ClientTls::new(&trust.operator().files(trust.folder.path(), "own")).unwrap();
    let (victim, thief) = (trust.operator(), Leaf::new("thief.example").self_signed());
    for version in [&TLS12, &TLS13] {
        let honest = peers::server(version, Shows::certificate_with_key_of(&victim, &victim));
        let forged = peers::server(version, Shows::certificate_with_key_of(&victim, &thief));
        for (config, holds) in [(honest, true), (forged, false)] {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let (near, far) = connected().await;
            let (_theirs, ours) = tokio::join!(acceptor.accept(near), client.connect("mx.example", far));
            assert_eq!(ours.is_ok(), holds, "{version:?}");
        }
    }
}
