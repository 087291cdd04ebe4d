//! A handshake finishes with any certificate whose key is proven, or with none.

use std::sync::Arc;
use std::time::Duration;

use pli_net::{ClientTls, NetError, ServerTls, TlsFacts};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::support::peers::{self, Shows, connected};
use crate::support::trust::{Issued, Leaf, Trust};

/// Lets a client of the test shake hands with our operators' listener.
async fn with_raw_client(
    server: &ServerTls,
    version: &'static SupportedProtocolVersion,
    shows: Shows,
) -> Result<TlsFacts, NetError> {
    let connector = TlsConnector::from(Arc::new(peers::client(version, shows)));
    let (near, far) = connected().await;
    let name = ServerName::try_from("localhost").unwrap();
    let (ours, _theirs) = tokio::join!(server.accept(near), connector.connect(name, far));
    ours.map(|(_, facts)| facts)
}

fn operators(trust: &Trust, own: &Issued) -> ServerTls {
    ServerTls::operators(&own.files(trust.folder.path(), "own")).unwrap()
}

#[tokio::test]
async fn both_sides_learn_who_the_other_is() {
    let trust = Trust::new();
    let (alice, bob) = (Leaf::new("alice.example"), Leaf::new("bob.example").rsa());
    let (alice, bob) = (alice.signed_by(&trust.organisations), bob.signed_by(&trust.organisations));
    let server = operators(&trust, &alice);
    let client = ClientTls::new(&bob.files(trust.folder.path(), "bob")).unwrap();

    let (near, far) = connected().await;
    let (seen_by_alice, seen_by_bob) = tokio::join!(server.accept(near), client.connect("alice.example", far));
    let ((mut from_bob, of_bob), (mut to_alice, of_alice)) = (seen_by_alice.unwrap(), seen_by_bob.unwrap());

    assert_eq!(of_bob.certificate.unwrap().subject.value("CN"), Some("bob.example"));
    let of_alice_certificate = of_alice.certificate.unwrap();
    assert_eq!(of_alice_certificate.subject.value("CN"), Some("alice.example"));
    assert_eq!(of_alice_certificate.chain.len(), 1, "the chain is sent along");
    assert_eq!((of_alice.version.as_str(), of_alice.cipher.as_str()), ("TLSv1.3", "TLS13_AES_256_GCM_SHA384"));

    to_alice.write_all(b"EHLO bob.example\r\n").await.unwrap();
    to_alice.shutdown().await.unwrap();
    let mut said = String::new();
    from_bob.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "EHLO bob.example\r\n");
}

#[tokio::test]
async fn a_client_without_a_certificate_gets_through() {
    let trust = Trust::new();
    let server = operators(&trust, &trust.operator());
    for version in [&TLS12, &TLS13] {
        let facts = with_raw_client(&server, version, Shows::nothing()).await.unwrap();
        assert!(facts.certificate.is_none());
    }
}

#[tokio::test]
async fn a_strangers_certificate_gets_through_and_is_reported() {
    let trust = Trust::new();
    let server = operators(&trust, &trust.operator());
    let stranger = Leaf::new("stranger.example").self_signed();
    for version in [&TLS12, &TLS13] {
        let shows = Shows::certificate_with_key_of(&stranger, &stranger);
        let certificate = with_raw_client(&server, version, shows).await.unwrap().certificate.unwrap();
        assert_eq!(certificate.subject.value("CN"), Some("stranger.example"));
        assert_eq!(certificate.leaf, stranger.chain[0].to_vec());
    }
}

#[tokio::test]
async fn a_server_may_be_called_by_an_address_or_by_a_name_that_tls_cannot_carry() {
    let trust = Trust::new();
    let own = trust.operator();
    let server = operators(&trust, &own);
    let client = ClientTls::new(&own.files(trust.folder.path(), "client")).unwrap();
    for name in ["127.0.0.1", "::1", "mx.example.", "not a name", ""] {
        let (near, far) = connected().await;
        let (_server, client) = tokio::join!(server.accept(near), client.connect(name, far));
        client.unwrap();
    }
}

#[tokio::test]
async fn no_session_is_resumed() {
    let trust = Trust::new();
    let server = operators(&trust, &trust.operator());
    for version in [&TLS12, &TLS13] {
        let connector = TlsConnector::from(Arc::new(peers::client(version, Shows::nothing())));
        for _ in 0..2 {
            let (near, far) = connected().await;
            let name = ServerName::try_from("localhost").unwrap();
            let (ours, theirs) = tokio::join!(server.accept(near), connector.connect(name, far));
            let (mut ours, _) = ours.unwrap();
            let mut theirs = theirs.unwrap();
            // A ticket would come before the first byte of data.
            ours.write_all(b"2").await.unwrap();
            ours.flush().await.unwrap();
            theirs.read_u8().await.unwrap();
            assert_eq!(theirs.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        }
    }
}

#[tokio::test]
async fn what_is_not_tls_is_refused_with_an_alert_and_the_next_client_is_served() {
    let trust = Trust::new();
    let server = operators(&trust, &trust.operator());
    let long = vec![0; 40_000];
    for garbage in [b"EHLO in the clear\r\n".as_slice(), &[0x16, 0x03, 0x01, 0xff, 0xff], &long] {
        let (near, mut far) = connected().await;
        let hello = async {
            far.write_all(garbage).await.unwrap();
            far.shutdown().await.unwrap();
            let mut answer = Vec::new();
            far.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let (ours, answer) = tokio::join!(server.accept(near), hello);
        assert!(matches!(ours.unwrap_err(), NetError::Handshake(_)));
        // Also when more has come than was read: closing at once would then destroy the alert on its way.
        assert_eq!(answer.first(), Some(&0x15), "an alert");
    }
    with_raw_client(&server, &TLS13, Shows::nothing()).await.unwrap();
}

#[tokio::test]
async fn the_log_can_tell_plain_text_from_a_bad_certificate() {
    let trust = Trust::new();
    let server = operators(&trust, &trust.operator());
    let (near, mut far) = connected().await;
    let hello = far.write_all(b"GET / HTTP/1.1\r\nHost: mx.example\r\n\r\n");
    let (ours, _) = tokio::join!(server.accept(near), hello);
    let told = ours.unwrap_err().to_string();
    assert!(told.contains("does not speak TLS"), "{told}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_given_up() {
    let trust = Trust::new();
    let server = operators(&trust, &trust.operator()).handshake_within(Duration::from_millis(20));
    let (near, _far) = connected().await;
    assert!(matches!(server.accept(near).await, Err(NetError::Timeout)));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let trust = Trust::new();
    let files = trust.operator().files(trust.folder.path(), "own");
    let client = ClientTls::new(&files).unwrap().handshake_within(Duration::from_millis(20));
    let (_near, far) = connected().await;
    assert!(matches!(client.connect("mx.example", far).await, Err(NetError::Timeout)));
}
