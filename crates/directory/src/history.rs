//! [`HistoryRow`]: what happened to the list, one row an event; and the file that they are written to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::place::Place;

/// What was done with a list that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryAction {
    /// It came into force.
    Installed,
    /// It lost too many domains and waits for an admin.
    Held,
    /// It was refused.
    Refused,
    /// An admin went back to it.
    RolledBack,
}

/// One event in the life of the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct HistoryRow {
    /// Counted from 1.
    pub number: u64,
    /// When it happened, for the first time.
    pub at: Timestamp,
    /// When it happened last: the same refusal, time after time, is one row.
    pub last_at: Timestamp,
    /// How often it happened without anything else in between.
    pub count: u64,
    /// What was done.
    pub action: HistoryAction,
    /// SHA-256 of the list, if there were bytes.
    pub digest: Option<String>,
    /// `DateDeGeneration`, if the list was read that far.
    pub generated_at: Option<Timestamp>,
    /// Its entries, if the list was read that far.
    pub entries: Option<usize>,
    /// Its domains, if the list was read that far.
    pub domains: Option<usize>,
    /// Where it came from: an address, a file, or a word.
    pub source: String,
    /// The admin, if one did it.
    pub by: Option<String>,
    /// The reason that the admin gave.
    pub reason: Option<String>,
    /// The code of the fault, if it was refused or held.
    pub fault: Option<String>,
    /// The fault in words; of a rollback, which list was left.
    pub detail: Option<String>,
}

impl HistoryRow {
    /// A row of this moment; the rest is for the caller to fill in.
    pub(crate) fn new(action: HistoryAction, source: &str, at: Timestamp) -> Self {
        Self {
            number: 0,
            at,
            last_at: at,
            count: 1,
            action,
            digest: None,
            generated_at: None,
            entries: None,
            domains: None,
            source: source.to_owned(),
            by: None,
            reason: None,
            fault: None,
            detail: None,
        }
    }

    /// Has the same thing happened again, for the same cause? A publisher that stays unreachable for a week is one event, not 168.
    fn repeats(&self, before: &Self) -> bool {
        let of = |row: &Self| (row.action, row.digest.clone(), row.source.clone(), row.by.clone());
        let cause = |row: &Self| (row.fault.clone(), row.detail.clone());
        self.fault.is_some() && of(self) == of(before) && cause(self) == cause(before)
    }
}

const FILE: &str = "history.jsonl";

/// The most rows that are kept.
const ROWS_MAX: usize = 500;

/// The most bytes that a sound file has: some four times what twice the rows take.
const BYTES_MAX: u64 = 4 << 20;

/// The rows, and the file that holds them: one line a row. A row that counts higher is written again, under the same
/// number; the last line of a number counts.
#[derive(Debug, Default)]
pub(crate) struct History {
    rows: Vec<HistoryRow>,
    lines: usize,
    /// The file may end within a line, or lack one: it is written anew next time.
    unsound: bool,
}

impl History {
    /// Reads the file. What cannot be read of it is told and left out.
    pub(crate) fn read(place: &Place, warnings: &mut Vec<String>) -> Self {
        let text = match place.read(FILE, BYTES_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Self::default(),
            Err(error) => {
                warnings.push(format!("{FILE} cannot be read, a new one is begun: {error}"));
                return Self { unsound: true, ..Self::default() };
            }
        };
        let mut history = Self { unsound: !text.is_empty() && !text.ends_with('\n'), ..Self::default() };
        for line in text.lines() {
            history.lines += 1;
            match serde_json::from_str::<HistoryRow>(line) {
                Ok(row) => history.take(row),
                Err(_) => history.unsound = true,
            }
        }
        if history.unsound {
            warnings.push(format!("{FILE} was damaged; what can be read of it is kept"));
        }
        history.bound();
        history
    }

    fn take(&mut self, row: HistoryRow) {
        match self.rows.last_mut() {
            Some(last) if last.number == row.number => *last = row,
            _ => self.rows.push(row),
        }
    }

    fn bound(&mut self) {
        self.rows.drain(..self.rows.len().saturating_sub(ROWS_MAX));
    }

    /// All rows, oldest first.
    pub(crate) fn rows(&self) -> &[HistoryRow] {
        &self.rows
    }

