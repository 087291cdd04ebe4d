//! [`Description`]: what an export says of the mailbox that it is of, and of its folders.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ContentFault, files};

/// The file's name, in the folder of the export.
pub(super) const DESCRIPTION: &str = "mailbox.json";

/// The whole of the file.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct Description {
    pub(super) schema_version: u32,
    /// The mailbox's address: an export is continued for this one only.
    pub(super) address: String,
    /// False until everything is written.
    pub(super) complete: bool,
    /// What else is known of the mailbox: no secrets.
    pub(super) mailbox: Map<String, Value>,
    /// Its folders.
    pub(super) folders: Vec<FolderTold>,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct FolderTold {
    /// Its whole name, levels parted by `/`.
    pub(super) name: String,
    /// Where its messages lie, below the folder of the export: empty for INBOX.
    pub(super) directory: String,
    pub(super) uid_validity: u32,
    pub(super) subscribed: bool,
    pub(super) messages: usize,
}

/// The description in this folder; none if there is no such file.
pub(super) fn read(folder: &Path) -> Result<Option<Description>, ContentFault> {
    let path = folder.join(DESCRIPTION);
    let Some(bytes) = files::read_plain(&path, BYTES_MAX)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| ContentFault::file(&path, error.into()))
}

/// The most bytes of it: some 10,000 folders.
const BYTES_MAX: u64 = 4 << 20;

/// Writes it.
pub(super) fn write(folder: &Path, description: &Description) -> Result<(), ContentFault> {
    let path = folder.join(DESCRIPTION);
    let text = serde_json::to_string_pretty(description).map_err(|error| ContentFault::file(&path, error.into()))?;
    files::write(&folder.join("mailbox.json.new"), &path, (text + "\n").as_bytes(), None)
}
