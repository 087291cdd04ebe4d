//! [`Introspection`]: the issuer is asked about a token (RFC 7662): whether it still counts, and of one that is no JWT what
//! it says. An option: without it tokens are judged by their signature alone.
//!
//! An answer is remembered for [`REMEMBERED`] at most, and never beyond the token's own end. Anyone may show a token, so
//! the issuer is asked by [`ASKED_AT_ONCE`] sign-ins at a time, and what is remembered is bounded.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use pli_net::{FetchLimits, HttpAnswer, HttpClient, HttpFault, HttpRequest};
use pli_types::{Clock, Secret};
use serde::Deserialize;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::claims::Claims;
use crate::fault::TokenFault;

/// A token that was withdrawn counts for so long at most.
pub const REMEMBERED: SignedDuration = SignedDuration::from_secs(60);

/// Questions under way.
pub const ASKED_AT_ONCE: usize = 8;

/// Answers remembered. When there are more, all that are over go, or else all.
const ANSWERS_MAX: usize = 10_000;

const LIMITS: FetchLimits = FetchLimits { bytes: 64 * 1024, total: Duration::from_secs(5) };

/// Whom to ask.
#[async_trait]
pub trait IntrospectionSource: Send + Sync {
    /// What the issuer answers about this token (RFC 7662 §2.2).
    async fn ask(&self, token: &Secret<String>) -> Result<HttpAnswer, HttpFault>;
}

/// Over HTTPS, as a client with a password (RFC 7662 §2.1, RFC 6749 §2.3.1).
pub(crate) struct Endpoint {
    client: HttpClient,
    url: String,
    /// The value of `Authorization`.
    authorization: Secret<String>,
}

impl Endpoint {
    pub(crate) fn new(client: HttpClient, url: &str, id: &str, secret: &Secret<String>) -> Self {
        let pair = Zeroizing::new(format!("{}:{}", *form_encoded(id), *form_encoded(secret.reveal())));
        let authorization = Secret::new(format!("Basic {}", STANDARD.encode(&*pair)));
        Self { client, url: url.to_owned(), authorization }
    }
}

#[async_trait]
impl IntrospectionSource for Endpoint {
    async fn ask(&self, token: &Secret<String>) -> Result<HttpAnswer, HttpFault> {
        let body = Zeroizing::new(format!("token={}&token_type_hint=access_token", *form_encoded(token.reveal())));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        let request = HttpRequest {
            method: "POST",
            url: &self.url,
            headers: &headers,
            secret: Some(("authorization", &self.authorization)),
            body: Some(body.as_bytes()),
        };
        self.client.exchange(&request, &LIMITS).await
    }
}

