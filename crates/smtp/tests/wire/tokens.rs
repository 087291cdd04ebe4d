//! Sign-in with tokens, through the driver, real TLS and a real store (scenario 32).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use pli_net::TlsConfig;
use pli_signin::TokenSignIn;
use pli_types::{Clock as _, SystemClock};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::client::Client;
use crate::relay::{BOB, Kind, Relay};
use crate::{LETTER, LONG};

#[path = "../../../signin/tests/support/mod.rs"]
mod support;

use support::{Documents, RPPS, SigningKey};

const DOCTOR: &str = "dr.martin@example.test";

struct Practice {
    relay: Relay,
    key: SigningKey,
}

impl Practice {
    async fn open() -> Self {
        let key = SigningKey::p256("key-1");
        let documents = Documents::with(&[&key]);
        let tokens = TokenSignIn::with_source(&support::config(), documents, Arc::new(SystemClock));
        let relay = Relay::start_taking(Some(tokens), Kind::Submissions, LONG).await;
        relay.professional(DOCTOR, RPPS).await;
        Self { relay, key }
    }

    async fn client(&self, own: &TlsConfig) -> Client {
        let mut client = Client::connect_tls(&self.relay, own).await;
        assert!(client.hear().await.starts_with("220 "));
        let offered = client.ask("EHLO client.test").await;
        assert!(offered.starts_with("250 AUTH PLAIN LOGIN EXTERNAL XOAUTH2 OAUTHBEARER"), "{offered}");
        client
    }

    fn claims() -> Value {
        support::claims(SystemClock.now().as_second())
    }

    /// Shows a token; gives the reply, and the refusal if there is one.
    async fn show(&self, client: &mut Client, name: &str, claims: &Value) -> String {
        let response = format!("user={name}\x01auth=Bearer {}\x01\x01", self.key.sign(claims));
        let reply = client.ask(&format!("AUTH XOAUTH2 {}", BASE64_STANDARD.encode(response))).await;
        if !reply.starts_with("334 ") {
            return reply;
        }
        let told = BASE64_STANDARD.decode(reply.trim_start_matches("334 ").trim_end()).unwrap();
        assert_eq!(String::from_utf8(told).unwrap(), pli_signin::bearer::REFUSAL);
        client.ask("").await
    }
}

#[tokio::test]
async fn a_token_lets_its_holder_write_as_himself() {
    let practice = Practice::open().await;
    let mut client = practice.client(&practice.relay.stranger()).await;
    assert!(practice.show(&mut client, DOCTOR, &Practice::claims()).await.starts_with("235 2.7.0 "));
    assert!(client.ask(&format!("MAIL FROM:<{BOB}>")).await.starts_with("550 5.7.1 [sender-not-owned] "));
    client.begin(DOCTOR, BOB).await;
    let letter = LETTER.replace(crate::ANA, DOCTOR);
    assert!(client.ask(letter.trim_end()).await.starts_with("250 2.0.0 "));
    assert_eq!(practice.relay.inbox().await, 1);
}

#[tokio::test]
async fn a_token_opens_nobody_elses_mailbox() {
    let practice = Practice::open().await;
    let mut client = practice.client(&practice.relay.stranger()).await;
    let mut of_another = Practice::claims();
    of_another["SubjectNameID"] = json!("810002345670");
    for (name, claims) in [(DOCTOR, of_another), (BOB, Practice::claims())] {
        let reply = practice.show(&mut client, name, &claims).await;
        assert!(reply.starts_with("535 5.7.8 [authentication-failed] "), "{reply}");
    }
    let reply = client.ask(&format!("MAIL FROM:<{DOCTOR}>")).await;
    assert!(reply.starts_with("530 5.7.0 [authentication-required] "), "{reply}");
}

/// RFC 8705 §3: the certificate is the one of the handshake, not one that is merely known.
#[tokio::test]
async fn a_bound_token_counts_on_a_connection_with_its_certificate_only() {
    let practice = Practice::open().await;
    let (own, other) = (practice.relay.stranger(), practice.relay.peer());
    let certificate = CertificateDer::from_pem_file(&own.certificate).unwrap();
    let mut claims = Practice::claims();
    claims["cnf"] = json!({"x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate))});
    let mut thief = practice.client(&other).await;
    assert!(practice.show(&mut thief, DOCTOR, &claims).await.starts_with("535 5.7.8 "));
    let mut holder = practice.client(&own).await;
    assert!(practice.show(&mut holder, DOCTOR, &claims).await.starts_with("235 2.7.0 "));
}
