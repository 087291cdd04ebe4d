//! Which points are armed, and what happens there.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

/// The file that says which points are armed, looked at again whenever a point is reached.
static FILE: OnceLock<Mutex<Book>> = OnceLock::new();

/// What the file said when it was last read.
struct Book {
    path: PathBuf,
    /// Modification time and length of what was read; `None` while there is no file.
    seen: Option<(SystemTime, u64)>,
    armed: Vec<Armed>,
}

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
struct Armed {
    name: String,
    /// How often the point is still passed as if nothing were there.
    passes: u64,
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// The process ends at once: no destructor runs, nothing is flushed.
    Abort,
    /// The step fails, once.
    Error,
}

/// From now on, points do what this file says: a line each, `name=N:action`, where `abort` ends the process when the point
/// is reached for the Nth time after the file was written, and `error` makes the step fail. No file: nothing is armed.
pub fn arm(path: PathBuf) {
    // A second call changes nothing: one file for the life of a process.
    FILE.get_or_init(|| Mutex::new(Book { path, seen: None, armed: Vec::new() }));
}

/// The point was reached. True if the step shall fail.
pub fn reached(name: &str) -> bool {
    let Some(book) = FILE.get() else { return false };
    let action = lock(book).action_at(name);
    match action {
        None => false,
        Some(Action::Error) => {
            tell(name, "fails");
            true
        }
        Some(Action::Abort) => {
            tell(name, "ends the process");
            std::process::abort();
        }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Straight to the standard error: a log that is buffered would be lost.
fn tell(name: &str, what: &str) {
    // Nobody may read it: that is no reason not to do it.
    std::io::stderr().write_all(format!("failpoint {name}: {what}\n").as_bytes()).ok();
}

impl Book {
    fn action_at(&mut self, name: &str) -> Option<Action> {
        self.look();
        let position = self.armed.iter().position(|armed| armed.name == name)?;
        let armed = self.armed.get_mut(position)?;
        if armed.passes > 0 {
            armed.passes -= 1;
            return None;
        }
        Some(self.armed.swap_remove(position).action)
    }

    /// Reads the file if it is another than the one read last.
    fn look(&mut self) {
        let stamp = fs::metadata(&self.path).and_then(|file| Ok((file.modified()?, file.len()))).ok();
        if stamp == self.seen {
            return;
        }
        self.seen = stamp;
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        self.armed = text.lines().filter_map(parse).collect();
    }
}

/// `store.commit.before=3:abort`. A line that makes no sense arms nothing: the test that wrote it waits for nothing, and
/// says so.
fn parse(line: &str) -> Option<Armed> {
    let (name, rest) = line.trim().split_once('=')?;
    let (nth, action) = rest.split_once(':')?;
    let action = match action {
        "abort" => Action::Abort,
        "error" => Action::Error,
        _ => return None,
    };
    let passes = nth.parse::<u64>().ok()?.checked_sub(1)?;
    Some(Armed { name: name.to_owned(), passes, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_fails_the_nth_time_and_once() {
        let mut book = Book { path: PathBuf::from("/nowhere"), seen: None, armed: Vec::new() };
        book.armed = ["a.b=2:error", "c.d=1:error"].iter().filter_map(|line| parse(line)).collect();
        let fired: Vec<bool> = ["a.b", "x.y", "a.b", "a.b", "c.d"].map(|name| book.action_at(name).is_some()).into();
        // The file that is not there is what was read last: it disarms nothing.
        assert_eq!(fired, [false, false, true, false, true]);
    }

    #[test]
    fn the_file_is_read_again_when_it_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points");
        let mut book = Book { path: path.clone(), seen: None, armed: Vec::new() };
        assert_eq!(book.action_at("a.b"), None);
        fs::write(&path, "a.b=1:abort\n").unwrap();
        assert_eq!(book.action_at("a.b"), Some(Action::Abort));
        assert_eq!(book.action_at("a.b"), None);
        fs::remove_file(&path).unwrap();
        assert_eq!(book.action_at("a.b"), None);
        assert!(book.armed.is_empty());
    }

    #[test]
    fn a_line_that_makes_no_sense_arms_nothing() {
        for line in ["", "a.b", "a.b=1", "a.b=0:abort", "a.b=x:abort", "a.b=1:explode"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
