//! [`TrustHandle`]: the list in force, read from a file and swapped when the file changes.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use crate::trust_list::{ListFault, TrustList};

/// The list in force. Cheap to clone; reading takes no lock.
#[derive(Debug, Clone)]
pub struct TrustHandle {
    path: PathBuf,
    current: Arc<ArcSwapOption<TrustList>>,
    seen: Arc<Mutex<Option<Seen>>>,
}

/// The file as it was when it was last read, and what was thought of it.
#[derive(Debug)]
struct Seen {
    version: Version,
    fault: Option<ListFault>,
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

impl TrustHandle {
    /// A handle on the list in this file; nothing is read yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), current: Arc::default(), seen: Arc::default() }
    }

    /// The list in force, if there is one.
    #[must_use]
    pub fn current(&self) -> Option<Arc<TrustList>> {
        self.current.load_full()
    }

    /// Reads the file if it has changed since, checks it, and puts it in force. The list in force stays if
    /// the new one is not fit, or is older. True if a new list came into force.
    ///
    /// As long as an unfit file lies there, each call answers with its fault again, without reading it again. Reads
    /// from disk and parses: some 20 ms for the whole country's list.
    pub fn refresh(&self) -> Result<bool, ListFault> {
        // Held all along, so that two callers cannot put two lists in force in the wrong order.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.regular_file().map_err(|error| self.unreadable(&error))?;
        if let Some(seen) = seen.as_ref().filter(|seen| seen.version == version) {
            return seen.fault.clone().map_or(Ok(false), Err);
        }
        let (version, bytes) = self.read().map_err(|error| self.unreadable(&error))?;
        let installed = TrustList::parse(&bytes).and_then(|list| self.install(list));
        // Without a version, the file changed under our eyes: what was read counts, but it is read again next time.
        *seen = version.map(|version| Seen { version, fault: installed.clone().err() });
        installed.map(|()| true)
    }

    /// Opening anything else, such as a pipe, could wait for ever.
    fn regular_file(&self) -> io::Result<Version> {
        let metadata = std::fs::metadata(&self.path)?;
        if metadata.is_file() { Ok(Version::of(&metadata)) } else { Err(io::Error::other("not a regular file")) }
    }

    /// The content, one byte over the limit at most, and the version if it stayed the same while reading.
    fn read(&self) -> io::Result<(Option<Version>, Vec<u8>)> {
        let mut file = File::open(&self.path)?;
        let before = Version::of(&file.metadata()?);
        let mut bytes = Vec::new();
        file.by_ref().take(TrustList::BYTES_MAX + 1).read_to_end(&mut bytes)?;
        let after = Version::of(&file.metadata()?);
        Ok(((before == after).then_some(after), bytes))
    }

    fn install(&self, list: TrustList) -> Result<(), ListFault> {
        if self.current.load().as_ref().is_some_and(|current| list.generated_at() < current.generated_at()) {
            return Err(ListFault::Older);
        }
        self.current.store(Some(Arc::new(list)));
        Ok(())
    }

