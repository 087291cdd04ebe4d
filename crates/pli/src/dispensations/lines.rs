//! Lines that say what was dispensed: `ins;finess;date;reimbursed`, or the same as JSON. A line that is none is told by
//! its number and a code, never by its text: it names a patient.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use jiff::civil::Date;
use pli_store::Dispensing;
use pli_types::{FinessId, Ins};
use serde::Deserialize;

use super::{Counts, Window};

/// The first line of a file.
pub(crate) const HEADER: &str = "ins;finess;date;reimbursed";
/// The most bytes of a line; a good one has less than half of it.
const LINE_BYTES_MAX: usize = 256;

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFault {
    /// Not four cells, or not an object with these four members.
    Columns,
    /// Longer than any line is.
    Long,
    /// No INS: its shape, or its key.
    Ins,
    /// No FINESS number.
    Finess,
    /// No day of the calendar, written as 2026-11-23.
    Date,
    /// A day that has not come yet.
    Future,
    /// Neither `yes` nor `no`.
    Reimbursed,
}

impl LineFault {
    /// Stable.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Columns => "line-columns",
            Self::Long => "line-long",
            Self::Ins => "line-ins",
            Self::Finess => "line-finess",
            Self::Date => "line-date",
            Self::Future => "line-date-future",
            Self::Reimbursed => "line-reimbursed",
        }
    }
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The columns of [`HEADER`], which is the first line.
    Csv,
    /// The same without a header.
    Bare,
    /// An object a line, `reimbursed` being true or false.
    Json,
}

/// Why lines cannot be read.
#[derive(Debug)]
pub(crate) enum ReadFault {
    Unreadable(io::Error),
    /// The first line is not [`HEADER`].
    Header,
}

impl From<io::Error> for ReadFault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Some lines, read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// What is to be kept.
    pub(crate) dispensings: Vec<Dispensing>,
    /// By line, the header's being 1.
    pub(crate) faults: Vec<(u64, LineFault)>,
    /// Counts of all but what the store tells.
    pub(crate) counts: Counts,
}

/// Reads lines, in the memory of some.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    form: Form,
    window: Window,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the header, where there is one.
    pub(crate) fn begin(input: R, form: Form, window: Window) -> Result<Self, ReadFault> {
        let mut lines = Self { input, form, window, line: 0, buffer: Vec::with_capacity(LINE_BYTES_MAX) };
        if form == Form::Csv {
            let there = lines.line()?;
            let header = lines.buffer.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&lines.buffer);
            if !there || header != HEADER.as_bytes() {
                return Err(ReadFault::Header);
            }
        }
        Ok(lines)
    }

    /// The next ones; `None` at the end.
    pub(crate) fn next(&mut self, most: usize) -> Result<Option<Batch>, ReadFault> {
        let mut batch = Batch::default();
        while usize::try_from(batch.counts.lines).is_ok_and(|lines| lines < most) && self.line()? {
            if self.buffer.is_empty() {
                continue;
            }
            batch.counts.lines += 1;
            match self.read() {
                Ok(dispensing) if dispensing.on < self.window.oldest => batch.counts.outdated += 1,
                Ok(dispensing) => batch.dispensings.push(dispensing),
                Err(fault) => {
                    batch.counts.refused += 1;
                    batch.faults.push((self.line, fault));
                }
            }
        }
        Ok((batch.counts.lines > 0).then_some(batch))
    }

    fn read(&self) -> Result<Dispensing, LineFault> {
        if self.buffer.len() >= LINE_BYTES_MAX {
            return Err(LineFault::Long);
        }
        let dispensing = if self.form == Form::Json { from_json(&self.buffer) } else { from_cells(&self.buffer) }?;
        if dispensing.on > self.window.latest { Err(LineFault::Future) } else { Ok(dispensing) }
    }

    /// Reads a line without its end; of one that is too long, as much as tells so. `false` at the end.
    fn line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let most = LINE_BYTES_MAX as u64;
        if (&mut self.input).take(most).read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(false);
        }
        self.line += 1;
        if self.buffer.last() != Some(&b'\n') && self.buffer.len() >= LINE_BYTES_MAX {
            self.skip()?;
            return Ok(true);
        }
        while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
            self.buffer.pop();
        }
        Ok(true)
    }

    /// Passes over the rest of a line.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let part = self.input.fill_buf()?;
            let (used, ended) = match part.iter().position(|byte| *byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (part.len(), part.is_empty()),
            };
            self.input.consume(used);
            if ended {
                return Ok(());
            }
        }
    }
}

