//! [`Stamp`]: has a file changed since?

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What changes when a file is written, or another takes its place: device, inode, length, and the times of the last
/// change of content and of inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp([i64; 4], [u64; 3]);

impl Stamp {
    /// `None` where there is no file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Some(Self(times, [file.dev(), file.ino(), file.len()]))
    }
}
