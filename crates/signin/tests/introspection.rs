//! The issuer asked about tokens (RFC 7662): those that are no JWT, and those that were withdrawn.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pli_net::{HttpAnswer, HttpFault};
use pli_signin::{IntrospectionSource, TokenFault, TokenSignIn};
use pli_types::{Clock as _, ManualClock, Secret};
use serde_json::{Value, json};

use support::{Documents, RPPS, SigningKey, claims, config};

/// An introspection endpoint that says the same of every token, and counts.
struct Endpoint {
    answer: Mutex<Value>,
    is_down: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl IntrospectionSource for Endpoint {
    async fn ask(&self, _: &Secret<String>) -> Result<HttpAnswer, HttpFault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(HttpFault::TooSlow);
        }
        let body = self.answer.lock().unwrap().to_string().into_bytes();
        Ok(HttpAnswer { status: 200, retry_after: None, body })
    }
}

struct Stage {
    key: SigningKey,
    clock: Arc<ManualClock>,
    endpoint: Arc<Endpoint>,
    door: TokenSignIn,
}

impl Stage {
    fn new() -> Self {
        let key = SigningKey::p256("key-1");
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let endpoint = Arc::new(Endpoint {
            answer: Mutex::new(json!({"active": false})),
            is_down: AtomicBool::default(),
            asked: AtomicUsize::default(),
        });
        let door =
            TokenSignIn::with_source(&config(), Documents::with(&[&key]), clock.clone()).asking(endpoint.clone());
        Self { key, clock, endpoint, door }
    }

    /// What an issuer says of an active token, but for one member.
    fn says(&self, member: &str, value: Value) {
        let mut answer = claims(self.clock.now().as_second());
        answer["active"] = json!(true);
        answer[member] = value;
        *self.endpoint.answer.lock().unwrap() = answer;
    }

    async fn show(&self, token: &str) -> Result<String, TokenFault> {
        Ok(self.door.judge(&Secret::new(token.to_owned()), None).await?.rpps.to_string())
    }

    fn asked(&self) -> usize {
        self.endpoint.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_token_that_is_no_jwt_says_what_its_issuer_says_of_it() {
    let stage = Stage::new();
    stage.says("iss", Value::Null);
    assert_eq!(stage.show("opaque").await, Ok(RPPS.to_owned()));
    for (token, member, value, fault) in [
        ("other-issuer", "iss", json!("https://other.test"), TokenFault::Issuer),
        ("other-server", "aud", json!("another-operator"), TokenFault::Audience),
        ("other-program", "azp", json!("another-program"), TokenFault::Party),
        ("weak", "acr", json!("eidas0"), TokenFault::Assurance),
        ("id", "typ", json!("ID"), TokenFault::Type),
        ("bound", "cnf", json!({"x5t#S256": "AAAA"}), TokenFault::Binding),
    ] {
        stage.says(member, value);
        assert_eq!(stage.show(token).await, Err(fault), "{token}");
    }
}

#[tokio::test]
async fn a_token_that_was_withdrawn_opens_nothing_a_minute_later() {
    let stage = Stage::new();
    let token = stage.key.sign(&claims(stage.clock.now().as_second()));
    stage.says("scope", json!("mail"));
    assert_eq!(stage.show(&token).await, Ok(RPPS.to_owned()));
    *stage.endpoint.answer.lock().unwrap() = json!({"active": false});
    assert_eq!(stage.show(&token).await, Ok(RPPS.to_owned()), "remembered");
    assert_eq!(stage.asked(), 1);
    stage.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(stage.show(&token).await, Err(TokenFault::Inactive));
}

#[tokio::test]
async fn an_answer_is_not_remembered_beyond_the_tokens_end() {
    let stage = Stage::new();
    stage.says("exp", json!(stage.clock.now().as_second() + 5));
    assert_eq!(stage.show("opaque").await, Ok(RPPS.to_owned()));
    stage.clock.advance(SignedDuration::from_secs(5));
    *stage.endpoint.answer.lock().unwrap() = json!({"active": false});
    assert_eq!(stage.show("opaque").await, Err(TokenFault::Inactive));
}

#[tokio::test]
async fn the_issuer_is_asked_about_nothing_that_is_refused_anyway() {
    let stage = Stage::new();
    let thief = SigningKey::p256("key-1");
    let token = thief.sign(&claims(stage.clock.now().as_second()));
    assert_eq!(stage.show(&token).await, Err(TokenFault::Signature));
    assert_eq!(stage.show("").await, Err(TokenFault::Malformed));
    assert_eq!(stage.asked(), 0);
}

#[tokio::test]
async fn while_the_issuer_cannot_be_asked_nobody_is_let_in_or_sent_away() {
    let stage = Stage::new();
    stage.endpoint.is_down.store(true, Ordering::SeqCst);
    let token = stage.key.sign(&claims(stage.clock.now().as_second()));
    for shown in ["opaque", &token] {
        let fault = stage.show(shown).await.unwrap_err();
        assert!(fault.is_temporary(), "{fault}");
    }
}
