//! [`HttpClient::exchange`]: one request with headers and a body, and whatever comes back, within limits.

use std::time::Duration;

use pli_types::Secret;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use tokio::time::timeout;

use super::{FetchLimits, HttpClient, HttpFault, body};

/// No server is waited for longer than a day because it says so.
const RETRY_AFTER_MAX: u64 = 24 * 60 * 60;

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'r> {
    /// `GET`, `POST`, `PATCH` and so on.
    pub method: &'r str,
    /// Where.
    pub url: &'r str,
    /// Names and values.
    pub headers: &'r [(&'r str, &'r str)],
    /// A header whose value is a secret: no trace of it is left anywhere.
    pub secret: Option<(&'r str, &'r Secret<String>)>,
    /// What is sent along.
    pub body: Option<&'r [u8]>,
}

/// An answer, good or bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status (RFC 9110 §15).
    pub status: u16,
    /// When to come again, if the server says so in seconds (`Retry-After`); at most a day.
    pub retry_after: Option<Duration>,
    /// All that came.
    pub body: Vec<u8>,
}

impl HttpClient {
    /// Sends a request and takes the answer, whatever its status. Redirects are not followed; whatever the server does,
    /// this ends within `limits.total` and holds no more than `limits.bytes`. A fault in the middle leaves open whether
    /// the server did what was asked.
    pub async fn exchange(&self, request: &HttpRequest<'_>, limits: &FetchLimits) -> Result<HttpAnswer, HttpFault> {
        self.check_scheme(request.url)?;
        match timeout(limits.total, self.send(request, limits.bytes)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpFault::TooSlow),
        }
    }

    async fn send(&self, request: &HttpRequest<'_>, bytes_max: u64) -> Result<HttpAnswer, HttpFault> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| unfit("method"))?;
        let mut building = self.client.request(method, request.url);
        for (name, value) in request.headers {
            building = building.header(header_name(name)?, header_value(value)?);
        }
        if let Some((name, secret)) = request.secret {
            let mut value = header_value(secret.reveal())?;
            value.set_sensitive(true);
            building = building.header(header_name(name)?, value);
        }
        if let Some(bytes) = request.body {
            building = building.body(bytes.to_vec());
        }
        let answer = building.send().await.map_err(|error| HttpFault::of(&error))?;
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(HttpAnswer {
            status: answer.status().as_u16(),
            retry_after: after.map(|seconds: u64| Duration::from_secs(seconds.min(RETRY_AFTER_MAX))),
            body: body(answer, bytes_max).await?,
        })
    }
}

fn header_name(name: &str) -> Result<HeaderName, HttpFault> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit("header"))
}

/// Nothing of it is repeated: it may be the secret.
fn header_value(value: &str) -> Result<HeaderValue, HttpFault> {
    HeaderValue::from_str(value).map_err(|_| unfit("header's value"))
}

fn unfit(what: &str) -> HttpFault {
    HttpFault::Unreachable(format!("nothing was sent: the request has a {what} that HTTP does not allow"))
}
