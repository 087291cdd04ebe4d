//! The whole record as files, in the layout of C2SP tlog-tiles.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use pli_audit::bundle::bundles_of;
use pli_audit::tile::tiles_of;
use pli_audit::{Source as _, VerifierKey};
use serde_json::{Map, Value, json};

use crate::cli::Globals;
use crate::cli::audit::source::Kept;
use crate::cli::audit::{CHECKPOINT, KEY, own_key};
use crate::cli::reading::read;
use crate::exit::{Exit, Failure};
use crate::output::SCHEMA_VERSION;

/// Does it. What is damaged is written as it is: that it is found is the affair of whoever checks.
pub(super) fn export(globals: &Globals, folder: &Path) -> Result<Map<String, Value>, Failure> {
    let (key, out) = (own_key(globals)?, folder.to_owned());
    let public = key.to_string();
    let fingerprint = key.fingerprint();
    let size = read(globals, |reading| async move {
        let kept = Kept::now(reading.store).await?;
        let written = tokio::task::spawn_blocking(move || write(kept, &key, &out));
        written.await.map_err(|_| Failure::defect("the writing of the record panicked"))?
    })?;
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "folder": folder.display().to_string(),
        "tree_size": size,
        "key": public,
        "key_fingerprint": fingerprint,
    });
    Ok(members.as_object().cloned().unwrap_or_default())
}

/// Writes all of it, the checkpoint last: an export that was cut short has none. How many entries it has.
fn write(mut kept: Kept, key: &VerifierKey, folder: &Path) -> Result<u64, Failure> {
    let signed = kept.must_be_signed(key)?;
    let size = signed.checkpoint().size();
    take(folder)?;
    put(folder, KEY, format!("{key}\n").as_bytes())?;
    for id in tiles_of(size) {
        if let Some(bytes) = kept.tile(id)? {
            put(folder, &id.to_string(), &bytes)?;
        }
    }
    for id in bundles_of(size) {
        if let Some(bytes) = kept.entries(id)? {
            put(folder, &id.to_string(), &bytes)?;
        }
    }
    put(folder, CHECKPOINT, signed.encode().as_bytes())?;
    Ok(size)
}

/// Makes the folder, for this user only. Nothing that lies there is written over.
fn take(folder: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file(folder, &error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Failure::told(Exit::Conflict, "audit-folder-taken", &[("folder", &folder.display())]));
    }
    Ok(())
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    let written = (|| {
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        (&file).write_all(bytes)
    })();
    written.map_err(|error| Failure::file(&path, &error))
}
