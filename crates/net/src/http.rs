//! [`HttpClient`]: fetches one document from one address, within limits.

mod exchange;
mod fault;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pli_types::{Clock, SystemClock};
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use self::exchange::{HttpAnswer, HttpRequest};
pub use self::fault::HttpFault;
use crate::error::NetError;
use crate::tls::provider::{VERSIONS, provider};
use crate::tls::trusting::{Anchors, TimeOf};

/// How long a connection may take to stand, TLS included. The whole of a fetch has a limit of its own.
const CONNECT: Duration = Duration::from_secs(10);
/// A validator longer than this is not worth keeping.
const VALIDATOR_BYTES_MAX: usize = 1024;

/// Fetches documents over HTTP/1.1. Asks for no proxy, whatever the environment says, and follows no redirect: an
/// address stands in a configuration or in a certificate, and the document is there or it is not. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
    scheme: &'static str,
}

/// What one fetch may cost.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Bytes of the body. One more, and the fetch is broken off.
    pub bytes: u64,
    /// From the first packet to the last byte.
    pub total: Duration,
}

/// What a server said about the version of a document that it gave (RFC 9110 §8.8), to be shown to it next time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// A good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The document is still the one that the validators were of (304).
    NotModified,
    /// The document.
    Body {
        /// All of it.
        bytes: Vec<u8>,
        /// Of this version.
        validators: Validators,
    },
}

impl HttpClient {
    /// For `https` addresses only; the server's certificate must chain to one of the authorities in this PEM file and
    /// carry the address's name. No other authority is believed, whatever the system's store holds.
    pub fn trusting(anchors: &Path) -> Result<Self, NetError> {
        Self::trusting_at(anchors, Arc::new(SystemClock))
    }

    /// The same, with the dates of the server's chain held against this clock.
    pub fn trusting_at(anchors: &Path, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        Self::believing(&Anchors::File(anchors.to_owned()), clock)
    }

    /// The same, by these anchors.
    pub fn believing(anchors: &Anchors, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        let builder = builder(anchors.roots()?, clock).map_err(|error| NetError::Handshake(error.to_string()))?;
        let client = builder.https_only(true).build();
        let client = client.map_err(|error| NetError::Handshake(fault::words(&error)))?;
        Ok(Self { client, scheme: "https://" })
    }

    /// For `http` addresses only: what comes is proven by its own signature (revocation lists), or not at all.
    pub fn plain() -> Result<Self, NetError> {
        // No authority at all: nothing would be believed over TLS, should it ever come to that.
        let builder = builder(RootCertStore::empty(), Arc::new(SystemClock));
        let client = builder.map_err(|error| NetError::Handshake(error.to_string()))?.build();
        let client = client.map_err(|error| NetError::Handshake(fault::words(&error)))?;
        Ok(Self { client, scheme: "http://" })
    }

    /// Fetches a document, unless it is still the one that `validators` are of. Whatever the server does, this ends
    /// within `limits.total` and holds no more than `limits.bytes`.
    pub async fn get(&self, url: &str, validators: &Validators, limits: &FetchLimits) -> Result<Fetched, HttpFault> {
        self.check_scheme(url)?;
        match timeout(limits.total, self.fetch(url, validators, limits.bytes)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpFault::TooSlow),
        }
    }

    fn check_scheme(&self, url: &str) -> Result<(), HttpFault> {
        let scheme = url.get(..self.scheme.len()).unwrap_or_default();
        if scheme.eq_ignore_ascii_case(self.scheme) {
            return Ok(());
        }
        Err(HttpFault::Unreachable(format!("this is no {} address", self.scheme.trim_end_matches("://"))))
    }

    async fn fetch(&self, url: &str, validators: &Validators, bytes_max: u64) -> Result<Fetched, HttpFault> {
        let request = self.client.get(url).headers(conditions(validators));
        let answer = request.send().await.map_err(|error| HttpFault::of(&error))?;
        match answer.status() {
            StatusCode::OK => {
                let validators = validators_of(answer.headers());
                Ok(Fetched::Body { bytes: body(answer, bytes_max).await?, validators })
            }
            StatusCode::NOT_MODIFIED if *validators != Validators::default() => Ok(Fetched::NotModified),
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                Err(HttpFault::Answer(format!("{status}: redirects are not followed; correct the address")))
            }
            status => Err(HttpFault::Answer(status.to_string())),
        }
    }
}

/// What both clients have in common.
fn builder(roots: RootCertStore, clock: Arc<dyn Clock>) -> Result<ClientBuilder, rustls::Error> {
    let mut tls = ClientConfig::builder_with_details(provider(), Arc::new(TimeOf(clock)))
        .with_protocol_versions(VERSIONS)?
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth();
    tls.resumption = Resumption::disabled();
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(CONNECT)
        // An hour passes between two fetches: a connection kept open is one that has died meanwhile.
        .pool_max_idle_per_host(0)
        .user_agent(concat!("pli/", env!("CARGO_PKG_VERSION"))))
}

/// The body, never more than `bytes_max` of it.
async fn body(mut answer: Response, bytes_max: u64) -> Result<Vec<u8>, HttpFault> {
    let announced = answer.content_length();
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(HttpFault::TooLarge { limit: bytes_max, size: announced });
    }
    let mut bytes = Vec::new();
    loop {
        let chunk = answer.chunk().await.map_err(|error| HttpFault::of_body(&error, bytes.len(), announced))?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        let length = bytes.len().saturating_add(chunk.len());
        if u64::try_from(length).unwrap_or(u64::MAX) > bytes_max {
            return Err(HttpFault::TooLarge { limit: bytes_max, size: announced });
        }
        bytes.extend_from_slice(&chunk);
    }
}

fn conditions(validators: &Validators) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [(IF_NONE_MATCH, &validators.etag), (IF_MODIFIED_SINCE, &validators.last_modified)] {
        // Out of a file of ours, which somebody may have edited: what cannot be a header is not sent.
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

fn validators_of(headers: &HeaderMap) -> Validators {
    let text = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= VALIDATOR_BYTES_MAX).then(|| value.to_owned())
    };
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
}
