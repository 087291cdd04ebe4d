//! Files of an export: for the admin alone, whole or not there.

use std::fs::{DirBuilder, File, FileTimes, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use super::ContentFault;

/// Makes a folder for this user alone; one that is there stays as it is.
pub(super) fn make_folder(path: &Path) -> Result<(), ContentFault> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| ContentFault::file(path, error))
}

/// Writes a file under another name first, so that it is whole where it is seen.
pub(super) fn write(beside: &Path, path: &Path, bytes: &[u8], at: Option<SystemTime>) -> Result<(), ContentFault> {
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(beside)?;
        file.write_all(bytes)?;
        if let Some(at) = at {
            file.set_times(FileTimes::new().set_modified(at))?;
        }
        std::fs::rename(beside, path)
    })();
    written.map_err(|error| ContentFault::file(path, error))
}

/// Everything that was written there is on stable storage when this returns (syncfs(2)): one call for any number of
/// files.
pub(super) fn sync_all(folder: &Path) -> Result<(), ContentFault> {
    let synced = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    synced.map_err(|error| ContentFault::file(folder, error))
}

/// The names in a folder, sorted; none if it is not there. Names that are no text are passed over.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, ContentFault> {
    let failed = |error| ContentFault::file(folder, error);
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in listed {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}
