//! Says that every listener accepts: to the log, to a file, to systemd.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use crate::exit::Failure;
use crate::output::SCHEMA_VERSION;

/// Ports by listener name.
pub(crate) type Ports = BTreeMap<&'static str, u16>;

/// Tells everyone who waits for it. That there is no space for the file does not end a node whose store could be
/// opened: its mailboxes can be read. A file that could never be written is a mistake of whoever named it.
pub(crate) fn announce(ports: &Ports, file: Option<&Path>) -> Result<(), Failure> {
    match file.map(|path| (path, write(ports, path))) {
        Some((path, Err(error))) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            tracing::warn!(path = %path.display(), %error, "the ready file is not written; the node runs without it");
        }
        Some((path, Err(error))) => return Err(Failure::file(path, &error)),
        Some((_, Ok(()))) | None => {}
    }
    notify("READY=1");
    tracing::info!(?ports, "ready");
    Ok(())
}

/// Tells systemd that the end has begun.
pub(crate) fn announce_end() {
    notify("STOPPING=1");
}

/// Written beside, then renamed: who finds the file finds it whole.
fn write(ports: &Ports, path: &Path) -> std::io::Result<()> {
    let content = serde_json::json!({"schema_version": SCHEMA_VERSION, "pid": std::process::id(), "ports": ports});
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&name);
    let written = std::fs::File::create(temporary)
        .and_then(|mut file| writeln!(file, "{content}"))
        .and_then(|()| std::fs::rename(temporary, path));
    if written.is_err() {
        // The first error tells more than one about what it left behind.
        std::fs::remove_file(temporary).ok();
    }
    written
}

/// The protocol of `sd_notify(3)`: one datagram to the socket in `NOTIFY_SOCKET`, if there is one.
fn notify(state: &str) {
    let Ok(name) = std::env::var("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&name, state) {
        tracing::warn!(%error, "systemd cannot be told {state}");
    }
}

fn send(name: &str, state: &str) -> std::io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_pid_and_ports_and_nothing_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        write(&Ports::from([("smtp", 2525), ("imaps", 9993)]), &path).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["pid"], std::process::id());
        assert_eq!(read["ports"], serde_json::json!({"smtp": 2525, "imaps": 9993}));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_space_for_the_ready_file_does_not_end_a_node_and_a_wrong_path_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let temporary = format!("{}.{}.tmp", path.display(), std::process::id());
        std::os::unix::fs::symlink("/dev/full", temporary).unwrap();
        announce(&Ports::new(), Some(&path)).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing half written is left");

        let nowhere = folder.path().join("missing/ready.json");
        assert_eq!(announce(&Ports::new(), Some(&nowhere)).unwrap_err().code, "file-not-found");
    }

    #[test]
    fn systemd_is_told_by_path_and_by_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("pli-test-{}-{}", std::process::id(), path.display());
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap()).unwrap();
        for (socket, name) in [(by_path, path.display().to_string()), (by_name, format!("@{abstract_name}"))] {
            send(&name, "READY=1").unwrap();
            let mut buffer = [0; 32];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1");
        }
    }
}
