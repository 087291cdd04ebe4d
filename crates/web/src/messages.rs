//! What senders ask over HTTPS: [`OwnMessages`].
//!
//! | path | what |
//! | --- | --- |
//! | `GET /api/v1/messages` | the last of his own messages, to which all of the query applies |
//! | `GET /api/v1/messages/ID` | what became of one of them, and what happened on the way |
//!
//! Whoever asks signs in with each question (RFC 7617, RFC 6750, or the certificate of the handshake): nothing is kept of
//! him between two, and no cookie is set. Of somebody else's message he is told what he is told of none.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use pli_types::Secret;
use serde_json::{Value, json};

use crate::api::Connected;
use crate::server::WebContext;
use crate::{query, routes};

/// The path of one's messages.
pub(crate) const MESSAGES: &str = "/api/v1/messages";
/// The path of one of them.
pub(crate) const MESSAGE: &str = "/api/v1/messages/{id}";

/// RFC 7617 §2.1: names and passwords are UTF-8.
const BASIC: &str = "Basic realm=\"pli\", charset=\"UTF-8\"";
const BEARER: &str = "Bearer realm=\"pli\"";
/// RFC 6750 §3.1.
const BEARER_REFUSED: &str = "Bearer realm=\"pli\", error=\"invalid_token\"";

/// Which messages are asked for, as the query has it; nothing of it is judged yet.
#[derive(Clone, Default)]
pub struct Filter {
    /// `from`: sent from this address.
    pub from: Option<String>,
    /// `to`: to this address, or this patient.
    pub to: Option<String>,
    /// `message-id`: with this Message-ID.
    pub message_id: Option<String>,
    /// `since`: taken in then or later.
    pub since: Option<String>,
    /// `until`: taken in before that.
    pub until: Option<String>,
    /// `before`: those that come after this message in the list.
    pub before: Option<String>,
    /// `limit`: so many at most.
    pub limit: Option<String>,
}

impl Filter {
    /// Each parameter once, and no other.
    fn of(uri: &Uri) -> Result<Self, Withheld> {
        let mut filter = Self::default();
        for (name, value) in query::pairs(uri) {
            let place = match name {
                "from" => &mut filter.from,
                "to" => &mut filter.to,
                "message-id" => &mut filter.message_id,
                "since" => &mut filter.since,
                "until" => &mut filter.until,
                "before" => &mut filter.before,
                "limit" => &mut filter.limit,
                _ => return Err(Withheld::Query),
            };
            let value = value.filter(|value| !value.is_empty()).ok_or(Withheld::Query)?;
            if place.replace(value).is_some() {
                return Err(Withheld::Query);
            }
        }
        Ok(filter)
    }
}

/// A question, and who asks it.
pub struct Asked {
    /// His end of the connection.
    pub connected: Connected,
    /// The header by which he signs in; none if there is none. Empty if it cannot be read.
    pub authorization: Option<Secret<String>>,
    /// Which message; none for a list.
    pub message: Option<String>,
    /// What the query says.
    pub filter: Result<Filter, Withheld>,
}

/// Why a question is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// He shows nothing by which he could be known.
    Nobody,
    /// What he shows lets nobody in.
    Failed,
    /// The same of a token.
    Token,
    /// Too many tries to sign in have failed where he is.
    Guesses,
    /// Too many questions come from where he is.
    TooMany,
    /// The query has a parameter that is unknown, or there twice, or cannot be read.
    Query,
    /// He has no such message.
    Unknown,
    /// Others are being answered.
    Busy,
    /// It cannot be answered now.
    Unavailable,
}