    fn unreadable(&self, error: &io::Error) -> ListFault {
        ListFault::Unreadable(format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use pli_types::Domain;
    use tempfile::TempDir;

    use super::*;
    use crate::trust_list::tests::list_of;

    /// A folder with a list file and a handle on it.
    struct Fixture {
        folder: TempDir,
        handle: TrustHandle,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let handle = TrustHandle::new(&folder.path().join("whitelist.xml"));
            Self { folder, handle }
        }

        /// Puts a list with this one domain in place, as a careful writer does: whole, by renaming.
        fn put(&self, date: &str, domain: &str) {
            self.put_text(&list_of(date, &[(domain, "CN=mss.a.fr,C=FR")]));
        }

        fn put_text(&self, text: &str) {
            let new = self.folder.path().join("new.xml");
            fs::write(&new, text).unwrap();
            fs::rename(&new, &self.handle.path).unwrap();
        }

        #[track_caller]
        fn in_force(&self, domain: &str) {
            let list = self.handle.current().expect("a list in force");
            assert!(list.lists_domain(&Domain::parse(domain).unwrap()), "{domain} is listed");
        }
    }

    #[test]
    fn a_newer_list_takes_the_place_of_the_one_in_force() {
        let fixture = Fixture::new();
        assert!(fixture.handle.current().is_none());
        fixture.put("2026-03-14T12:00:00Z", "a.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true));
        fixture.in_force("a.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(false), "the same file is not read twice");
        let clone = fixture.handle.clone();
        fixture.put("2026-03-14T12:00:01Z", "b.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true));
        assert!(
            clone.current().unwrap().lists_domain(&Domain::parse("b.mssante.fr").unwrap()),
            "one list for all clones"
        );
    }

    #[test]
    fn a_list_whose_date_goes_back_is_not_installed() {
        let fixture = Fixture::new();
        fixture.put("2026-03-14T12:00:00Z", "a.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true));
        fixture.put("2026-03-14T11:59:59Z", "b.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Err(ListFault::Older));
        assert_eq!(fixture.handle.refresh(), Err(ListFault::Older), "it is told as long as it lies there");
        fixture.in_force("a.mssante.fr");
        fixture.put("2026-03-14T14:00:00+02:00", "c.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true), "the same instant is not older");
        fixture.in_force("c.mssante.fr");
    }

    #[test]
    fn a_list_that_is_not_fit_leaves_the_one_in_force() {
        let fixture = Fixture::new();
        fixture.put("2026-03-14T12:00:00Z", "a.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true));
        let newer = list_of("2027-01-01T00:00:00Z", &[("b.mssante.fr", "CN=mss.b.fr,C=FR")]);
        fixture.put_text(newer.strip_suffix("</ListeBlancheMSSante>\n").unwrap());
        assert!(matches!(fixture.handle.refresh(), Err(ListFault::Malformed(_))));
        fixture.in_force("a.mssante.fr");
        fs::remove_file(&fixture.handle.path).unwrap();
        assert!(matches!(fixture.handle.refresh(), Err(ListFault::Unreadable(_))));
        fixture.in_force("a.mssante.fr");
        fixture.put_text(&newer);
        assert_eq!(fixture.handle.refresh(), Ok(true), "and it is read again when it has been mended");
        fixture.in_force("b.mssante.fr");
    }

    #[test]
    fn a_file_that_was_not_there_is_found_when_it_comes() {
        let fixture = Fixture::new();
        let fault = fixture.handle.refresh().unwrap_err();
        assert!(fault.to_string().contains("whitelist.xml"), "{fault}");
        fixture.put("2026-03-14T12:00:00Z", "a.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true));
    }

    #[test]
    fn a_write_in_place_that_keeps_length_and_time_is_seen() {
        let fixture = Fixture::new();
        fixture.put("2026-03-14T12:00:00Z", "a.mssante.fr");
        assert_eq!(fixture.handle.refresh(), Ok(true));
        let modified = fs::metadata(&fixture.handle.path).unwrap().modified().unwrap();
        // The inode's own time moves by ticks of the kernel: write until one has passed.
        for _ in 0..1_000_000 {
            fs::write(&fixture.handle.path, list_of("2026-03-14T12:00:00Z", &[("b.mssante.fr", "CN=mss.a.fr,C=FR")]))
                .unwrap();
            File::options().write(true).open(&fixture.handle.path).unwrap().set_modified(modified).unwrap();
            if fixture.handle.refresh() == Ok(true) {
                break;
            }
        }
        fixture.in_force("b.mssante.fr");
    }

    #[test]
    fn a_folder_is_not_a_list() {
        let fixture = Fixture::new();
        fs::create_dir(&fixture.handle.path).unwrap();
        assert!(matches!(fixture.handle.refresh(), Err(ListFault::Unreadable(_))));
    }

    #[test]
    fn a_file_over_the_limit_is_not_read_whole() {
        let fixture = Fixture::new();
        File::create(&fixture.handle.path).unwrap().set_len(TrustList::BYTES_MAX * 2).unwrap();
        assert_eq!(fixture.handle.refresh(), Err(ListFault::TooLarge));
    }
}
