//! Sockets: HTTP/1.1 over our TLS, with limits.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pli_net::{Accepted, Listener, ServerTls, Shutdown};

use crate::api::{ApiDoor, Connected};
use crate::autoconfig::Autoconfig;
use crate::health::Health;
use crate::messages::OwnMessages;
use crate::metrics::Metrics;
use crate::routes;

/// Limits of the HTTP listener.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// How long the head of a request may take, the silence before it on a kept connection included.
    pub head_timeout: Duration,
    /// The longest head of a request, in bytes; hyper takes 8 KiB at least.
    pub head_bytes_max: usize,
    /// How long a connection may last. A client opens another.
    pub connection_lifetime: Duration,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(15),
            head_bytes_max: 16 << 10,
            connection_lifetime: Duration::from_mins(10),
        }
    }
}

/// What the routes show. Cheap to clone.
#[derive(Clone)]
pub struct WebContext {
    /// What `/health/ready` asks.
    pub health: Arc<dyn Health>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// What mail programs are told.
    pub autoconfig: Arc<Autoconfig>,
    /// What answers programs, if any may call.
    pub api: Option<ApiDoor>,
    /// What answers senders, if they may ask.
    pub messages: Option<Arc<dyn OwnMessages>>,
}

/// Serves HTTP over TLS until shutdown begins; requests under way are then answered.
pub async fn serve(config: WebConfig, context: WebContext, tls: ServerTls, listener: Listener, shutdown: Shutdown) {
    let router = routes::router(context);
    let config = Arc::new(config);
    let ending = shutdown.clone();
    let handler = move |accepted: Accepted| {
        let (config, tls, router, shutdown) = (Arc::clone(&config), tls.clone(), router.clone(), ending.clone());
        async move { connection(&config, &tls, router, accepted, &shutdown).await }
    };
    listener.serve(shutdown, handler).await;
}

/// One connection. What goes wrong on it is the client's affair and told at `debug`.
async fn connection(config: &WebConfig, tls: &ServerTls, router: Router, accepted: Accepted, shutdown: &Shutdown) {
    let Accepted { stream, remote, .. } = accepted;
    let (stream, facts) = match tls.accept(stream).await {
        Ok(accepted) => accepted,
        Err(error) => return tracing::debug!(%remote, %error, "HTTP: no TLS"),
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.head_timeout).max_buf_size(config.head_bytes_max);
    let connected = Connected { remote, tls: Arc::new(facts) };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connected.clone());
        router.call(request)
    });
    let serving = http.serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = shutdown.begun() => None,
        () = tokio::time::sleep(config.connection_lifetime) => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        // The request under way is answered; who does not take the answer is left.
        serving.as_mut().graceful_shutdown();
        tokio::time::timeout(config.head_timeout, serving).await.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        tracing::debug!(%remote, %error, "HTTP: the connection ended early");
    }
}
