//! [`CrlServer`]: the revocation lists over HTTP, at the addresses that the certificates name.
//!
//! They are taken from `pki/crl.pem` as it is at each request, so that whoever replaces that file has published them.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context, anyhow};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::fault::Fault;
use crate::manifest::Manifest;
use crate::{crl, files, pki, secrets};

/// Connections at once; the next one waits.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may last: it carries one request, and its answer comes from the loopback.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(10);
/// How long to wait when the system has no descriptor for one more connection.
const PAUSE: Duration = Duration::from_millis(100);

/// The URL below which the lists are, on this port.
pub(crate) fn url(port: u16) -> String {
    format!("http://{}/crl", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// The address in [`url`].
fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/crl"));
    address
        .and_then(|text| text.parse().ok())
        .with_context(|| format!("sandbox.json: crl_url {url} is not of a sandbox"))
}

/// Listens at the port that was chosen when the certificates were made.
#[derive(Debug)]
pub struct CrlServer {
    listener: TcpListener,
    lists: Arc<Lists>,
}

impl CrlServer {
    /// Takes the port. None for a sandbox whose certificates name no list.
    pub async fn bind(dir: &Path, manifest: &Manifest) -> anyhow::Result<Option<Self>> {
        let Some(url) = &manifest.crl_url else { return Ok(None) };
        let lists = Lists::of(&dir.join("pki"), dir.join(&manifest.crl))?;
        let listener = TcpListener::bind(address(url)?).await.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => anyhow!(Fault::Taken(format!(
                "something else listens where the certificates of {} say that their revocation lists are, {url}: stop it",
                dir.display()
            ))),
            _ => anyhow!(error).context(format!("cannot serve the revocation lists at {url}")),
        })?;
        Ok(Some(Self { listener, lists: Arc::new(lists) }))
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&self.lists)));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// One request and its answer. Whoever goes away before that is not missed.
async fn connection(stream: TcpStream, lists: Arc<Lists>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let lists = Arc::clone(&lists);
        async move { Ok::<_, Infallible>(lists.answer(request.method(), request.uri().path(), request.headers()).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(CONNECTION_LIFETIME).keep_alive(false);
    drop(timeout(CONNECTION_LIFETIME, http.serve_connection(TokioIo::new(stream), service)).await);
}

/// Which list is whose, and the file that has them all.
#[derive(Debug)]
struct Lists {
    file: PathBuf,
    /// The path of each in a URL, and the name of its issuer in DER.
    published: Vec<(String, Vec<u8>)>,
}

impl Lists {
    fn of(authorities: &Path, file: PathBuf) -> anyhow::Result<Self> {
        let published = pki::AUTHORITIES.iter().map(|name| {
            let pem = files::read(&authorities.join(format!("{name}.pem")))?;
            Ok((format!("/crl/{name}.crl"), pki::name_der(&pem)?))
        });
        Ok(Self { file, published: published.collect::<anyhow::Result<_>>()? })
    }

    async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Whole> {
        let Some((_, issuer)) = self.published.iter().find(|(published, _)| published == path) else {
            return plain(
                StatusCode::NOT_FOUND,
                "Here are /crl/root.crl, /crl/organisations.crl, /crl/personnes.crl.\n",
            );
        };
        if ![Method::GET, Method::HEAD].contains(method) {
            return with(plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD.\n"), ALLOW, "GET, HEAD");
        }
        match self.read(issuer).await {
            Ok(Some(list)) => list.answer(headers),
            Ok(None) => plain(StatusCode::NOT_FOUND, "pki/crl.pem has no list of this authority now.\n"),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}\n")),
        }
    }

    async fn read(&self, issuer: &[u8]) -> anyhow::Result<Option<List>> {
        // Bytes and time of one and the same file, whatever is renamed over it meanwhile.
        let file = tokio::fs::File::open(&self.file).await?;
        let modified = file.metadata().await?.modified()?;
        let mut pem = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut { file }, &mut pem).await?;
        Ok(crl::of_issuer(&pem, issuer)?.map(|der| List::new(der, Timestamp::try_from(modified).unwrap_or_default())))
    }
}

/// A list with what tells it from the next one.
#[derive(Debug)]
struct List {
    der: Vec<u8>,
    etag: String,
    last_modified: String,
    modified: Timestamp,
}

impl List {
    fn new(der: Vec<u8>, modified: Timestamp) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let etag = format!("\"{}\"", secrets::hex(digest.as_ref()));
        let last_modified = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&modified).unwrap_or_default();
        Self { der, etag, last_modified, modified }
    }

    fn answer(self, headers: &HeaderMap) -> Response<Whole> {
        let answer = if self.is_known(headers) {
            response(StatusCode::NOT_MODIFIED, Vec::new())
        } else {
            with(response(StatusCode::OK, self.der), CONTENT_TYPE, "application/pkix-crl")
        };
        with(with(answer, ETAG, &self.etag), LAST_MODIFIED, &self.last_modified)
    }

    /// RFC 9110 §13.2.2: the tag decides where there is one.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(tags) = text(IF_NONE_MATCH) {
            return tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag);
        }
        let since = text(IF_MODIFIED_SINCE).and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        since.is_some_and(|since| self.modified.as_second() <= since.as_second())
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Whole> {
    with(response(status, text.as_bytes().to_vec()), CONTENT_TYPE, "text/plain; charset=utf-8")
}

fn response(status: StatusCode, body: Vec<u8>) -> Response<Whole> {
    let mut response = Response::new(Whole((!body.is_empty()).then(|| body.into())));
    *response.status_mut() = status;
    response
}

fn with(mut response: Response<Whole>, name: HeaderName, value: &str) -> Response<Whole> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A body in one piece.
#[derive(Debug)]
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(0)))
    }
}

#[cfg(test)]
#[path = "crl_server_tests.rs"]
mod tests;
