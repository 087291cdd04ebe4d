//! A line of spaces: an INS, `open` or `closed`, perhaps a day of birth. Millions of them are read, so they are read as
//! bytes; and none is ever repeated.

use std::io::Write;

use jiff::civil::{Date, date};
use pli_store::{NewSpace, SpaceState};
use pli_types::{Ins, InsError};

/// What a file of them has; `born` may be missing.
pub(crate) const COLUMNS: &[&str] = &["ins", "state", "born"];

/// The first day that anybody alive can have been born on, with much to spare.
const BORN_MIN: Date = date(1850, 1, 1);

/// Why a line is not taken. It never says what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LineFault {
    /// Not as many cells as the header has.
    Cells,
    /// More bytes than any such line has.
    Long,
    /// The INS has not 15 characters.
    InsLength,
    /// It is not the shape of one.
    InsSyntax,
    /// It is a temporary number.
    InsTemporary,
    /// Its key does not fit.
    InsKey,
    /// Neither open nor closed.
    State,
    /// No day of the calendar, or none that somebody alive was born on.
    Born,
}

impl LineFault {
    /// The stable code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Cells => "cells",
            Self::Long => "line-long",
            Self::InsLength => "ins-length",
            Self::InsSyntax => "ins-syntax",
            Self::InsTemporary => "ins-temporary",
            Self::InsKey => "ins-key",
            Self::State => "state-unknown",
            Self::Born => "born-invalid",
        }
    }
}

/// Reads the cells of a line.
pub(crate) fn read_line(ins: &[u8], state: &[u8], born: &[u8], today: Date) -> Result<NewSpace, LineFault> {
    let patient = str::from_utf8(ins.trim_ascii()).map_err(|_| LineFault::InsSyntax)?;
    let patient = Ins::parse(patient).map_err(|error| match error {
        InsError::Length => LineFault::InsLength,
        InsError::Syntax => LineFault::InsSyntax,
        InsError::Temporary => LineFault::InsTemporary,
        InsError::Key => LineFault::InsKey,
    })?;
    let state = match state.trim_ascii() {
        b"open" => SpaceState::Open,
        b"closed" => SpaceState::Closed,
        _ => return Err(LineFault::State),
    };
    let born = match born.trim_ascii() {
        b"" => None,
        day => Some(read_day(day).filter(|day| (BORN_MIN..=today).contains(day)).ok_or(LineFault::Born)?),
    };
    Ok(NewSpace { patient, state, born })
}

/// `2026-03-14`.
fn read_day(text: &[u8]) -> Option<Date> {
    let mut parts = text.split(|byte| *byte == b'-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.iter()
            .try_fold(0, |number: i16, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let day = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    parts.next().is_none().then_some(day)
}

/// Writes a line, its end included.
pub(crate) fn write_line(space: &NewSpace, out: &mut Vec<u8>) {
    let NewSpace { patient, state, born } = space;
    // Writing into memory never fails.
    write!(out, "{};{};", patient.reveal(), state.as_str()).ok();
    if let Some(born) = born {
        write!(out, "{born}").ok();
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = date(2026, 3, 14);

    fn read(line: &str) -> Result<NewSpace, LineFault> {
        let cells: Vec<&[u8]> = line.split(';').map(str::as_bytes).collect();
        read_line(cells[0], cells[1], cells[2], TODAY)
    }

    #[test]
    fn a_line_is_read_and_written() {
        let space = read("297022a02077878; closed ;1997-02-28").unwrap();
        assert_eq!((space.state, space.born), (SpaceState::Closed, Some(date(1997, 2, 28))));
        let mut text = Vec::new();
        write_line(&space, &mut text);
        write_line(&read("279035121518989;open;").unwrap(), &mut text);
        assert_eq!(text, b"297022A02077878;closed;1997-02-28\n279035121518989;open;\n");
    }

    #[test]
    fn a_line_that_makes_no_sense_has_a_code_and_is_not_repeated() {
        for (line, fault) in [
            ("27903512151898;open;", LineFault::InsLength),
            ("27903512151898\u{e9};open;", LineFault::InsLength),
            ("279035121518x89;open;", LineFault::InsSyntax),
            ("779035121518989;open;", LineFault::InsTemporary),
            ("279035121518988;open;", LineFault::InsKey),
            ("279035121518989;;", LineFault::State),
            ("279035121518989;Open;", LineFault::State),
            ("279035121518989;open;14/03/1979", LineFault::Born),
            ("279035121518989;open;1979-02-30", LineFault::Born),
            ("279035121518989;open;2026-03-15", LineFault::Born),
            ("279035121518989;open;1849-12-31", LineFault::Born),
            ("279035121518989;open;+979-02-03", LineFault::Born),
            ("279035121518989;open;1979-02-03-", LineFault::Born),
            ("279035121518989;open;1979-2-03", LineFault::Born),
        ] {
            assert_eq!(read(line), Err(fault), "{line}");
            assert!(!fault.code().contains("279"));
        }
        assert_eq!(read_line(b"27903512151898\xff", b"open", b"", TODAY), Err(LineFault::InsSyntax));
    }
}
