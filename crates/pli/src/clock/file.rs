//! [`FileClock`]: a clock that a test sets by writing a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use pli_types::Clock;

/// An instant or a span; anything longer is another file.
const FILE_BYTES_MAX: u64 = 256;

/// The machine's clock, set forwards or back by what a file says. It runs on at the machine's pace: a clock that stands
/// still would also stop the queue.
///
/// The file holds either of these, on one line:
///
/// - an instant (RFC 3339): what time it was when the file was last written (its modification time);
/// - a span with its sign, `+8d`, `-90m`, `+P7DT1H`: so much later or earlier than the machine's clock. A day has 24 hours.
///
/// It is looked at each time that somebody asks for the time. What cannot be read is warned of, once, and leaves the
/// clock as it was set before; before the first good file it is the machine's.
#[derive(Debug)]
pub(super) struct FileClock {
    path: PathBuf,
    machine: Arc<dyn Clock>,
    setting: Mutex<Setting>,
}

#[derive(Debug, Default)]
struct Setting {
    ahead: SignedDuration,
    /// Modification time and length of what was read last; `None` before, and while there is no file.
    seen: Option<(SystemTime, u64)>,
    warned: bool,
}

impl FileClock {
    pub(super) fn new(path: PathBuf, machine: Arc<dyn Clock>) -> Self {
        Self { path, machine, setting: Mutex::default() }
    }

    /// By how much the clock is ahead, after another look at the file.
    fn ahead(&self) -> SignedDuration {
        let mut setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = std::fs::metadata(&self.path).and_then(|file| Ok((file.modified()?, file.len())));
        match stamp {
            Ok(stamp) if setting.seen == Some(stamp) => return setting.ahead,
            Ok(stamp) => (setting.seen, setting.warned) = (Some(stamp), false),
            Err(_) => setting.seen = None,
        }
        match stamp.map_err(|error| error.to_string()).and_then(|(written, _)| self.read(written)) {
            Ok(ahead) => setting.ahead = ahead,
            Err(fault) if !setting.warned => {
                setting.warned = true;
                tracing::warn!(file = %self.path.display(), fault, "the clock cannot be set by this file");
            }
            Err(_) => {}
        }
        setting.ahead
    }

    fn read(&self, written: SystemTime) -> Result<SignedDuration, String> {
        let read = || -> io::Result<String> {
            let mut text = String::new();
            File::open(&self.path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
            Ok(text)
        };
        let text = read().map_err(|error| error.to_string())?;
        let written = Timestamp::try_from(written).map_err(|error| error.to_string())?;
        ahead(text.trim(), written)
    }
}

/// How far ahead of the machine's clock a file that was written then sets ours.
fn ahead(text: &str, written: Timestamp) -> Result<SignedDuration, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.duration_since(written));
    }
    let wrong = || format!("{text:?} is neither an instant as 2026-03-14T12:00:00Z nor a span as +8d or -90m");
    let (forwards, span) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(span), _) => (true, span),
        (None, Some(span)) => (false, span),
        (None, None) => return Err(wrong()),
    };
    let span: Span = span.parse().map_err(|_| wrong())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Ok(if forwards { length } else { -length })
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let now = self.machine.now();
        now.saturating_add(self.ahead()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use pli_types::ManualClock;

    use super::*;

    const NOON: &str = "2026-03-14T12:00:00Z";

    struct Fixture {
        folder: tempfile::TempDir,
        machine: Arc<ManualClock>,
        clock: FileClock,
        writes: u32,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let machine = Arc::new(ManualClock::new(NOON.parse().unwrap()));
            let clock = FileClock::new(folder.path().join("clock"), Arc::<ManualClock>::clone(&machine));
            Self { folder, machine, clock, writes: 0 }
        }

        /// Writes the file at the machine's time, by renaming.
        fn set(&mut self, text: &str) {
            // Two writes at one instant of the machine's clock differ all the same.
            self.writes += 1;
            let written = self.machine.now() + SignedDuration::from_nanos(self.writes.into());
            let beside = self.folder.path().join("beside");
            std::fs::write(&beside, text).unwrap();
            File::options().write(true).open(&beside).unwrap().set_modified(written.into()).unwrap();
            std::fs::rename(beside, self.folder.path().join("clock")).unwrap();
        }

        #[track_caller]
        fn says(&self, instant: &str) {
            let difference = self.clock.now().duration_since(instant.parse().unwrap());
            assert!(difference.abs() < SignedDuration::from_millis(1), "{} is not {instant}", self.clock.now());
        }
    }

    #[test]
    fn without_a_file_it_is_the_machines_clock() {
        let fixture = Fixture::new();
        fixture.says(NOON);
        fixture.machine.advance(SignedDuration::from_secs(5));
        fixture.says("2026-03-14T12:00:05Z");
    }

    #[test]
    fn an_instant_is_the_time_when_the_file_was_written_and_the_clock_runs_on() {
        let mut fixture = Fixture::new();
        fixture.set("2030-01-01T00:00:00Z\n");
        fixture.says("2030-01-01T00:00:00Z");
        fixture.machine.advance(SignedDuration::from_mins(1));
        fixture.says("2030-01-01T00:01:00Z");
        // Another process that starts later reads the same time.
        let other = FileClock::new(fixture.clock.path.clone(), Arc::<ManualClock>::clone(&fixture.machine));
        assert_eq!(other.now(), fixture.clock.now());
        fixture.set("2030-01-01T01:00:00+01:00");
        fixture.says("2030-01-01T00:00:00Z");
    }

    #[test]
    fn a_span_is_counted_from_the_machines_clock() {
        let mut fixture = Fixture::new();
        for (span, instant) in [
            ("+8d", "2026-03-22T12:00:00Z"),
            ("-90m", "2026-03-14T10:30:00Z"),
            ("+P7DT1H", "2026-03-21T13:00:00Z"),
            ("+0s", NOON),
        ] {
            fixture.set(span);
            fixture.says(instant);
        }
        fixture.machine.advance(SignedDuration::from_hours(1));
        fixture.says("2026-03-14T13:00:00Z");
    }

    #[test]
    fn what_cannot_be_read_leaves_the_clock_as_it_was_set() {
        let mut fixture = Fixture::new();
        fixture.set("+1h");
        fixture.says("2026-03-14T13:00:00Z");
        for bad in ["", "tomorrow", "8d", "+1month", "+", "2026-03-14", "\u{0}", &"1".repeat(5_000)] {
            fixture.set(bad);
            fixture.says("2026-03-14T13:00:00Z");
        }
        std::fs::remove_file(fixture.folder.path().join("clock")).unwrap();
        fixture.says("2026-03-14T13:00:00Z");
        fixture.set("+2h");
        fixture.says("2026-03-14T14:00:00Z");
    }
}
