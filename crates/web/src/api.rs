//! What programs bring over HTTPS: [`Api`].
//!
//! | path | what |
//! | --- | --- |
//! | `POST /api/v1/dispensations` | what pharmacies have dispensed, as CSV (`text/csv`) or JSON lines (`application/x-ndjson`) |
//!
//! Who calls shows a certificate in the handshake or a bearer token (RFC 6750) and is known before his body is read. Every
//! answer is JSON with a stable code, and nothing of what was sent stands in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use axum::body::Bytes;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use pli_net::TlsFacts;
use pli_types::Secret;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::routes;
use crate::server::WebContext;

/// The path of what pharmacies have dispensed.
pub(crate) const DISPENSATIONS: &str = "/api/v1/dispensations";

/// The longest body: some hundred thousand lines.
pub const BODY_BYTES_MAX: usize = 4 << 20;
/// How long a body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// Bodies in memory at once. Further callers are asked to come again.
const BODIES_MAX: usize = 4;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Connected {
    /// From where.
    pub remote: SocketAddr,
    /// What the handshake told. A certificate is not judged yet.
    pub tls: Arc<TlsFacts>,
}

/// Who calls, as he shows himself.
#[derive(Debug)]
pub struct Caller {
    /// His end of the connection.
    pub connected: Connected,
    /// The token of `Authorization: Bearer`.
    pub token: Option<Secret<String>>,
}

/// What a caller is let in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Bringing what pharmacies have dispensed.
    Dispensations,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// CSV with a header.
    Csv,
    /// A JSON object a line.
    JsonLines,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nobody may call: as if there were no such path.
    Closed,
    /// Nothing that was shown is of somebody who is known.
    Unknown,
    /// Known, and not let in for this.
    Scope,
    /// Too many calls from this address.
    TooMany,
    /// Four bodies are being read already.
    Busy,
    /// The body has another type than CSV or JSON lines, or is compressed.
    Type,
    /// The body is too long.
    Large,
    /// The body did not come whole, or not in time.
    Broken,
    /// Its first line is not the header.
    Header,
    /// It cannot be kept now.
    Unavailable,
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.told().1
    }

    fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Closed => (StatusCode::NOT_FOUND, "not-found", "ask whoever runs the relay to let programs call it"),
            Self::Unknown => (
                StatusCode::UNAUTHORIZED,
                "caller-unknown",
                "show the certificate or the token that the relay knows you by, and see that it holds",
            ),
            Self::Scope => (StatusCode::FORBIDDEN, "scope-missing", "ask whoever runs the relay for the scope"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "come again in a minute"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "come again in some seconds"),
            Self::Type => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "body-type",
                "send text/csv or application/x-ndjson in UTF-8, not compressed",
            ),
            Self::Large => (StatusCode::PAYLOAD_TOO_LARGE, "body-large", "send it in parts of 4 MiB at most"),
            Self::Broken => (StatusCode::REQUEST_TIMEOUT, "body-broken", "send it whole, within 30 seconds"),
            Self::Header => (
                StatusCode::BAD_REQUEST,
                "header-line",
                "begin with the line ins;finess;date;reimbursed, or send JSON lines",
            ),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "come again in some minutes"),
        }
    }
}

/// What answers programs. Records each call, refused ones too.
#[async_trait]
pub trait Api: Send + Sync {
    /// Who calls, by a name for the record; or why he may not.
    async fn admit(&self, caller: &Caller, scope: Scope) -> Result<String, Refused>;

    /// Keeps what the lines say; what became of them.
    async fn dispensations(
        &self,
        name: &str,
        remote: SocketAddr,
        form: BodyForm,
        body: Bytes,
    ) -> Result<Value, Refused>;

    /// A call of somebody who was let in, and then refused.
    async fn refused(&self, name: &str, remote: SocketAddr, why: Refused);
}

/// The door for programs: who answers, and how many at once.
#[derive(Clone)]
pub struct ApiDoor {
    api: Arc<dyn Api>,
    places: Arc<Semaphore>,
}

impl ApiDoor {
    /// One behind which this answers.
    #[must_use]
    pub fn new(api: Arc<dyn Api>) -> Self {
        Self { api, places: Arc::new(Semaphore::new(BODIES_MAX)) }
    }
}

/// `POST /api/v1/dispensations`.
pub(crate) async fn dispensations(
    State(context): State<WebContext>,
    Extension(connected): Extension<Connected>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(door) = &context.api else { return routes::not_found() };
    let caller = Caller { connected, token: token(&headers) };
    let name = match door.api.admit(&caller, Scope::Dispensations).await {
        Ok(name) => name,
        Err(why) => return refusal(why),
    };
    let remote = caller.connected.remote;
    let brought = async {
        let form = form(&headers)?;
        let _place = door.places.try_acquire().map_err(|_| Refused::Busy)?;
        let body = read(&headers, body).await?;
        door.api.dispensations(&name, remote, form, body).await
    };
    match brought.await {
        Ok(told) => routes::json_reply(StatusCode::OK, &told),
        Err(why) => {
            door.api.refused(&name, remote, why).await;
            refusal(why)
        }
    }
}

fn refusal(why: Refused) -> Response {
    if why == Refused::Closed {
        return routes::not_found();
    }
    let (status, code, next) = why.told();
    let body = json!({"schema_version": routes::SCHEMA_VERSION, "error": code, "next": next});
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, format!("{body}\n")).into_response();
    match why {
        Refused::Unknown => {
            response.headers_mut().insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        Refused::TooMany | Refused::Unavailable => {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("60"));
        }
        Refused::Busy => {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
        }
        _ => {}
    }
    response
}

/// The token, if one is shown.
fn token(headers: &HeaderMap) -> Option<Secret<String>> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim().to_owned()))
}

fn form(headers: &HeaderMap) -> Result<BodyForm, Refused> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    if text(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Refused::Type);
    }
    let given = text(CONTENT_TYPE).unwrap_or_default();
    let (kind, parameters) = given.split_once(';').unwrap_or((&given, ""));
    let charset = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("charset="));
    if charset.is_some_and(|charset| !matches!(charset.trim_matches('"'), "utf-8" | "utf8")) {
        return Err(Refused::Type);
    }
    match kind.trim() {
        "text/csv" => Ok(BodyForm::Csv),
        "application/x-ndjson" | "application/jsonl" | "application/json-lines" => Ok(BodyForm::JsonLines),
        _ => Err(Refused::Type),
    }
}

/// The whole body, within its bounds. One that says that it is too long is not read at all.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refused> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(Refused::Large);
    }
    match tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // A body that broke off has no whole length; one that went on did not fit.
        Ok(Err(error))
            if std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length")) =>
        {
            Err(Refused::Large)
        }
        Ok(Err(_)) | Err(_) => Err(Refused::Broken),
    }
}
