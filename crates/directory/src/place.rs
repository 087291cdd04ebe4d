//! [`Place`]: where lists are kept. Every write is whole and on the disk before it counts.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Files that are read or written by name.
#[derive(Debug)]
pub(crate) enum Place {
    /// Gone with the process.
    Memory(BTreeMap<String, Vec<u8>>),
    /// A folder that only this process works on.
    Folder {
        path: PathBuf,
        /// Locked as long as it is open.
        _lock: File,
    },
    /// A folder that another process may be working on: it is read, and nothing in it is changed.
    Shown(PathBuf),
}

/// Why the folder of lists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeepingFault {
    /// Another process works on it: the node, most often.
    #[error("{path}: another process uses it", path = .0.display())]
    InUse(PathBuf),
    /// It cannot be made, read or written.
    #[error("{path}: {source}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

const LOCK: &str = "lock";

/// What a file is called until it is whole.
const UNFINISHED: &str = ".new";

impl Place {
    /// The folder, made for this user only if missing, and locked.
    pub(crate) fn folder(path: &Path) -> Result<Self, KeepingFault> {
        let fault = |source| KeepingFault::Folder { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK));
        let lock = lock.map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(KeepingFault::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        let place = Self::Folder { path: path.to_owned(), _lock: lock };
        for name in place.names().map_err(fault)?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            // Left by a process that ended while writing.
            fs::remove_file(path.join(name)).map_err(fault)?;
        }
        Ok(place)
    }

    /// Writes the file whole: under another name, to the disk, then renamed, and the folder to the disk.
    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(files) => {
                files.insert(name.to_owned(), bytes.to_vec());
                Ok(())
            }
            Self::Folder { path, .. } => {
                let unfinished = path.join(format!("{name}{UNFINISHED}"));
                let written = write_synced(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path.join(name)));
                if written.is_err() {
                    // A half-written file takes the room that may be what is missing.
                    fs::remove_file(&unfinished).ok();
                }
                written.and_then(|()| sync_folder(path))
            }
            Self::Shown(_) => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// Adds to the end of the file. If it fails, a part may have been added.
    pub(crate) fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(files) => {
                files.entry(name.to_owned()).or_default().extend_from_slice(bytes);
                Ok(())
            }
            Self::Folder { path, .. } => {
                let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path.join(name))?;
                file.write_all(bytes)?;
                file.sync_all()?;
                sync_folder(path)
            }
            Self::Shown(_) => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// The file, if it is there and no longer than this.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(files) => files.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()),
            Self::Folder { path, .. } | Self::Shown(path) => {
                let mut bytes = Vec::new();
                File::open(path.join(name))?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
                match u64::try_from(bytes.len()) {
                    Ok(length) if length <= bytes_max => Ok(bytes),
                    _ => Err(io::ErrorKind::FileTooLarge.into()),
                }
            }
        }
    }

    /// Removes the file, if it can be: whatever is left is removed another time.
    pub(crate) fn remove(&mut self, name: &str) {
        match self {
            Self::Memory(files) => {
                files.remove(name);
            }
            Self::Folder { path, .. } => {
                fs::remove_file(path.join(name)).ok();
            }
            Self::Shown(_) => {}
        }
    }

    /// What the files are called.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        match self {
            Self::Memory(files) => Ok(files.keys().cloned().collect()),
            Self::Folder { path, .. } | Self::Shown(path) => {
                let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
                Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
            }
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Without it, a power cut may forget the name of a file whose content is on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
