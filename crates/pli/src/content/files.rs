//! Files of an export: for the admin alone, whole or not there.

use std::fs::{DirBuilder, File, FileTimes, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use super::ContentFault;

/// Makes a folder for this user alone; one that is there stays as it is. A symbolic link is none: it could lead anywhere.
pub(super) fn make_folder(path: &Path) -> Result<(), ContentFault> {
    check_no_link(path)?;
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

/// A symbolic link could lead anywhere: whoever made the folder may be somebody else than who reads it.
pub(super) fn check_no_link(path: &Path) -> Result<(), ContentFault> {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link { Err(ContentFault::NotPlain(path.to_owned())) } else { Ok(()) }
}

/// A whole file of a folder that somebody else may have made: a plain one, no link followed, no more than `bytes_max`.
/// `None` if it is not there.
pub(super) fn read_plain(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, ContentFault> {
    let failed = |error| ContentFault::file(path, error);
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(ContentFault::NotPlain(path.to_owned()));
        }
        opened => opened.map_err(failed)?,
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() || metadata.len() > bytes_max {
        return Err(ContentFault::NotPlain(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
