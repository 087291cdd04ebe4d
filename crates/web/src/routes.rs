//! The paths, and what each answers.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::health::Check;
use crate::server::WebContext;
use crate::{api, autoconfig, messages};

/// The version of the JSON that is answered.
pub(crate) const SCHEMA_VERSION: u32 = 1;
/// The longest body of a request. Outlook's is some 400 bytes.
const BODY_BYTES_MAX: usize = 16 << 10;

/// All routes.
pub(crate) fn router(context: WebContext) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/mail/config-v1.1.xml", get(autoconfig::thunderbird))
        .route("/.well-known/autoconfig/mail/config-v1.1.xml", get(autoconfig::thunderbird))
        // Bounds its body itself, once it knows whose it is.
        .route(api::DISPENSATIONS, post(api::dispensations))
        .route(messages::MESSAGES, get(messages::list))
        .route(messages::MESSAGE, get(messages::one))
        .fallback(anything_else)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(context)
}

/// The process turns: that it answers is the answer.
async fn live() -> Response {
    json_reply(StatusCode::OK, &json!({"schema_version": SCHEMA_VERSION, "live": true}))
}

/// Mail can be taken. A load balancer reads the status, a person the checks.
async fn ready(State(context): State<WebContext>) -> Response {
    let checks = context.health.checks().await;
    let ready = checks.iter().all(|check| check.fault.is_none());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks: Vec<_> = checks.iter().map(shown).collect();
    json_reply(status, &json!({"schema_version": SCHEMA_VERSION, "ready": ready, "checks": checks}))
}

fn shown(check: &Check) -> serde_json::Value {
    json!({"name": check.name, "ok": check.fault.is_none(), "fault": check.fault, "alarm": check.alarm})
}

async fn metrics(State(context): State<WebContext>) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, context.metrics.render()).into_response()
}

/// A path that is known in any case: Outlook and its kin write it in several.
async fn anything_else(
    State(context): State<WebContext>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !uri.path().eq_ignore_ascii_case(autoconfig::OUTLOOK_PATH) {
        return not_found();
    }
    match (method, body) {
        (_, Err(rejection)) => rejection.into_response(),
        (Method::POST, Ok(body)) => autoconfig::outlook_post(&context, &body),
        (Method::GET | Method::HEAD, Ok(_)) => autoconfig::outlook_get(&context, &uri, &headers),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

pub(crate) fn not_found() -> Response {
    let advice = "ask for /health/live, /health/ready, /metrics, or the configuration of a domain that is here";
    refused(StatusCode::NOT_FOUND, "not-found", advice)
}

pub(crate) fn bad_request(next: &str) -> Response {
    refused(StatusCode::BAD_REQUEST, "bad-request", next)
}

fn refused(status: StatusCode, error: &str, next: &str) -> Response {
    json_reply(status, &json!({"schema_version": SCHEMA_VERSION, "error": error, "next": next}))
}

pub(crate) fn json_reply(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, format!("{body}\n")).into_response()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use axum::body::Body;
    use axum::http::Request;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;
    use crate::Health;

    struct Fixed(Vec<Check>);

    #[async_trait]
    impl Health for Fixed {
        async fn checks(&self) -> Vec<Check> {
            self.0.clone()
        }
    }

    /// What routes show: these checks, and nothing counted.
    pub(crate) fn context(checks: Vec<Check>) -> WebContext {
        let (_, metrics) = crate::metrics::tests::local();
        WebContext { health: Arc::new(Fixed(checks)), metrics, autoconfig: Arc::default(), api: None, messages: None }
    }

    async fn ask(method: &str, path: &str, checks: Vec<Check>) -> (StatusCode, String) {
        let (recorder, metrics) = crate::metrics::tests::local();
        metrics::with_local_recorder(&recorder, || metrics::counter!("pli_tests_total").increment(1));
        let service = TowerToHyperService::new(router(WebContext { metrics, ..context(checks) }));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = service.call(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_only_if_every_check_holds() {
        let (status, body) = ask("GET", "/health/ready", vec![Check::holds("store"), Check::holds("trust-list")]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["ready"], &body["checks"][0]["name"]), (&json!(true), &json!("store")));

        let failing = vec![Check::holds("store"), Check::fails_by("trust-list", "list-missing", "no list is in force")];
        let (status, body) = ask("GET", "/health/ready", failing).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let told = json!({"name": "trust-list", "ok": false, "fault": "no list is in force", "alarm": "list-missing"});
        assert_eq!(body["checks"][1], told);
    }

    #[tokio::test]
    async fn live_does_not_ask_the_checks() {
        let (status, _) = ask("GET", "/health/live", vec![Check::fails("store", "gone")]).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_shown() {
        let (status, body) = ask("GET", "/metrics", vec![]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("pli_tests_total 1"), "{body}");
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        assert_eq!(ask("GET", "/", vec![]).await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask("POST", "/metrics", vec![]).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