/// Faults, counted by code.
pub(crate) fn count_by_code(faults: &[(u64, LineFault)], counts: &mut BTreeMap<&'static str, u64>) {
    for (_, fault) in faults {
        *counts.entry(fault.code()).or_default() += 1;
    }
}

/// The line that says this, its end included.
pub(crate) fn write(dispensing: &Dispensing, out: &mut Vec<u8>) {
    let Dispensing { patient, pharmacy, on, reimbursed } = dispensing;
    let reimbursed = if *reimbursed { "yes" } else { "no" };
    // Writing to memory cannot fail.
    writeln!(out, "{};{pharmacy};{on};{reimbursed}", patient.reveal()).ok();
}

fn from_cells(line: &[u8]) -> Result<Dispensing, LineFault> {
    let mut cells = line.split(|byte| *byte == b';').map(|cell| str::from_utf8(cell).unwrap_or_default().trim());
    let (Some(ins), Some(finess), Some(on), Some(reimbursed), None) =
        (cells.next(), cells.next(), cells.next(), cells.next(), cells.next())
    else {
        return Err(LineFault::Columns);
    };
    let reimbursed = match reimbursed {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    dispensing(ins, finess, on, reimbursed)
}

/// What a program may write in a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'l> {
    ins: &'l str,
    finess: &'l str,
    date: &'l str,
    reimbursed: bool,
}

fn from_json(line: &[u8]) -> Result<Dispensing, LineFault> {
    let written: Written<'_> = serde_json::from_slice(line).map_err(|_| LineFault::Columns)?;
    dispensing(written.ins, written.finess, written.date, Some(written.reimbursed))
}

fn dispensing(ins: &str, finess: &str, on: &str, reimbursed: Option<bool>) -> Result<Dispensing, LineFault> {
    Ok(Dispensing {
        patient: Ins::parse(ins).map_err(|_| LineFault::Ins)?,
        pharmacy: FinessId::parse(finess).map_err(|_| LineFault::Finess)?,
        on: day(on).ok_or(LineFault::Date)?,
        reimbursed: reimbursed.ok_or(LineFault::Reimbursed)?,
    })
}

