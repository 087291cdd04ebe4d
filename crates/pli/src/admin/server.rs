//! The node's side of the admin socket. Who may open it is for the file system to say (mode 0660); who did, the kernel
//! tells, and the record keeps.

use std::fmt::Display;
use std::fs::{File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_net::Shutdown;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::protocol::{Asked, REQUEST_BYTES_MAX, Reply};
use super::{Desk, attachment, who};
use crate::exit::{Exit, Failure};
use crate::state::StateFolder;

/// The socket's name in the state folder.
pub(super) const SOCKET: &str = "admin.sock";

/// Admins at once. More of them wait.
const CLIENTS_MAX: usize = 8;
/// What is read, and for how long, of a client who goes on after he was answered.
const REST_BYTES_MAX: u64 = 16 << 20;
const REST_PATIENCE: Duration = Duration::from_secs(2);

/// How long a client may take to say what it wants, its list included, and to read the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the socket. One that lies there is of a process that is gone: its folder is ours alone now.
pub(crate) fn bind(state: &StateFolder) -> Result<UnixListener, Failure> {
    let unusable = |error: std::io::Error| {
        let values: [(_, &dyn Display); 2] = [("folder", &state.path().display()), ("cause", &error)];
        Failure::told(Exit::Usage, "state-unusable.socket", &values)
    };
    // Under another name until it has its permissions.
    let (unready, name) = (format!("{SOCKET}.new"), state.path().join(SOCKET));
    let beside = state.path().join(&unready);
    std::fs::remove_file(&beside).ok();
    let folder = File::open(state.path()).map_err(unusable)?;
    let listener = UnixListener::bind(short(&folder, &unready)).map_err(unusable)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(0o660)).map_err(unusable)?;
    std::fs::rename(&beside, name).map_err(unusable)?;
    Ok(listener)
}

/// A socket's path may have 107 bytes (unix(7)), and that of a folder may have more: the kernel's own name for the open
/// folder is short.
pub(super) fn short(folder: &File, name: &str) -> PathBuf {
    Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name)
}

/// Answers until the end. What is being answered then is answered.
pub(crate) async fn serve(listener: UnixListener, desk: Desk, shutdown: Shutdown) {
    let (desk, seats) = (Arc::new(desk), Arc::new(Semaphore::new(CLIENTS_MAX)));
    loop {
        let accepted = tokio::select! {
            () = shutdown.begun() => return,
            accepted = async {
                let seat = Arc::clone(&seats).acquire_owned().await;
                (seat, listener.accept().await)
            } => accepted,
        };
        match accepted {
            (Ok(seat), Ok((stream, _))) => {
                let desk = Arc::clone(&desk);
                shutdown.spawn(async move {
                    if let Err(error) = converse(stream, &desk).await {
                        tracing::debug!(%error, "an admin's connection was lost");
                    }
                    drop(seat);
                });
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "the admin socket cannot be listened to");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            (Err(_), Ok(_)) => return,
        }
    }
}

/// One request, one answer.
async fn converse(mut stream: UnixStream, desk: &Desk) -> std::io::Result<()> {
    let actor = who::name(stream.peer_cred()?.uid());
    let reply = match timeout(PATIENCE, read(&mut stream)).await.unwrap_or_else(|_| Err(too_slow())) {
        Ok((asked, attached)) => {
            tracing::info!(actor, request = asked.request.name(), writes = asked.request.writes(), "an admin asks");
            desk.answer(asked.request, attached, &actor).await
        }
        Err(failure) => Err(failure),
    };
    let reply = match reply {
        Ok(answer) => Reply::Done(answer),
        Err(failure) => Reply::Failed(failure.into()),
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    let written = timeout(PATIENCE, async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    });
    written.await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
    // Were some of what he still sends unread when this end closes, the system would take the answer back from him.
    let mut rest = stream.take(REST_BYTES_MAX);
    timeout(REST_PATIENCE, tokio::io::copy(&mut rest, &mut tokio::io::sink()))
        .await
        .map_or(Ok(()), |read| read.map(drop))
}

async fn read(stream: &mut UnixStream) -> Result<(Asked, Option<Vec<u8>>), Failure> {
    let unclear = |what: String| Failure::told(Exit::Usage, "admin-request", &[("what", &what)]);
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let lost = |error: std::io::Error| unclear(format!("the request broke off: {error}"));
    (&mut reader).take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line).await.map_err(lost)?;
    if line.last() != Some(&b'\n') {
        return Err(unclear(format!("the request is not one line of {REQUEST_BYTES_MAX} bytes at most")));
    }
    let asked: Asked = serde_json::from_slice(&line).map_err(|error| unclear(format!("the request: {error}")))?;
    attachment::check_length(asked.attached)?;
    if asked.attached == 0 {
        return Ok((asked, None));
    }
    let mut attached = Vec::new();
    let read = (&mut reader).take(asked.attached).read_to_end(&mut attached).await.map_err(lost)?;
    if u64::try_from(read).ok() != Some(asked.attached) {
        return Err(unclear("the attached list broke off".to_owned()));
    }
    Ok((asked, Some(attached)))
}

fn too_slow() -> Failure {
    Failure::told(Exit::Usage, "admin-request.slow", &[("seconds", &PATIENCE.as_secs())])
}