    /// Adds a row, or counts the last one up. What cannot be written stays in memory and is written with the next row:
    /// the history is told about the list, it does not hold it up.
    pub(crate) fn add(&mut self, row: HistoryRow, place: &mut Place) {
        let (row, told) = match self.rows.last().filter(|last| row.repeats(last)) {
            Some(last) => {
                let count = last.count + 1;
                // Written when it doubles: a publisher that is asked every second must not wear out the disk.
                (HistoryRow { count, number: last.number, at: last.at, ..row }, count.is_power_of_two())
            }
            None => (HistoryRow { number: self.rows.last().map_or(1, |last| last.number + 1), ..row }, true),
        };
        self.take(row.clone());
        self.bound();
        if told && self.write(&row, place).is_err() {
            self.unsound = true;
        }
    }

    fn write(&mut self, row: &HistoryRow, place: &mut Place) -> std::io::Result<()> {
        let line = |row: &HistoryRow| serde_json::to_string(row).map(|line| line + "\n");
        if !self.unsound && self.lines < ROWS_MAX * 2 {
            place.append(FILE, line(row)?.as_bytes())?;
            self.lines += 1;
            return Ok(());
        }
        let whole = self.rows.iter().map(line).collect::<Result<String, _>>()?;
        place.write(FILE, whole.as_bytes())?;
        (self.lines, self.unsound) = (self.rows.len(), false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Place {
        Place::Memory(std::collections::BTreeMap::default())
    }

    fn refusal(fault: &str) -> HistoryRow {
        let row = HistoryRow::new(HistoryAction::Refused, "https://publisher.test", Timestamp::UNIX_EPOCH);
        HistoryRow { fault: Some(fault.to_owned()), ..row }
    }

    fn read(place: &Place) -> (Vec<HistoryRow>, Vec<String>) {
        let mut warnings = Vec::new();
        (History::read(place, &mut warnings).rows, warnings)
    }

    #[test]
    fn the_same_refusal_time_after_time_is_one_row() {
        let (mut history, mut place) = (History::default(), memory());
        for fault in ["a", "a", "a", "a", "b", "a"] {
            history.add(refusal(fault), &mut place);
        }
        let told: Vec<_> = history.rows().iter().map(|row| (row.number, row.count)).collect();
        assert_eq!(told, [(1, 4), (2, 1), (3, 1)]);
        assert_eq!(read(&place), (history.rows, Vec::new()), "and it is read as it was written");
    }

    #[test]
    fn the_same_refusal_for_another_cause_is_a_row_of_its_own() {
        let (mut history, mut place) = (History::default(), memory());
        for detail in ["refused", "refused", "no such host"] {
            history.add(HistoryRow { detail: Some(detail.to_owned()), ..refusal("a") }, &mut place);
        }
        let told: Vec<_> = history.rows().iter().map(|row| (row.detail.as_deref().unwrap(), row.count)).collect();
        assert_eq!(told, [("refused", 2), ("no such host", 1)]);
    }

    #[test]
    fn what_was_done_twice_is_two_rows() {
        let (mut history, mut place) = (History::default(), memory());
        for _ in 0..2 {
            let row = HistoryRow::new(HistoryAction::Installed, "whitelist.xml", Timestamp::UNIX_EPOCH);
            history.add(row, &mut place);
        }
        assert_eq!(history.rows().len(), 2);
    }

    #[test]
    fn a_line_cut_by_a_power_cut_costs_that_line_only() {
        let (mut history, mut place) = (History::default(), memory());
        for fault in ["a", "b", "c"] {
            history.add(refusal(fault), &mut place);
        }
        let bytes = place.read(FILE, BYTES_MAX).unwrap();
        place.write(FILE, &bytes[..bytes.len() - 10]).unwrap();
        let mut warnings = Vec::new();
        let mut history = History::read(&place, &mut warnings);
        assert_eq!((history.rows().len(), warnings.len()), (2, 1));
        history.add(refusal("d"), &mut place);
        let (rows, warnings) = read(&place);
        assert_eq!((rows, warnings), (history.rows, Vec::new()), "the next row mends the file");
    }

    #[test]
    fn rows_and_file_are_bounded() {
        let (mut history, mut place) = (History::default(), memory());
        for number in 0..ROWS_MAX * 3 {
            history.add(refusal(&number.to_string()), &mut place);
        }
        assert_eq!(history.rows().len(), ROWS_MAX);
        assert_eq!(history.rows()[0].number, u64::try_from(ROWS_MAX * 2 + 1).unwrap());
        let text = String::from_utf8(place.read(FILE, BYTES_MAX).unwrap()).unwrap();
        let lines = text.lines().count();
        assert!(lines <= ROWS_MAX * 2, "{lines}");
    }
}
