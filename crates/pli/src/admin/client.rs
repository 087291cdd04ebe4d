//! [`ask()`]: the command's side of the admin socket. With no node behind it, the command answers itself.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::protocol::{Answer, Asked, Reply, Request};
use super::server::{SOCKET, short};
use super::{direct, who};
use crate::config::Settings;
use crate::exit::{Exit, Failure};

/// The most bytes of an answer: what stands between two lists of the largest size.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Beyond this, no node is at work on an answer: [`Settings`] bound a fetch, and the rest takes seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks the node of these settings, or answers from its folders where no node runs.
pub(crate) async fn ask(settings: &Settings, request: Request, attached: Option<Vec<u8>>) -> Result<Answer, Failure> {
    let state = &settings.config.server.state;
    match connect(state).await {
        Ok(stream) => {
            // One fetch may be under way before ours.
            let patience = PATIENCE.saturating_add(settings.config.trust.fetch_timeout.get().saturating_mul(2));
            let answer = timeout(patience, converse(stream, request, attached)).await;
            answer.unwrap_or_else(|_| Err(broken("it did not answer in time")))
        }
        Err(error) if no_node(error.kind()) => direct::answer(settings, request, attached, &who::ourselves()).await,
        Err(error) => Err(forbidden(state, &error)),
    }
}

/// Does a node with these settings run?
pub(super) async fn node_runs(settings: &Settings) -> Result<bool, Failure> {
    let state = &settings.config.server.state;
    match connect(state).await {
        // Not just a connection that ends: the node's log would tell of a client that was lost.
        Ok(stream) => {
            let answer = timeout(PATIENCE, converse(stream, Request::Ping, None)).await;
            answer.unwrap_or_else(|_| Err(broken("it did not answer in time"))).map(|_| true)
        }
        Err(error) if no_node(error.kind()) => Ok(false),
        Err(error) => Err(forbidden(state, &error)),
    }
}

fn forbidden(state: &Path, error: &std::io::Error) -> Failure {
    let socket = state.join(SOCKET);
    Failure::told(Exit::Usage, "admin-socket-forbidden", &[("socket", &socket.display()), ("cause", &error)])
}

/// No socket, or one that nobody listens to any more.
fn no_node(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

async fn connect(state: &Path) -> std::io::Result<UnixStream> {
    UnixStream::connect(short(&File::open(state)?, SOCKET)).await
}

async fn converse(mut stream: UnixStream, request: Request, attached: Option<Vec<u8>>) -> Result<Answer, Failure> {
    let attached = attached.unwrap_or_default();
    let asked = Asked { request, attached: u64::try_from(attached.len()).unwrap_or(u64::MAX) };
    let mut line = serde_json::to_vec(&asked).map_err(|error| Failure::defect(error.to_string()))?;
    line.push(b'\n');
    let sent = async {
        stream.write_all(&line).await?;
        stream.write_all(&attached).await
    };
    // A node that refuses does so before it has read all: its answer tells more than our error.
    let sent = sent.await;
    let mut reply = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut reply).await;
    match (serde_json::from_slice(&reply), sent.and(read.map(drop))) {
        (Ok(Reply::Done(answer)), _) => Ok(answer),
        (Ok(Reply::Failed(told)), _) => Err(told.into()),
        (Err(_), Err(error)) => Err(broken(&error.to_string())),
        (Err(error), Ok(())) => Err(broken(&error.to_string())),
    }
}

fn broken(what: &str) -> Failure {
    Failure::told(Exit::Remote, "node-answer", &[("cause", &what)])
}