/// `2026-11-23`, and nothing else that a date may look like.
fn day(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0i16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
    Date::new(number(&[y1, y2, y3, y4])?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "279035121518989;2A0000014;2026-11-20;yes";

    fn window() -> Window {
        Window::at("2026-11-23T12:00:00Z".parse().unwrap(), "400d".parse().unwrap())
    }

    fn read(text: &str, form: Form) -> Batch {
        Lines::begin(text.as_bytes(), form, window()).unwrap().next(usize::MAX).unwrap().unwrap_or_default()
    }

    fn codes(text: &str, form: Form) -> Vec<(u64, &'static str)> {
        read(text, form).faults.iter().map(|(line, fault)| (*line, fault.code())).collect()
    }

    #[test]
    fn a_line_says_who_dispensed_to_whom_and_when() {
        for text in [
            format!("\u{feff}{HEADER}\r\n\r\n{GOOD}\r\n"),
            format!("{HEADER}\n 279035121518989 ; 2a0000014;2026-11-20;yes"),
        ] {
            let batch = read(&text, Form::Csv);
            let [dispensing] = batch.dispensings.as_slice() else { panic!("{batch:?}") };
            assert_eq!(dispensing.patient.reveal(), "279035121518989");
            assert_eq!((dispensing.pharmacy.as_str(), dispensing.reimbursed), ("2A0000014", true));
            assert_eq!(dispensing.on, jiff::civil::date(2026, 11, 20));
            assert_eq!((batch.counts.lines, batch.counts.refused), (1, 0));
            let mut again = Vec::new();
            write(dispensing, &mut again);
            assert_eq!(String::from_utf8(again).unwrap(), format!("{GOOD}\n"));
        }
        let json = r#"{"ins":"279035121518989","finess":"2A0000014","date":"2026-11-20","reimbursed":false}"#;
        assert!(!read(json, Form::Json).dispensings[0].reimbursed);
    }

    #[test]
    fn a_line_that_is_none_is_told_by_number_and_code() {
        let long = "9".repeat(100_000);
        for (line, code) in [
            ("279035121518989;2A0000014;2026-11-20", "line-columns"),
            ("279035121518989;2A0000014;2026-11-20;yes;", "line-columns"),
            ("\"279035121518989\";2A0000014;2026-11-20;yes", "line-ins"),
            ("279035121518988;2A0000014;2026-11-20;yes", "line-ins"),
            ("\u{fffd};2A0000014;2026-11-20;yes", "line-ins"),
            ("279035121518989;2C0000014;2026-11-20;yes", "line-finess"),
            ("279035121518989;2A0000014;20/11/2026;yes", "line-date"),
            ("279035121518989;2A0000014;2026-02-29;yes", "line-date"),
            ("279035121518989;2A0000014;2026-1120-;yes", "line-date"),
            ("279035121518989;2A0000014;2026-11-25;yes", "line-date-future"),
            ("279035121518989;2A0000014;2026-11-20;oui", "line-reimbursed"),
            (long.as_str(), "line-long"),
        ] {
            let text = format!("{HEADER}\n{GOOD}\n{line}\n{GOOD}");
            assert_eq!(codes(&text, Form::Csv), [(3, code)]);
            assert_eq!(read(&text, Form::Csv).dispensings.len(), 2, "{code}: the others are read");
        }
        for line in ["", "[]", "{}", "{\"ins\":1}", "null", "{"] {
            let text = format!("{line}x\n");
            assert_eq!(codes(&text, Form::Json), [(1, "line-columns")], "{line}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_a_fault_and_no_panic() {
        let bytes = [HEADER.as_bytes(), b"\n\xff\xfe;\xff;\xff;\xff\n\x00\n"].concat();
        let batch = Lines::begin(bytes.as_slice(), Form::Csv, window()).unwrap().next(10).unwrap().unwrap();
        assert_eq!(batch.counts.refused, 2);
    }

    #[test]
    fn what_is_too_old_to_be_kept_is_counted_and_is_no_fault() {
        let text =
            format!("{HEADER}\n279035121518989;2A0000014;2025-10-18;yes\n279035121518989;2A0000014;2025-10-19;yes\n");
        let batch = read(&text, Form::Csv);
        assert_eq!((batch.counts.outdated, batch.dispensings.len(), batch.counts.refused), (1, 1, 0));
    }

    #[test]
    fn a_file_without_its_header_is_not_begun() {
        for text in ["", GOOD, "finess;ins;date;reimbursed\n"] {
            assert!(matches!(Lines::begin(text.as_bytes(), Form::Csv, window()), Err(ReadFault::Header)), "{text}");
        }
    }

    #[test]
    fn lines_come_a_few_at_a_time() {
        let text = format!("{HEADER}\n{}", format!("{GOOD}\nx\n").repeat(5));
        let mut lines = Lines::begin(text.as_bytes(), Form::Csv, window()).unwrap();
        let mut sizes = Vec::new();
        let mut last = 0;
        while let Some(batch) = lines.next(4).unwrap() {
            sizes.push(batch.counts.lines);
            last = batch.faults.last().unwrap().0;
        }
        assert_eq!((sizes, last), (vec![4, 4, 2], 11));
    }
}
