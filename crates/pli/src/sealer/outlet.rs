//! [`Outlet`]: the file that checkpoints leave the store by. They are appended and never changed; whoever copies the file
//! elsewhere has what a later record is held against.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pli_audit::{SignedCheckpoint, VerifierKey};

/// How far back the last checkpoint is looked for: hundreds of them.
const TAIL_BYTES: u64 = 256 << 10;

/// A file of checkpoints, one behind the other, an empty line between them.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    path: PathBuf,
}

impl Outlet {
    /// The file of this name.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one; returns when it is on stable storage. The file is opened each time, so that it can be rotated.
    pub(crate) fn append(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o640).open(&self.path)?;
        // Also behind what was cut off while it was written.
        let gap = if file.metadata()?.len() == 0 { "" } else { "\n" };
        file.write_all(format!("{gap}{}", checkpoint.encode()).as_bytes())?;
        file.sync_data()
    }

    /// The last one that this key has signed. None if there is no file, or nothing of that in it.
    pub(crate) fn last(&self, key: &VerifierKey) -> Option<SignedCheckpoint> {
        self.look(key).ok().flatten()
    }

    /// The same, where a file that cannot be read is an error.
    pub(crate) fn look(&self, key: &VerifierKey) -> io::Result<Option<SignedCheckpoint>> {
        Ok(last_of(&self.tail()?, key))
    }

    fn tail(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The last checkpoint in a file of them that this key has signed. What was cut off while it was written is passed over.
fn last_of(bytes: &[u8], key: &VerifierKey) -> Option<SignedCheckpoint> {
    let text = String::from_utf8_lossy(bytes);
    let mut end = text.len();
    for (start, line) in lines(&text).into_iter().rev() {
        if line == key.name() {
            let note = text.get(start..end)?.trim_end();
            if let Ok(checkpoint) = SignedCheckpoint::open(format!("{note}\n").as_bytes(), key) {
                return Some(checkpoint);
            }
            end = start;
        }
    }
    None
}

/// Each line with the place where it begins.
fn lines(text: &str) -> Vec<(usize, &str)> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches('\n'))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use pli_audit::{Checkpoint, Hash, SignerKey};
    use pli_types::Secret;

    use super::*;

    fn key(byte: u8) -> SignerKey {
        SignerKey::from_seed("mss.a.test/audit", &Secret::new([byte; 32])).unwrap()
    }

    fn signed(size: u64, key: &SignerKey) -> SignedCheckpoint {
        Checkpoint::new("mss.a.test/audit", size, Hash::EMPTY).unwrap().sign(key).unwrap()
    }

    #[test]
    fn the_last_that_is_whole_and_ours_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let outlet = Outlet::new(folder.path().join("checkpoints"));
        let (ours, other) = (key(1), key(2));
        assert_eq!(outlet.last(ours.verifier()), None);
        for size in 1..2000 {
            outlet.append(&signed(size, &ours)).unwrap();
        }
        assert_eq!(outlet.last(ours.verifier()), Some(signed(1999, &ours)));
        outlet.append(&signed(2000, &other)).unwrap();
        assert_eq!(outlet.last(ours.verifier()), Some(signed(1999, &ours)), "signed by somebody else");
        // The power failed.
        let mut file = OpenOptions::new().append(true).open(outlet.path()).unwrap();
        file.write_all(b"mss.a.test/audit\n2001\n47DEQpj8HB").unwrap();
        assert_eq!(outlet.last(ours.verifier()), Some(signed(1999, &ours)), "cut off");
        outlet.append(&signed(2001, &ours)).unwrap();
        assert_eq!(outlet.last(ours.verifier()), Some(signed(2001, &ours)));
    }
}
