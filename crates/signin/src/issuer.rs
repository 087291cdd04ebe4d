//! [`Issuer`]: its keys, fetched when they are needed and kept.
//!
//! Keys are asked for by tokens, and anyone may show a token: however many come with names of keys that there are not,
//! the issuer is asked once in [`FETCH_EVERY`], by one sign-in, while the others wait for what it brings.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pli_net::{FetchLimits, Fetched, HttpClient, HttpFault, NetError, Validators};
use pli_types::Clock;
use serde::Deserialize;
use tokio::sync::{Mutex, RwLock};

use crate::fault::TokenFault;
use crate::keys::{Key, KeySet};
use crate::token::Token;

/// The issuer is not asked more often, whatever tokens say.
pub const FETCH_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// Keys older than this are fetched anew, so that one that was withdrawn is noticed.
pub const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// For so long the last keys serve while the issuer cannot be reached.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);

const LIMITS: FetchLimits = FetchLimits { bytes: 256 * 1024, total: Duration::from_secs(5) };

/// Where documents come from.
#[async_trait]
pub trait DocumentSource: Send + Sync {
    /// The document at this address.
    async fn get(&self, url: &str) -> Result<Vec<u8>, HttpFault>;
}

/// From servers whose certificates chain to the authorities in this file, and no others.
pub(crate) fn https(anchors: &Path, clock: Arc<dyn Clock>) -> Result<impl DocumentSource + 'static, NetError> {
    HttpClient::trusting_at(anchors, clock)
}

#[async_trait]
impl DocumentSource for HttpClient {
    async fn get(&self, url: &str) -> Result<Vec<u8>, HttpFault> {
        match HttpClient::get(self, url, &Validators::default(), &LIMITS).await? {
            Fetched::Body { bytes, .. } => Ok(bytes),
            // Nothing was shown that could be unchanged.
            Fetched::NotModified => Err(HttpFault::Answer("304 to an unconditional request".to_owned())),
        }
    }
}

/// An `OpenID` Connect issuer.
pub struct Issuer {
    name: String,
    discovery_url: String,
    source: Arc<dyn DocumentSource>,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<Known>>,
    /// When the issuer was last asked. Held while it is being asked: one asks at a time.
    asked_at: Mutex<Option<Timestamp>>,
}

/// Keys, and since when they are known.
#[derive(Clone)]
struct Known {
    keys: Arc<KeySet>,
    since: Timestamp,
}

/// Why new keys could not be had.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0} could not be fetched")]
    Document(String, #[source] HttpFault),
    #[error("{0} is no discovery document (OpenID Connect Discovery 1.0 §3)")]
    Discovery(String),
    #[error("the discovery document is of another issuer than the configured one")]
    OtherIssuer,
    #[error("{0} holds no key that could be used")]
    Keys(String),
}

impl Issuer {
    /// Asks nothing yet.
    pub(crate) fn new(name: &str, discovery_url: &str, source: Arc<dyn DocumentSource>, clock: Arc<dyn Clock>) -> Self {
        let (name, discovery_url) = (name.to_owned(), discovery_url.to_owned());
        Self { name, discovery_url, source, clock, known: RwLock::default(), asked_at: Mutex::default() }
    }

    /// The key that a token says it is signed with.
    pub(crate) async fn key(&self, token: &Token<'_>) -> Result<Key, TokenFault> {
        let known = self.known().await;
        if let Some(key) = known.as_ref().and_then(|known| known.keys.find(token)) {
            if known.as_ref().is_some_and(|known| !self.has_passed(known.since, FRESH)) {
                return Ok(key.clone());
            }
            // Old, but it serves: only one looks for news, nobody waits for him.
            if let Ok(asked_at) = self.asked_at.try_lock() {
                self.ask(asked_at).await;
            }
        } else {
            self.ask(self.asked_at.lock().await).await;
        }
        let known = self.known().await.ok_or(TokenFault::KeysUnavailable)?;
        known.keys.find(token).cloned().ok_or(TokenFault::KeyUnknown)
    }

    /// The last keys, unless they are too old to be believed.
    async fn known(&self) -> Option<Known> {
        self.known.read().await.clone().filter(|known| !self.has_passed(known.since, KEPT))
    }

    /// Asks the issuer, unless that was done a moment ago. Cut short, it has been asked all the same.
    async fn ask(&self, mut asked_at: tokio::sync::MutexGuard<'_, Option<Timestamp>>) {
        let now = self.clock.now();
        if asked_at.is_some_and(|at| !self.has_passed(at, FETCH_EVERY)) {
            return;
        }
        *asked_at = Some(now);
        match self.fetch().await {
            Ok(keys) => *self.known.write().await = Some(Known { keys: Arc::new(keys), since: now }),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(issuer = self.name, %error, cause, "the keys of sign-in's issuer could not be fetched");
            }
        }
    }

    /// Discovery first, every time: it may name another place for the keys than before.
    async fn fetch(&self) -> Result<KeySet, FetchError> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let discovery = self.document(&self.discovery_url).await?;
        let discovery: Discovery =
            serde_json::from_slice(&discovery).map_err(|_| FetchError::Discovery(self.discovery_url.clone()))?;
        // OpenID Connect Discovery 1.0 §4.3.
        if discovery.issuer != self.name {
            return Err(FetchError::OtherIssuer);
        }
        let keys = self.document(&discovery.jwks_uri).await?;
        KeySet::read(&keys).ok_or(FetchError::Keys(discovery.jwks_uri))
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.source.get(url).await.map_err(|fault| FetchError::Document(url.to_owned(), fault))
    }

    /// A clock that was set back makes everything old.
    fn has_passed(&self, since: Timestamp, span: SignedDuration) -> bool {
        let age = self.clock.now().duration_since(since);
        age.is_negative() || age >= span
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("name", &self.name).finish_non_exhaustive()
    }
}
