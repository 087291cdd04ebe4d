//! Whose token opens a mailbox, and whose does not (scenario 32). One test is one attack, or one promise about keys.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::Algorithm;
use pli_signin::{TokenFault, TokenSignIn};
use pli_types::{Clock as _, DistinguishedName, ManualClock, PresentedCertificate, Secret};
use serde_json::{Value, json};

use support::{Documents, RPPS, SigningKey, claims, config, forged};

struct Stage {
    key: SigningKey,
    documents: Arc<Documents>,
    clock: Arc<ManualClock>,
    door: TokenSignIn,
}

impl Stage {
    fn new() -> Self {
        let key = SigningKey::p256("key-1");
        let documents = Documents::with(&[&key]);
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let door = TokenSignIn::with_source(&config(), documents.clone(), clock.clone());
        Self { key, documents, clock, door }
    }

    fn claims(&self) -> Value {
        claims(self.clock.now().as_second())
    }

    async fn show(&self, token: &str) -> Result<String, TokenFault> {
        self.show_with(token, None).await
    }

    async fn show_with(&self, token: &str, certificate: Option<&PresentedCertificate>) -> Result<String, TokenFault> {
        let holder = self.door.judge(&Secret::new(token.to_owned()), certificate).await?;
        Ok(holder.rpps.to_string())
    }

    /// An honest token, but for one claim.
    async fn show_changed(&self, claim: &str, value: Value) -> Result<String, TokenFault> {
        let mut claims = self.claims();
        claims[claim] = value;
        self.show(&self.key.sign(&claims)).await
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

fn certificate(leaf: &[u8]) -> PresentedCertificate {
    let name = DistinguishedName::parse("CN=lps").unwrap();
    PresentedCertificate {
        leaf: leaf.to_vec(),
        chain: Vec::new(),
        subject: name.clone(),
        issuer: name,
        serial: "01".to_owned(),
        not_before: Timestamp::MIN,
        not_after: Timestamp::MAX,
    }
}

#[tokio::test]
async fn an_honest_token_names_its_holder() {
    let stage = Stage::new();
    assert_eq!(stage.show(&stage.key.sign(&stage.claims())).await, Ok(RPPS.to_owned()));
}

#[tokio::test]
async fn each_algorithm_of_the_list_is_taken() {
    let stage = Stage::new();
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        let key = SigningKey::rsa("rsa", algorithm);
        stage.documents.publish(&[&stage.key, &key]);
        stage.pass(3_600);
        assert_eq!(stage.show(&key.sign(&stage.claims())).await, Ok(RPPS.to_owned()), "{algorithm:?}");
    }
}

#[tokio::test]
async fn an_expired_token_opens_nothing() {
    let stage = Stage::new();
    let token = stage.key.sign(&stage.claims());
    stage.pass(240 + 30);
    assert_eq!(stage.show(&token).await, Err(TokenFault::Expired));
}

#[tokio::test]
async fn a_token_of_tomorrow_opens_nothing_today() {
    let stage = Stage::new();
    let tomorrow = stage.clock.now().as_second() + 86_400;
    assert_eq!(stage.show_changed("nbf", json!(tomorrow)).await, Err(TokenFault::NotYetValid));
}

#[tokio::test]
async fn a_token_of_another_issuer_opens_nothing() {
    let stage = Stage::new();
    assert_eq!(stage.show_changed("iss", json!("https://other.test")).await, Err(TokenFault::Issuer));
}

#[tokio::test]
async fn a_token_for_another_server_opens_nothing() {
    let stage = Stage::new();
    assert_eq!(stage.show_changed("aud", json!("another-operator")).await, Err(TokenFault::Audience));
    assert_eq!(stage.show_changed("azp", json!("another-program")).await, Err(TokenFault::Party));
}

#[tokio::test]
async fn a_signature_by_another_key_opens_nothing() {
    let stage = Stage::new();
    // It claims the issuer's key's name.
    let thief = SigningKey::p256("key-1");
    assert_eq!(stage.show(&thief.sign(&stage.claims())).await, Err(TokenFault::Signature));
    let token = stage.key.sign(&stage.claims());
    let other = stage.key.sign(&json!({"typ": "Bearer"}));
    let grafted = format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    assert_eq!(stage.show(&grafted).await, Err(TokenFault::Signature));
}

#[tokio::test]
async fn an_unsigned_token_opens_nothing() {
    let stage = Stage::new();
    for name in ["none", "None", "NONE", "", "es256"] {
        let token = forged(&json!({"alg": name, "typ": "JWT", "kid": "key-1"}), &stage.claims(), |_| Vec::new());
        assert_eq!(stage.show(&token).await, Err(TokenFault::Algorithm), "{name}");
    }
    let token = forged(&json!({"alg": "ES256", "typ": "JWT", "kid": "key-1"}), &stage.claims(), |_| Vec::new());
    assert_eq!(stage.show(&token).await, Err(TokenFault::Signature));
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let stage = Stage::new();
    let public = stage.key.public();
    for secret in [public.to_string(), public["x"].as_str().unwrap().to_owned()] {
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": "key-1"});
        let token = forged(&header, &stage.claims(), |signed| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        });
        assert_eq!(stage.show(&token).await, Err(TokenFault::Algorithm));
    }
}