impl Withheld {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.told().1
    }

    fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Nobody => (
                StatusCode::UNAUTHORIZED,
                "authentication-required",
                "sign in as your mail program does: with your name and password, or a token",
            ),
            Self::Failed | Self::Token => (
                StatusCode::UNAUTHORIZED,
                "authentication-failed",
                "sign in with what opens your mailbox to your mail program",
            ),
            Self::Guesses => (StatusCode::TOO_MANY_REQUESTS, "rate-exceeded", "come again in some minutes"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "come again in a minute"),
            Self::Query => (
                StatusCode::BAD_REQUEST,
                "query",
                "ask with from, to, message-id, since, until, before and limit, each once at most, limit from 1 to 100",
            ),
            Self::Unknown => (
                StatusCode::NOT_FOUND,
                "message-unknown",
                "give the id= of the reply that accepted your message; it is known for some months",
            ),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "come again in some seconds"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "come again in some minutes"),
        }
    }

    /// In seconds.
    fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Guesses | Self::TooMany | Self::Unavailable => Some("60"),
            Self::Busy => Some("5"),
            _ => None,
        }
    }
}

/// What answers senders. Judges who asks, and records each question.
#[async_trait]
pub trait OwnMessages: Send + Sync {
    /// Can he show a token?
    fn takes_tokens(&self) -> bool;

    /// What he asks for, or why he is not told.
    async fn answer(&self, asked: Asked) -> Result<Value, Withheld>;
}

/// `GET /api/v1/messages`.
pub(crate) async fn list(
    State(context): State<WebContext>,
    Extension(connected): Extension<Connected>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&context, connected, &uri, &headers, None).await
}

/// `GET /api/v1/messages/ID`.
pub(crate) async fn one(
    State(context): State<WebContext>,
    Extension(connected): Extension<Connected>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    // What is no text is no message either.
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    answer(&context, connected, &uri, &headers, Some(id)).await
}

async fn answer(
    context: &WebContext,
    connected: Connected,
    uri: &Uri,
    headers: &HeaderMap,
    message: Option<String>,
) -> Response {
    let Some(messages) = &context.messages else { return routes::not_found() };
    let asked = Asked { connected, authorization: authorization(headers), message, filter: Filter::of(uri) };
    match messages.answer(asked).await {
        Ok(told) => routes::json_reply(StatusCode::OK, &told),
        Err(why) => refusal(why, messages),
    }
}

/// Two of them would be two people.
fn authorization(headers: &HeaderMap) -> Option<Secret<String>> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let text = shown.next()?.to_str().unwrap_or_default().to_owned();
    Some(Secret::new(if shown.next().is_some() { String::new() } else { text }))
}

fn refusal(why: Withheld, messages: &Arc<dyn OwnMessages>) -> Response {
    let (status, code, next) = why.told();
    let body = json!({"schema_version": routes::SCHEMA_VERSION, "error": code, "next": next});
    let mut response = routes::json_reply(status, &body);
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC));
        if messages.takes_tokens() {
            let bearer = if why == Withheld::Token { BEARER_REFUSED } else { BEARER };
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(bearer));
        }
    }
    if let Some(seconds) = why.retry_after() {
        headers.append(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Addresses of patients may be in it.
        f.write_str("Filter(<hidden>)")
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("connected", &self.connected).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Filter, Withheld> {
        Filter::of(&format!("{MESSAGES}?{query}").parse().unwrap())
    }

    #[test]
    fn a_filter_has_each_parameter_once_and_no_other() {
        let filter = read("to=a%40b.fr&limit=5").unwrap();
        assert_eq!((filter.to.as_deref(), filter.limit.as_deref()), (Some("a@b.fr"), Some("5")));
        for bad in ["to=a&to=b", "sender=a", "to=", "to", "to=%zz", "limit=1&LIMIT=2"] {
            assert_eq!(read(bad).err(), Some(Withheld::Query), "{bad}");
        }
        assert!(!format!("{filter:?}").contains("b.fr"));
    }

    #[test]
    fn two_headers_are_nobody() {
        let mut headers = HeaderMap::new();
        assert!(authorization(&headers).is_none());
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        assert_eq!(authorization(&headers).unwrap().reveal(), "Bearer a");
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(authorization(&headers).unwrap().reveal(), "");
    }
}