/// `application/x-www-form-urlencoded`.
fn form_encoded(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(half.into(), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}

/// Asks, and remembers for a moment.
pub struct Introspection {
    source: Arc<dyn IntrospectionSource>,
    clock: Arc<dyn Clock>,
    turns: Semaphore,
    answers: Mutex<HashMap<[u8; 32], Answer>>,
}

#[derive(Clone)]
struct Answer {
    /// What an active token says.
    claims: Option<Claims>,
    /// Until when this is believed.
    until: Timestamp,
}

impl Introspection {
    /// Asks nothing yet.
    pub(crate) fn new(source: Arc<dyn IntrospectionSource>, clock: Arc<dyn Clock>) -> Self {
        Self { source, clock, turns: Semaphore::new(ASKED_AT_ONCE), answers: Mutex::default() }
    }

    /// What the issuer says of this token, if it still counts.
    pub(crate) async fn claims(&self, token: &Secret<String>) -> Result<Claims, TokenFault> {
        let key: [u8; 32] =
            digest(&SHA256, token.reveal().as_bytes()).as_ref().try_into().map_err(|_| TokenFault::Malformed)?;
        let answer = match self.remembered(&key) {
            Some(answer) => answer,
            None => self.ask(key, token).await?,
        };
        answer.claims.ok_or(TokenFault::Inactive)
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<Answer> {
        let now = self.clock.now();
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(key)?;
        // A clock that was set back makes nothing last longer.
        let is_fresh = now < answer.until && answer.until.duration_since(now) <= REMEMBERED;
        is_fresh.then(|| answer.clone())
    }

    async fn ask(&self, key: [u8; 32], token: &Secret<String>) -> Result<Answer, TokenFault> {
        let _turn = self.turns.acquire().await.map_err(|_| TokenFault::IntrospectionUnavailable)?;
        // Someone may have asked the same while we waited.
        if let Some(answer) = self.remembered(&key) {
            return Ok(answer);
        }
        let claims = match self.source.ask(token).await {
            Ok(HttpAnswer { status: 200, body, .. }) => read(&Zeroizing::new(body))?,
            Ok(HttpAnswer { status, body, .. }) => {
                tracing::warn!(status, "{}", refused(status, &body));
                return Err(TokenFault::IntrospectionUnavailable);
            }
            Err(fault) => {
                tracing::warn!(%fault, "the issuer of tokens could not be asked about one");
                return Err(TokenFault::IntrospectionUnavailable);
            }
        };
        let now = self.clock.now();
        let longest = now.checked_add(REMEMBERED).unwrap_or(now);
        let end = claims.as_ref().and_then(|claims| claims.exp).and_then(|end| Timestamp::from_second(end).ok());
        let answer = Answer { claims, until: end.map_or(longest, |end| end.min(longest)) };
        self.remember(key, answer.clone(), now);
        Ok(answer)
    }

    fn remember(&self, key: [u8; 32], answer: Answer, now: Timestamp) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= ANSWERS_MAX {
            answers.retain(|_, answer| now < answer.until);
        }
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        answers.insert(key, answer);
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").finish_non_exhaustive()
    }
}

/// Why the issuer answers no question, in words for who runs us.
fn refused(status: u16, body: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    match (status, refusal.as_ref().map(|refusal| refusal.error.as_str())) {
        // RFC 7662 §2.3, RFC 6749 §5.2. Some say 400 to a client that they do not know.
        (401 | 403, _) | (_, Some("invalid_client" | "unauthorized_client")) => {
            "the issuer of tokens does not know us, or lets us ask nothing: look at client_id and client_secret of \
             [signin.psc.introspection]"
        }
        // RFC 7009 §2.2.1. Some issuers answer about their opaque tokens only.
        (_, Some("unsupported_token_type")) => {
            "the issuer answers no questions about tokens of this kind: without [signin.psc.introspection] its signed \
             ones are taken"
        }
        _ => "the issuer of tokens does not answer questions about them",
    }
}

/// `None` of a token that is not active. What the issuer vouches for is an access token if it says nothing else of it.
fn read(body: &[u8]) -> Result<Option<Claims>, TokenFault> {
    #[derive(Deserialize)]
    struct State {
        active: bool,
        token_type: Option<String>,
        client_id: Option<String>,
    }
    let unreadable = |_| {
        tracing::warn!("what the issuer of tokens answers about one is no introspection response (RFC 7662 §2.2)");
        TokenFault::IntrospectionUnavailable
    };
    let state: State = serde_json::from_slice(body).map_err(unreadable)?;
    if !state.active {
        return Ok(None);
    }
    let mut claims: Claims = serde_json::from_slice(body).map_err(unreadable)?;
    claims.header_type = Some("at+jwt".to_owned());
    claims.typ = claims.typ.or(state.token_type);
    claims.azp = claims.azp.or(state.client_id);
    Ok(Some(claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_encoded_as_forms_are() {
        assert_eq!(*form_encoded("a-Z0._~"), "a-Z0._~");
        assert_eq!(*form_encoded("a b:c/é+"), "a%20b%3Ac%2F%C3%A9%2B");
    }

    #[test]
    fn whose_fault_it_is_that_nothing_is_answered_is_told() {
        for (status, body, told) in [
            (401, "", "does not know us"),
            (403, r#"{"error":"access_denied"}"#, "does not know us"),
            (400, r#"{"error":"invalid_client"}"#, "does not know us"),
            (400, r#"{"error":"unsupported_token_type"}"#, "tokens of this kind"),
            (400, r#"{"error":"invalid_request"}"#, "does not answer"),
            (503, "<html>", "does not answer"),
        ] {
            assert!(refused(status, body.as_bytes()).contains(told), "{status} {body}");
        }
    }

    #[test]
    fn an_answer_that_is_none_is_no_answer() {
        for body in ["", "{}", "[]", r#"{"active":"yes"}"#, r#"{"active":true,"exp":"soon"}"#] {
            assert_eq!(read(body.as_bytes()).err(), Some(TokenFault::IntrospectionUnavailable), "{body}");
        }
        assert!(read(br#"{"active":false,"exp":1}"#).unwrap().is_none());
        let claims = read(br#"{"active":true,"token_type":"Bearer","client_id":"lps"}"#).unwrap().unwrap();
        assert_eq!((claims.typ.as_deref(), claims.azp.as_deref()), (Some("Bearer"), Some("lps")));
    }
}
