//! [`StateFolder`]: what must survive a restart and is not in the store. One process at a time works on it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::exit::{Exit, Failure};

/// How long a start waits for the process before it to let go.
const PATIENCE: Duration = Duration::from_secs(1);

/// The exclusive right to a state folder, held as long as this lives and no longer than the process does.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Makes the folder if it is missing, for this user only, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, Failure> {
        let unusable = |error| unusable(path, &error);
        make(path)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"));
        let lock = lock.map_err(unusable)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: lock }),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(PATIENCE / 50);
                }
                Err(TryLockError::WouldBlock) => return Err(in_use(path)),
            }
        }
    }

    /// Where the trust lists are kept.
    pub(crate) fn trust(&self) -> PathBuf {
        trust(&self.path)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where the trust lists of a state folder are kept.
pub(crate) fn trust(state: &Path) -> PathBuf {
    state.join("trust")
}

/// Makes a state folder if it is missing, for this user only.
pub(crate) fn make(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::told(Exit::Usage, "state-unusable", &[("folder", &path.display()), ("cause", &error)])
}

fn in_use(path: &Path) -> Failure {
    Failure::told(Exit::Conflict, "state-in-use", &[("folder", &path.display())])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn two_nodes_never_share_a_state_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("var/state");
        let first = StateFolder::take(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(StateFolder::take(&path).unwrap_err().code, "state-in-use");
        drop(first);
        StateFolder::take(&path).unwrap();
    }
}
