//! [`Cache`]: fetched revocation lists on the disk, and where they came from.
//!
//! A folder with `points.json` and, for each distribution point that has given a list, `KEY.der`. What is read back is
//! believed no more than what a server sends: its signature is verified again.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::LIST_BYTES_MAX;
use super::point::Point;
use crate::durable;
use crate::http::Validators;

/// Of `points.json`: many times what the most points there may be need.
const INDEX_BYTES_MAX: u64 = 1 << 20;

/// The folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Is it somebody else's? Then it is only read.
    foreign: bool,
}

/// One line of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) point: Point,
    /// The address that gave the list in `KEY.der`, and when it last said that this is its list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) list: Option<Origin>,
}

/// Where a list came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) address: String,
    #[serde(flatten)]
    pub(super) validators: Validators,
    pub(super) confirmed_at: Timestamp,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, foreign: false }
    }

    /// One that another process works with: nothing is ever kept in it.
    pub(super) fn beside(folder: PathBuf) -> Self {
        Self { folder, foreign: true }
    }

    /// What was kept: no folder holds nothing; one that cannot be read is told and holds nothing either.
    pub(super) fn index(&self) -> Vec<Kept> {
        let path = self.index_path();
        let text = match bounded(&path, INDEX_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the kept distribution points cannot be read");
                return Vec::new();
            }
        };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "the kept distribution points cannot be read");
            Vec::new()
        })
    }

    /// The list that this point once gave, in DER. Not judged.
    pub(super) fn list(&self, point: &Point) -> io::Result<Vec<u8>> {
        bounded(&self.list_path(point), LIST_BYTES_MAX)
    }

    pub(super) fn keep_list(&self, point: &Point, der: &[u8]) -> io::Result<()> {
        if self.foreign {
            return Ok(());
        }
        durable::make_folder(&self.folder)?;
        durable::write(&self.list_path(point), der)
    }

    pub(super) fn keep_index(&self, kept: &[Kept]) -> io::Result<()> {
        if self.foreign {
            return Ok(());
        }
        durable::make_folder(&self.folder)?;
        durable::write(&self.index_path(), &serde_json::to_vec_pretty(kept)?)
    }

    /// Forgets a point's list.
    pub(super) fn drop_list(&self, point: &Point) {
        if self.foreign {
            return;
        }
        // If it stays, it takes some room.
        std::fs::remove_file(self.list_path(point)).ok();
    }

    fn index_path(&self) -> PathBuf {
        self.folder.join("points.json")
    }

    fn list_path(&self, point: &Point) -> PathBuf {
        self.folder.join(point.key()).with_extension("der")
    }
}

fn bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large to be ours"));
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_another_process_works_with_is_read_and_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let point = Point { authority: "CN=CA".to_owned(), addresses: vec!["http://ca.test/a.crl".to_owned()] };
        let (ours, beside) = (Cache::new(folder.path().to_owned()), Cache::beside(folder.path().to_owned()));
        let kept = [Kept { point: point.clone(), list: None }];
        ours.keep_list(&point, b"list").unwrap();
        ours.keep_index(&kept).unwrap();

        beside.keep_list(&point, b"other").unwrap();
        beside.keep_index(&[]).unwrap();
        beside.drop_list(&point);
        assert_eq!(beside.index(), kept);
        assert_eq!(beside.list(&point).unwrap(), b"list");
    }
}
