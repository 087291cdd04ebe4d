//! What a probe sees of a server.

use std::sync::Arc;
use std::time::Duration;

use pli_net::tls::probe::{ProbeFault, ProbeVersion, Probed, Showing, alert_in, probe};
use pli_net::{ClientTls, NetError, OwnCertificate, ServerTls};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::support::peers::{Shows, connected, server};
use crate::support::trust::Trust;

const LIMIT: Duration = Duration::from_secs(30);

async fn probed(ours: &ServerTls, showing: Showing<'_>, version: ProbeVersion) -> (Probed, usize) {
    let (near, far) = connected().await;
    let serve = async { ours.accept(near).await.map(|(_, facts)| facts) };
    let (facts, seen) = tokio::join!(serve, probe(far, "mx.example", showing, version, LIMIT));
    let sent = facts.unwrap().certificate.map_or(0, |certificate| 1 + certificate.chain.len());
    (seen, sent)
}

#[tokio::test]
async fn a_probe_shows_what_it_is_told_to_and_sees_what_it_is_asked_for() {
    let trust = Trust::new();
    let files = trust.operator().files(trust.folder.path(), "own");
    let own = OwnCertificate::load(&files).unwrap();
    let operators = ServerTls::for_operators(&own).unwrap();
    let clients = ServerTls::for_clients(&own, &trust.config()).unwrap();
    for (version, name) in [(ProbeVersion::Tls12, "TLSv1.2"), (ProbeVersion::Tls13, "TLSv1.3")] {
        for (showing, certificates) in [(Showing::Chain(&own), 2), (Showing::LeafOnly(&own), 1), (Showing::Nothing, 0)]
        {
            let (seen, sent) = probed(&operators, showing, version).await;
            assert_eq!(sent, certificates, "{showing:?}");
            assert_eq!(seen.asked, Some(Vec::new()), "asked, without a hint");
            let (_, facts) = seen.handshake.unwrap();
            assert_eq!(facts.version, name);
            assert_eq!(facts.certificate.unwrap().leaf, own.presented().unwrap().leaf);
        }
        let (seen, _) = probed(&clients, Showing::Nothing, version).await;
        let hints = seen.asked.unwrap();
        assert!(hints.len() == 1 && hints[0].starts_with("CN=AC ORGANISATIONS"), "{hints:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_ask_is_seen_not_to() {
    let trust = Trust::new();
    let theirs = trust.operator();
    let acceptor = TlsAcceptor::from(Arc::new(server(&TLS13, Shows::certificate_with_key_of(&theirs, &theirs))));
    let (near, far) = connected().await;
    let (_, seen) =
        tokio::join!(acceptor.accept(near), probe(far, "mx.example", Showing::Nothing, ProbeVersion::Tls13, LIMIT));
    assert_eq!(seen.asked, None);
    assert!(seen.handshake.is_ok());
}

/// A server that believes nobody whom it can be shown here.
fn refusing(trust: &Trust, version: &'static rustls::SupportedProtocolVersion) -> TlsAcceptor {
    let theirs = trust.operator();
    let mut roots = RootCertStore::empty();
    roots.add(Trust::new().root.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Shows::certificate_with_key_of(&theirs, &theirs)));
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn the_alert_of_a_server_that_refuses_our_certificate_is_told_by_its_name() {
    let trust = Trust::new();
    let own = OwnCertificate::load(&trust.operator().files(trust.folder.path(), "own")).unwrap();

    let (near, far) = connected().await;
    let acceptor = refusing(&trust, &TLS12);
    let asking = probe(far, "mx.example", Showing::Chain(&own), ProbeVersion::Tls12, LIMIT);
    let (_, seen) = tokio::join!(acceptor.accept(near), asking);
    let fault = seen.handshake.unwrap_err();
    // Which one depends on what that server dislikes first: the authority, or dates that lie in its future.
    assert!(matches!(&fault, ProbeFault::Alert(alert) if alert.ends_with(')')), "{fault}");

    let (near, far) = connected().await;
    let acceptor = refusing(&trust, &TLS13);
    let asking = async {
        let seen = probe(far, "mx.example", Showing::Nothing, ProbeVersion::Tls13, LIMIT).await;
        let (mut stream, _) = seen.handshake.unwrap();
        stream.read_u8().await.unwrap_err()
    };
    let (_, error) = tokio::join!(acceptor.accept(near), asking);
    assert_eq!(alert_in(&error).as_deref(), Some("CertificateRequired (116)"));
}

/// A server that knows TLS 1.0 only answers our greeting with this alert (RFC 5246 §7.2.2: fatal, 70).
const OLD_SERVERS_ALERT: [u8; 7] = [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];

async fn answer_as_of_old(mut near: TcpStream) {
    let mut head = [0; 5];
    near.read_exact(&mut head).await.unwrap();
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    near.read_exact(&mut hello).await.unwrap();
    near.write_all(&OLD_SERVERS_ALERT).await.unwrap();
}

#[tokio::test]
async fn a_server_of_old_tls_is_told_as_such_in_a_probe_and_in_a_delivery() {
    let trust = Trust::new();
    let own = OwnCertificate::load(&trust.operator().files(trust.folder.path(), "own")).unwrap();
    let words = "the TLS handshake failed: the other side offers nothing at TLS 1.2 or above";

    let (near, far) = connected().await;
    let asking = probe(far, "mx.example", Showing::Nothing, ProbeVersion::Any, LIMIT);
    let ((), seen) = tokio::join!(answer_as_of_old(near), asking);
    assert_eq!(seen.handshake.unwrap_err().to_string(), words);

    let (near, far) = connected().await;
    let tls = ClientTls::showing(&own).unwrap();
    let ((), connected) = tokio::join!(answer_as_of_old(near), tls.connect("mx.example", far));
    assert_eq!(connected.unwrap_err().to_string(), words);
}

#[tokio::test]
async fn a_server_without_the_version_offered_and_one_that_says_nothing_are_told_apart() {
    let trust = Trust::new();
    let theirs = trust.operator();
    let acceptor = TlsAcceptor::from(Arc::new(server(&TLS12, Shows::certificate_with_key_of(&theirs, &theirs))));
    let (near, far) = connected().await;
    let asking = probe(far, "mx.example", Showing::Nothing, ProbeVersion::Tls13, LIMIT);
    let (_, seen) = tokio::join!(acceptor.accept(near), asking);
    assert!(matches!(&seen.handshake, Err(ProbeFault::Alert(alert)) if alert.contains("(70)")), "{:?}", seen.handshake);

    let (_silent, far) = connected().await;
    let short = Duration::from_millis(50);
    let seen = probe(far, "mx.example", Showing::Nothing, ProbeVersion::Tls13, short).await;
    assert!(matches!(&seen.handshake, Err(ProbeFault::Other(NetError::Timeout))), "{:?}", seen.handshake);
}