#[tokio::test]
async fn a_key_of_another_kind_than_the_algorithm_is_not_tried() {
    let stage = Stage::new();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"});
    assert_eq!(stage.show(&forged(&header, &stage.claims(), |_| vec![0; 256])).await, Err(TokenFault::KeyUnknown));
}

#[tokio::test]
async fn a_key_in_the_token_itself_is_not_looked_at() {
    let stage = Stage::new();
    let thief = SigningKey::p256("thief");
    let mut header = jsonwebtoken::Header::new(Algorithm::ES256);
    header.jwk = Some(serde_json::from_value(thief.public()).unwrap());
    let token = jsonwebtoken::encode(&header, &stage.claims(), &thief.private).unwrap();
    assert_eq!(stage.show(&token).await, Err(TokenFault::Signature), "without a name, the issuer's one key is meant");
}

#[tokio::test]
async fn another_professionals_token_names_the_other() {
    let stage = Stage::new();
    let other = stage.show_changed("SubjectNameID", json!("810002345670")).await;
    assert_eq!(other, Ok("10002345670".to_owned()), "so it opens his mailbox and no other");
}

#[tokio::test]
async fn a_bound_token_without_its_certificate_opens_nothing() {
    let stage = Stage::new();
    let (own, stolen) = (certificate(b"own"), certificate(b"thief's"));
    let mut claims = stage.claims();
    claims["cnf"] = json!({"x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, &own.leaf))});
    let token = stage.key.sign(&claims);
    assert_eq!(stage.show_with(&token, Some(&own)).await, Ok(RPPS.to_owned()));
    assert_eq!(stage.show_with(&token, Some(&stolen)).await, Err(TokenFault::Binding));
    assert_eq!(stage.show_with(&token, None).await, Err(TokenFault::Binding));
}

#[tokio::test]
async fn an_id_token_opens_nothing() {
    let stage = Stage::new();
    assert_eq!(stage.show_changed("typ", json!("ID")).await, Err(TokenFault::Type));
    let token = stage.key.sign_typed(&stage.claims(), Some("logout+jwt"));
    assert_eq!(stage.show(&token).await, Err(TokenFault::Type));
}

#[tokio::test]
async fn what_is_no_token_is_told_from_what_is_forged() {
    let stage = Stage::new();
    let critical = forged(&json!({"alg": "ES256", "crit": ["b64"]}), &stage.claims(), |_| Vec::new());
    for text in ["", "a", "a.b", "a.b.c", "a.b.c.d", "....", &"x".repeat(20_000), &critical] {
        assert_eq!(stage.show(text).await, Err(TokenFault::Malformed));
    }
    assert_eq!(stage.documents.fetches(), 0, "the issuer is not asked for it");
}

#[tokio::test]
async fn a_new_key_is_fetched_once_for_all_who_wait() {
    let stage = Stage::new();
    stage.show(&stage.key.sign(&stage.claims())).await.unwrap();
    assert_eq!(stage.documents.fetches(), 1);
    let rotated = SigningKey::p256("key-2");
    stage.documents.publish(&[&rotated]);
    stage.pass(30);
    let token = rotated.sign(&stage.claims());
    let shown = tokio::join!(stage.show(&token), stage.show(&token), stage.show(&token), stage.show(&token));
    let good = Ok(RPPS.to_owned());
    assert_eq!(shown, (good.clone(), good.clone(), good.clone(), good));
    assert_eq!(stage.documents.fetches(), 2);
    let withdrawn = stage.key.sign(&stage.claims());
    assert_eq!(stage.show(&withdrawn).await, Err(TokenFault::KeyUnknown), "the old key is no longer believed");
}

#[tokio::test]
async fn made_up_keys_make_nobody_ask_the_issuer_more_often() {
    let stage = Stage::new();
    for number in 0..50 {
        let made_up = SigningKey::p256(&format!("made-up-{number}"));
        assert_eq!(stage.show(&made_up.sign(&stage.claims())).await, Err(TokenFault::KeyUnknown));
        stage.pass(1);
    }
    assert_eq!(stage.documents.fetches(), 2, "at 0 s and at 30 s");
}

#[tokio::test]
async fn the_last_keys_serve_for_a_day_while_the_issuer_is_down() {
    let stage = Stage::new();
    stage.show(&stage.key.sign(&stage.claims())).await.unwrap();
    stage.documents.is_down.store(true, Ordering::SeqCst);
    stage.pass(23 * 3_600);
    assert_eq!(stage.show(&stage.key.sign(&stage.claims())).await, Ok(RPPS.to_owned()));
    stage.pass(3_600);
    let fault = stage.show(&stage.key.sign(&stage.claims())).await.unwrap_err();
    assert_eq!(fault, TokenFault::KeysUnavailable);
    assert!(fault.is_temporary());
    stage.documents.is_down.store(false, Ordering::SeqCst);
    stage.pass(30);
    assert_eq!(stage.show(&stage.key.sign(&stage.claims())).await, Ok(RPPS.to_owned()));
}

#[tokio::test]
async fn a_withdrawn_key_is_noticed_within_an_hour() {
    let stage = Stage::new();
    stage.show(&stage.key.sign(&stage.claims())).await.unwrap();
    stage.documents.publish(&[&SigningKey::p256("key-2")]);
    stage.pass(3_600);
    assert_eq!(stage.show(&stage.key.sign(&stage.claims())).await, Err(TokenFault::KeyUnknown));
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_gives_no_keys() {
    let stage = Stage::new();
    *stage.documents.issuer.lock().unwrap() = Some("https://other.test".to_owned());
    assert_eq!(stage.show(&stage.key.sign(&stage.claims())).await, Err(TokenFault::KeysUnavailable));
}

#[tokio::test]
async fn keys_of_other_kinds_do_not_spoil_the_set() {
    let stage = Stage::new();
    let mut encryption = SigningKey::p256("key-enc").public();
    encryption["use"] = json!("enc");
    let strange = json!({"kty": "lattice", "kid": "key-1", "alg": "ML-DSA-65", "pub": "AA"});
    let symmetric = json!({"kty": "oct", "kid": "key-1", "k": "c2VjcmV0"});
    stage.documents.keys.lock().unwrap().splice(0..0, [encryption, strange, symmetric]);
    assert_eq!(stage.show(&stage.key.sign(&stage.claims())).await, Ok(RPPS.to_owned()));
}
