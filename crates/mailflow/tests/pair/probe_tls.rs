//! What a probe finds of servers whose TLS is not as ours.

use std::sync::Arc;
use std::time::Duration;

use pli_mailflow::delivery::probe::{Outcome, Party, Step};
use pli_net::TlsConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::probe::{as_it_should, finding, walk};
use crate::relay::Relay;

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// It is the first of June 2026, whenever the test runs.
#[derive(Debug)]
struct June;

impl TimeProvider for June {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_hours(494_520)))
    }
}

/// A verifier as most programs have one: the client's chain must lead to this root within the handshake.
fn verifier(root: &TlsConfig, hints: bool) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&root.certificate).unwrap()).unwrap();
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider().into());
    if hints { builder.build().unwrap() } else { builder.clear_root_hint_subjects().build().unwrap() }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

fn server(
    relay: &Relay,
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> ServerConfig {
    let shown = relay.authority.leaf("mx.clinique.test", 41);
    let builder = ServerConfig::builder_with_details(Arc::new(provider), Arc::new(June));
    let builder = builder.with_protocol_versions(versions).unwrap();
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let chain = vec![CertificateDer::from_pem_file(&shown.certificate).unwrap()];
    builder.with_single_cert(chain, PrivateKeyDer::from_pem_file(&shown.key).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_suite_in_common_is_the_servers_fault() {
    let relay = Relay::start().await;
    let mut other = provider();
    other.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256];
    relay.peer.shakes_hands(server(&relay, other, &[&TLS13], None));
    let report = walk(&relay).await;
    let failure = report.first_failure().unwrap();
    assert_eq!((failure.step, failure.reason().unwrap().code()), (Step::Tls, "peer-tls"), "{report:#?}");
    assert_eq!(failure.fault.unwrap().who(), Party::They);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_ask_for_our_certificate_is_warned_of() {
    let relay = Relay::start().await;
    relay.peer.shakes_hands(server(&relay, provider(), BOTH, None));
    let report = walk(&relay).await;
    assert_eq!(report.first_failure(), None, "{report:#?}");
    assert_eq!(report.first_warning().unwrap().step, Step::CertificateAsked);
    // It cannot tell us from a stranger.
    assert_eq!(finding(&report, Step::NoCertificate).outcome, Outcome::Warning);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_our_certificate_within_tls_is_told_in_both_versions() {
    for (versions, step) in [(BOTH, Step::Mail), (&[&TLS12], Step::Tls)] {
        let relay = Relay::start().await;
        let stranger = relay.authority.self_signed("stranger.test");
        relay.peer.shakes_hands(server(&relay, provider(), versions, Some(verifier(&stranger, true))));
        let report = walk(&relay).await;
        let failure = report.first_failure().unwrap();
        assert_eq!((failure.step, failure.reason().unwrap().code()), (step, "peer-tls"), "{report:#?}");
        assert_eq!(failure.fault.unwrap().who(), Party::We, "{report:#?}");
        assert!(failure.detail.contains("UnknownCA"), "{report:#?}");
        if step == Step::Mail {
            let asked = finding(&report, Step::CertificateAsked);
            assert_eq!(asked.outcome, Outcome::Warning);
            assert_eq!(asked.detail, "asked for, of CN=stranger.test,O=Test,C=FR only");
        }
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_needs_our_chain_is_warned_of_where_we_leave_it_out() {
    let relay = Relay::start().await;
    relay.peer.act(as_it_should);
    relay.peer.shakes_hands(server(&relay, provider(), BOTH, Some(verifier(&relay.root(), false))));
    let report = walk(&relay).await;
    assert_eq!(report.first_failure(), None, "{report:#?}");
    for (step, outcome) in [
        (Step::CertificateAsked, Outcome::Ok),
        (Step::ChainTls13, Outcome::Ok),
        (Step::AloneTls13, Outcome::Warning),
        (Step::ChainTls12, Outcome::Ok),
        (Step::AloneTls12, Outcome::Warning),
        (Step::NoCertificate, Outcome::Ok),
    ] {
        assert_eq!(finding(&report, step).outcome, outcome, "{step:?}: {report:#?}");
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_1_2_must_be_offered_and_tls_1_3_need_not() {
    let relay = Relay::start().await;
    relay.peer.act(as_it_should);
    relay.peer.shakes_hands(server(&relay, provider(), &[&TLS13], Some(verifier(&relay.root(), false))));
    let report = walk(&relay).await;
    assert_eq!(finding(&report, Step::ChainTls12).outcome, Outcome::Warning, "{report:#?}");
    assert_eq!(report.first_failure(), None);

    relay.peer.shakes_hands(server(&relay, provider(), &[&TLS12], Some(verifier(&relay.root(), false))));
    let report = walk(&relay).await;
    assert_eq!(finding(&report, Step::ChainTls13).outcome, Outcome::Skipped, "{report:#?}");
    assert_eq!(finding(&report, Step::ChainTls12).outcome, Outcome::Ok, "{report:#?}");
    assert!(finding(&report, Step::Tls).detail.starts_with("TLSv1.2"));
    relay.stop().await;
}
