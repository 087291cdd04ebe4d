//! Requests written down instead of sent: one JSON object a line, with method, address, headers and body as they would be
//! sent, but for the key.

use std::fs::OpenOptions;
use std::io::{Error, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use pli_directory::fhir::Request;

/// The file's name, in the state folder.
pub(crate) const FILE_NAME: &str = "publication.jsonl";

/// As lines.
pub(crate) fn lines(requests: &[Request]) -> String {
    // Maps and texts always have a JSON form.
    requests.iter().map(|request| serde_json::to_string(request).unwrap_or_default() + "\n").collect()
}

/// Adds them to a file that only its owner can read; on stable storage when this returns.
pub(super) async fn append(path: PathBuf, requests: Vec<Request>) -> Result<(), Error> {
    if requests.is_empty() {
        return Ok(());
    }
    let written = tokio::task::spawn_blocking(move || {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        file.write_all(lines(&requests).as_bytes())?;
        file.sync_all()
    });
    written.await.unwrap_or_else(|_| Err(Error::other("the writing broke off")))
}
