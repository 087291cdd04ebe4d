//! [`PeerFile`]: the peer book on the disk, so that it outlives the node and can be read beside it.

use std::fmt::Display;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pli_mailflow::{PeerBook, PeerRecord};
use pli_net::Shutdown;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// How often it is written, if anything has changed.
const EVERY: Duration = Duration::from_mins(1);

/// Many times what a full book takes.
const BYTES_MAX: u64 = 64 << 20;

const SCHEMA_VERSION: u32 = 1;

/// Where it lies.
#[derive(Debug, Clone)]
pub(crate) struct PeerFile {
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    schema_version: u32,
    peers: Vec<PeerRecord>,
}

impl PeerFile {
    /// In the folder of a node's state.
    pub(crate) fn in_state(state: &Path) -> Self {
        Self { path: state.join("peers.json") }
    }

    /// What stands in it: nothing, where there is none yet.
    pub(crate) fn read(&self) -> Result<Vec<PeerRecord>, Failure> {
        let mut bytes = Vec::new();
        match File::open(&self.path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::file(&self.path, &error)),
        }
        let unreadable = |what: String| {
            let values: [(_, &dyn Display); 2] = [("path", &self.path.display()), ("cause", &what)];
            Failure::told(Exit::Integrity, "peers-unreadable", &values)
        };
        let content: Content = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if content.schema_version != SCHEMA_VERSION {
            return Err(unreadable(format!("it is of version {}", content.schema_version)));
        }
        Ok(content.peers)
    }

    /// Takes up what an earlier process has seen. A file that cannot be read is no reason not to start.
    pub(crate) fn restore(&self, book: &PeerBook) {
        match self.read() {
            Ok(records) => book.restore(records),
            Err(fault) => tracing::warn!(%fault, "what was seen of peers before is lost"),
        }
    }

    /// Writes the book whenever it has changed, until the end begins.
    pub(crate) async fn keep(self, book: PeerBook, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let (file, book) = (self.clone(), book.clone());
            // A task that panicked has told so already.
            tokio::task::spawn_blocking(move || file.save(&book)).await.ok();
        }
    }

    /// Writes the book, if it has changed. Blocks on the disk.
    pub(crate) fn save(&self, book: &PeerBook) {
        if !book.take_changed() {
            return;
        }
        let content = Content { schema_version: SCHEMA_VERSION, peers: book.records() };
        if let Err(error) = self.write(&content) {
            tracing::warn!(path = %self.path.display(), %error, "what was seen of peers cannot be kept");
        }
    }

    /// Whole or not at all.
    fn write(&self, content: &Content) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let unfinished = self.path.with_extension("json.new");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"name":"CN=a","proven":true,"in":{"first_seen":"2026-06-01T00:00:00Z",
        "last_seen":"2026-06-02T00:00:00Z","address":"192.0.2.1","tls":"TLSv1.3","serial":"01",
        "not_after":"2027-06-01T00:00:00Z","outcome":"accepted","accepted":3,"refused":0}}"#;

    fn file(folder: &tempfile::TempDir) -> PeerFile {
        PeerFile::in_state(&folder.path().join("state"))
    }

    #[test]
    fn what_was_seen_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        assert_eq!(file.read().unwrap(), []);
        let record: PeerRecord = serde_json::from_str(RECORD).unwrap();
        file.write(&Content { schema_version: SCHEMA_VERSION, peers: vec![record.clone()] }).unwrap();
        let book = PeerBook::default();
        file.restore(&book);
        assert_eq!(book.records(), [record]);
        file.save(&book);
        assert_eq!(std::fs::read_dir(folder.path().join("state")).unwrap().count(), 1, "nothing lies beside it");
    }

    #[test]
    fn a_damaged_file_costs_what_it_held_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.write(&Content { schema_version: 2, peers: Vec::new() }).unwrap();
        assert_eq!(file.read().unwrap_err().code, "peers-unreadable");
        std::fs::write(&file.path, "{").unwrap();
        assert_eq!(file.read().unwrap_err().code, "peers-unreadable");
        let book = PeerBook::default();
        file.restore(&book);
        assert_eq!(book.records(), []);
    }
}
