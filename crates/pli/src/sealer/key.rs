//! The key that signs the record: read, or made where nothing is sealed yet.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pli_audit::SignerKey;
use pli_store::Store;
use pli_types::Secret;

use crate::config::{ConfigFault, read_text_secret};
use crate::exit::{Exit, Failure};

/// Reads the key of a node.
pub(crate) fn read(path: &Path) -> Result<SignerKey, ConfigFault> {
    let text = read_text_secret(path)?;
    SignerKey::parse(text.reveal())
        .map_err(|cause| ConfigFault::new("audit-key-invalid", path.display().to_string(), &[("cause", &cause)]))
}

/// Reads the key of a node, or makes one at its first start. A record that is sealed already is not given another key
/// because a file is away.
pub(super) async fn of_node(path: &Path, server: &str, store: &dyn Store) -> Result<SignerKey, Failure> {
    if !path.exists() {
        if let Some(sealed) = store.sealed().await? {
            let values: [(_, &dyn std::fmt::Display); 2] = [("path", &path.display()), ("size", &sealed.size)];
            return Err(Failure::told(Exit::Usage, "audit-key-missing", &values));
        }
        let key = make(path, server)?;
        let (path, public) = (path.display(), key.verifier().to_string());
        tracing::info!(%path, public, "made the key that signs the record; note down the public one");
        return Ok(key);
    }
    Ok(read(path)?)
}

/// Makes a key, for the owner of the file only, on stable storage before anything is signed with it.
fn make(path: &Path, server: &str) -> Result<SignerKey, Failure> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| Failure::defect("the system gives no random bytes"))?;
    let key = SignerKey::from_seed(&format!("{server}/audit"), &Secret::new(seed))
        .map_err(|error| Failure::defect(format!("no name for the record's key: {error}")))?;
    let written = (|| {
        let beside = path.with_added_extension("new");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(key.encode().reveal().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        File::open(path.parent().unwrap_or(path))?.sync_all()
    })();
    written.map_err(|error| Failure::file(path, &error))?;
    Ok(key)
}
