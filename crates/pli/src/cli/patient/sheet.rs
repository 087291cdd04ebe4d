//! [`Lines`]: a file of spaces, read line by line in a buffer of one. The other files that verbs take have thousands of
//! rows and cells of all kinds; this one has millions, of three plain cells.

use std::io::{BufRead, Read};

use jiff::civil::Date;
use pli_store::NewSpace;

use crate::admin::patient::{COLUMNS, LineFault, read_line};
use crate::cli::sheet::{Fault, columns_of};
use crate::words::Said;

/// The most bytes of a line, with room for spaces around its cells.
const LINE_BYTES_MAX: u64 = 200;
/// The most cells of a line.
const CELLS: usize = COLUMNS.len();

/// The lines after the header.
pub(super) struct Lines<R> {
    input: R,
    /// The place of each of [`COLUMNS`]; past the last cell, of one that the file has not.
    places: [usize; CELLS],
    cells: usize,
    buffer: Vec<u8>,
    today: Date,
    /// The line that was read last, the header's being 1.
    pub(super) number: u64,
    /// Bytes read.
    pub(super) bytes: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the header: `ins` and `state`, and `born` if it is there, in any order.
    pub(super) fn begin(input: R, today: Date) -> Result<Self, Fault> {
        let mut lines = Self {
            input,
            places: [CELLS; CELLS],
            cells: 0,
            buffer: Vec::with_capacity(256),
            today,
            number: 0,
            bytes: 0,
        };
        if !lines.fill().map_err(Fault::Unreadable)? {
            return Err(Fault::Header(Said::new("file-columns.empty", &[])));
        }
        let header = str::from_utf8(&lines.buffer);
        let header = header.map_err(|_| Fault::Header(Said::new("row-invalid.not-utf-8", &[])))?;
        let columns = columns_of(header, COLUMNS)?;
        lines.cells = columns.len();
        for (place, name) in lines.places.iter_mut().zip(COLUMNS) {
            *place = columns.iter().position(|column| column == name).unwrap_or(CELLS);
        }
        match lines.places {
            [_, CELLS, _] => Err(Fault::Header(Said::new("file-columns.missing", &[("column", &"state")]))),
            _ => Ok(lines),
        }
    }

    /// The next line; blank ones are passed over. `None`: that was all.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Result<NewSpace, LineFault>>> {
        while self.fill()? {
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(Some(self.read()));
            }
        }
        Ok(None)
    }

    fn read(&self) -> Result<NewSpace, LineFault> {
        if u64::try_from(self.buffer.len()).is_ok_and(|bytes| bytes > LINE_BYTES_MAX) {
            return Err(LineFault::Long);
        }
        let (mut cells, mut count): ([&[u8]; CELLS], _) = ([&[]; CELLS], 0);
        for cell in self.buffer.split(|byte| *byte == b';') {
            if let Some(place) = cells.get_mut(count) {
                *place = cell;
            }
            count += 1;
        }
        if count != self.cells {
            return Err(LineFault::Cells);
        }
        let [ins, state, born] = self.places.map(|place| cells.get(place).copied().unwrap_or_default());
        read_line(ins, state, born, self.today)
    }

    /// Reads a line into the buffer, without its end; false at the end of the file. Of a long one, what is too much is
    /// read and thrown away.
    fn fill(&mut self) -> std::io::Result<bool> {
        self.buffer.clear();
        let read = (&mut self.input).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.bytes += read as u64;
        if self.buffer.last() != Some(&b'\n') {
            self.bytes += self.input.skip_until(b'\n')? as u64;
        }
        while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
            self.buffer.pop();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use pli_store::SpaceState;

    use super::*;

    type Read = (u64, Result<SpaceState, &'static str>);

    fn lines(text: &[u8]) -> Result<Vec<Read>, String> {
        let told = |fault: Fault| fault.about(std::path::Path::new("spaces.csv")).what;
        let mut lines = Lines::begin(text, date(2026, 3, 14)).map_err(told)?;
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((lines.number, line.map(|space| space.state).map_err(LineFault::code)));
        }
        Ok(found)
    }

    #[test]
    fn lines_are_read_whatever_their_ends_and_the_order_of_their_columns() {
        let text = "\u{feff}state;born;ins\r\nopen;1979-03-01;279035121518989\r\n\r\nclosed;;109076322083489";
        assert_eq!(lines(text.as_bytes()).unwrap(), [(2, Ok(SpaceState::Open)), (4, Ok(SpaceState::Closed))]);
        assert_eq!(lines(b"ins;state\n279035121518989;open\n").unwrap(), [(2, Ok(SpaceState::Open))]);
    }

    #[test]
    fn one_bad_line_keeps_no_other_from_being_read() {
        let long = "x".repeat(5000);
        let text =
            format!("ins;state\n279035121518989\n{long};open\n1;2;3;4;5\n109076322083489;open\n279035121518989;\u{e9}");
        let expected = [
            (2, Err("cells")),
            (3, Err("line-long")),
            (4, Err("cells")),
            (5, Ok(SpaceState::Open)),
            (6, Err("state-unknown")),
        ];
        assert_eq!(lines(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn a_file_of_other_columns_is_told_before_anything_is_done() {
        for (text, words) in [
            (&b""[..], "empty"),
            (b"state\n", "`ins` is missing"),
            (b"ins\n", "`state` is missing"),
            (b"ins;state;name\n", "no column `name`"),
            (b"ins;state;\xff\n", "UTF-8"),
        ] {
            let fault = lines(text).unwrap_err();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
