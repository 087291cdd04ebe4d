//! [`install`]: puts the copy that has been built into the place of the one in use.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::copy::FILE_NAME;
use super::{About, import};
use crate::{Result, StoreError};

/// The copy that waits to be installed; `None` if there is none, or only a part of one.
pub async fn prepared(state: &Path) -> Result<Option<About>> {
    import::whole(&unfinished(state)).await
}

/// Puts the prepared copy into the place of the one in use, on the disk when this returns; who reads the old one goes on
/// with it. `NotFound` without one.
pub async fn install(state: &Path) -> Result<About> {
    let Some(about) = prepared(state).await? else { return Err(StoreError::NotFound("prepared copy")) };
    let done = fs::rename(unfinished(state), state.join(FILE_NAME));
    // Without it, a power cut may forget the name of a file whose content is on the disk.
    let done = done.and_then(|()| File::open(state)?.sync_all());
    done.map_err(|error| StoreError::io("installing the directory's copy", error))?;
    Ok(about)
}

/// Throws the prepared copy away.
pub fn discard(state: &Path) -> Result<()> {
    remove(&unfinished(state))
}

/// Where a copy lies until it is installed.
pub(super) fn unfinished(state: &Path) -> PathBuf {
    state.join("directory.db.new")
}

pub(super) fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::io("removing an unfinished copy of the directory", error))
        }
        _ => Ok(()),
    }
}

/// An empty file, readable by its owner only, in place of what an import before left.
pub(super) fn create(file: &Path) -> Result<()> {
    remove(file)?;
    let made = owner_only().open(file);
    made.map(drop).map_err(|error| StoreError::io("making the directory's copy", error))
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The exclusive right to build a copy. Gone with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(state: &Path) -> Result<Self> {
        let file = owner_only().open(state.join("directory.lock"));
        let file = file.map_err(|error| StoreError::io("the lock of the directory's copy", error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Conflict("another import of the directory is under way")),
            Err(TryLockError::Error(error)) => Err(StoreError::io("the lock of the directory's copy", error)),
        }
    }
}
