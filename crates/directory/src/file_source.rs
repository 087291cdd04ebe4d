//! [`FileSource`]: a list that comes from a file, read when the file changes.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::list_fault::ListFault;
use crate::trust_list::TrustList;

/// A list's file. Remembers what it looked like when it was last read.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
    seen: Option<Version>,
}

/// What changes when a file is written or another takes its place: device, inode, length, and the times of the last
/// change of content and of inode. The latter catches a write of the same length that sets the time back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version([i128; 5]);

impl Version {
    fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self([
            metadata.dev().into(),
            metadata.ino().into(),
            metadata.len().into(),
            nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        ])
    }
}

impl FileSource {
    /// The list in this file; nothing is read yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: None }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content and the time of its last change, if the file has changed since the last time that it was read. A file
    /// over [`TrustList::BYTES_MAX`] is cut one byte above it.
    pub fn read_if_changed(&mut self) -> Result<Option<(Vec<u8>, Timestamp)>, ListFault> {
        // Forgotten until it has been read: a file that went away and came back is read again.
        let seen = self.seen.take();
        let metadata = self.regular_file().map_err(|error| self.unreadable(&error))?;
        if seen == Some(Version::of(&metadata)) {
            self.seen = seen;
            return Ok(None);
        }
        let (version, modified, bytes) = self.read().map_err(|error| self.unreadable(&error))?;
        // Without a version, the file changed under our eyes: what was read counts, but it is read again next time.
        self.seen = version;
        Ok(Some((bytes, modified)))
    }

    /// The next look reads the file, changed or not: for a list that could not be kept.
    pub fn forget(&mut self) {
        self.seen = None;
    }

    /// Opening anything else, such as a pipe, could wait for ever.
    fn regular_file(&self) -> io::Result<Metadata> {
        let metadata = std::fs::metadata(&self.path)?;
        if metadata.is_file() { Ok(metadata) } else { Err(io::Error::other("not a regular file")) }
    }

    fn read(&self) -> io::Result<(Option<Version>, Timestamp, Vec<u8>)> {
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let before = Version::of(&metadata);
        let mut bytes = Vec::new();
        file.by_ref().take(TrustList::BYTES_MAX + 1).read_to_end(&mut bytes)?;
        let after = Version::of(&file.metadata()?);
        let modified = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
        Ok(((before == after).then_some(after), modified, bytes))
    }

    fn unreadable(&self, error: &io::Error) -> ListFault {
        ListFault::Unreadable(format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn source() -> (TempDir, FileSource) {
        let folder = TempDir::new().unwrap();
        let source = FileSource::new(&folder.path().join("whitelist.xml"));
        (folder, source)
    }

    fn read(source: &mut FileSource) -> Option<String> {
        source.read_if_changed().unwrap().map(|(bytes, _)| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_file_is_read_once_a_change() {
        let (_folder, mut source) = source();
        fs::write(source.path(), "one").unwrap();
        assert_eq!(read(&mut source).as_deref(), Some("one"));
        assert_eq!(read(&mut source), None);
        fs::write(source.path(), "other").unwrap();
        assert_eq!(read(&mut source).as_deref(), Some("other"));
        source.forget();
        assert_eq!(read(&mut source).as_deref(), Some("other"), "when asked to forget");
    }

    #[test]
    fn a_file_that_was_not_there_is_found_when_it_comes() {
        let (_folder, mut source) = source();
        let fault = source.read_if_changed().unwrap_err();
        assert!(matches!(&fault, ListFault::Unreadable(what) if what.contains("whitelist.xml")), "{fault}");
        fs::write(source.path(), "one").unwrap();
        assert!(read(&mut source).is_some());
        fs::remove_file(source.path()).unwrap();
        assert!(source.read_if_changed().is_err());
    }

    #[test]
    fn a_write_in_place_that_keeps_length_and_time_is_seen() {
        let (_folder, mut source) = source();
        fs::write(source.path(), "aaa").unwrap();
        assert!(read(&mut source).is_some());
        let modified = fs::metadata(source.path()).unwrap().modified().unwrap();
        // The inode's own time moves by ticks of the kernel: write until one has passed.
        for _ in 0..1_000_000 {
            fs::write(source.path(), "bbb").unwrap();
            File::options().write(true).open(source.path()).unwrap().set_modified(modified).unwrap();
            if let Some(text) = read(&mut source) {
                assert_eq!(text, "bbb");
                return;
            }
        }
        panic!("the change was not seen");
    }

    #[test]
    fn the_time_is_that_of_the_last_change() {
        let (_folder, mut source) = source();
        let then: Timestamp = "2026-03-14T12:00:00Z".parse().unwrap();
        fs::write(source.path(), "one").unwrap();
        File::options().write(true).open(source.path()).unwrap().set_modified(then.into()).unwrap();
        assert_eq!(source.read_if_changed().unwrap().unwrap().1, then);
    }

    #[test]
    fn a_folder_is_not_a_list() {
        let (_folder, mut source) = source();
        fs::create_dir(source.path()).unwrap();
        assert!(matches!(source.read_if_changed(), Err(ListFault::Unreadable(_))));
    }

    #[test]
    fn a_file_over_the_limit_is_not_read_whole() {
        let (_folder, mut source) = source();
        File::create(source.path()).unwrap().set_len(TrustList::BYTES_MAX * 2).unwrap();
        let (bytes, _) = source.read_if_changed().unwrap().unwrap();
        assert_eq!(u64::try_from(bytes.len()).unwrap(), TrustList::BYTES_MAX + 1);
    }
}
