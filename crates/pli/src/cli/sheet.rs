//! [`Sheet`]: files that admins bring, UTF-8, `;` between cells, a header line (contract, "Files that verbs take"). A cell
//! with `;` in it is quoted as in CSV (RFC 4180 §2, points 5 and 7).

use std::fmt::Display;
use std::io::{BufRead, Read};
use std::path::Path;

use crate::exit::{Exit, Failure};
use crate::words::{Said, Value};

/// The most bytes of a line.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// A file that is read row by row.
pub(super) struct Sheet<R> {
    input: R,
    /// By the place of their cells.
    columns: Vec<&'static str>,
    line: u64,
}

/// A row.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Its line in the file, the header's being 1.
    pub(super) line: u64,
    columns: &'a [&'static str],
    cells: Vec<String>,
}

/// Why a file cannot be read on, or a row of it not.
#[derive(Debug)]
pub(super) enum Fault {
    Unreadable(std::io::Error),
    /// The first line does not name its columns.
    Header(Said),
    /// One row; the next one can be read.
    Row {
        line: u64,
        said: Said,
    },
}

impl Fault {
    pub(super) fn about(self, file: &Path) -> Failure {
        match self {
            Self::Unreadable(error) => Failure::file(file, &error),
            Self::Header(fault) | Self::Row { said: fault, .. } => {
                let said = Said::new("file-columns", &[("file", &file.display())]).with("fault", Value::what(fault));
                Failure::saying(Exit::Usage, "file-columns", said)
            }
        }
    }
}

impl<R: BufRead> Sheet<R> {
    /// Reads the header. Every column must be one of these, and the first of these must be there.
    pub(super) fn begin(input: R, known: &'static [&'static str]) -> Result<Self, Fault> {
        let mut sheet = Self { input, columns: Vec::new(), line: 0 };
        let header = sheet.text()?.ok_or_else(|| Fault::Header(Said::new("file-columns.empty", &[])))?;
        sheet.columns = columns_of(&header, known)?;
        Ok(sheet)
    }

    /// Reads the header of a file that names its own columns, the first of them this one. The names must be such as
    /// `fits` takes; there are as many of them as a command reads once.
    pub(super) fn begin_naming(input: R, first: &'static str, fits: fn(&str) -> bool) -> Result<Self, Fault> {
        let mut sheet = Self { input, columns: Vec::new(), line: 0 };
        let header = sheet.text()?.ok_or_else(|| Fault::Header(Said::new("file-columns.empty", &[])))?;
        let names = cells(header.strip_prefix('\u{feff}').unwrap_or(&header)).map_err(Fault::Header)?;
        let mut known = vec![first];
        for name in names.iter().map(|name| name.trim()).filter(|name| *name != first && fits(name)) {
            known.push(String::leak(name.to_owned()));
        }
        sheet.columns = columns_of(&header, known.leak())?;
        Ok(sheet)
    }

    /// Is there such a column?
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains(&column)
    }

    /// The next row; blank lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, Fault> {
        let text = loop {
            match self.text()? {
                None => return Ok(None),
                Some(text) if text.trim().is_empty() => {}
                Some(text) => break text,
            }
        };
        let line = self.line;
        let cells = cells(&text).map_err(|said| Fault::Row { line, said })?;
        if cells.len() != self.columns.len() {
            let values: [(&str, &dyn Display); 2] = [("cells", &cells.len()), ("columns", &self.columns.len())];
            return Err(Fault::Row { line, said: Said::new("row-invalid.cells", &values) });
        }
        Ok(Some(Row { line, columns: &self.columns, cells }))
    }

    /// A line without its end.
    fn text(&mut self) -> Result<Option<String>, Fault> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        if read.map_err(Fault::Unreadable)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.last() != Some(&b'\n') && u64::try_from(bytes.len()).is_ok_and(|length| length == LINE_BYTES_MAX) {
            let values: [(&str, &dyn Display); 2] = [("line", &self.line), ("most", &LINE_BYTES_MAX)];
            return Err(Fault::Header(Said::new("file-columns.long-line", &values)));
        }
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        let line = self.line;
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| Fault::Row { line, said: Said::new("row-invalid.not-utf-8", &[]) })
    }
}

impl Row<'_> {
    /// About how many bytes it has in the file, for who shows how far he is.
    pub(super) fn bytes(&self) -> u64 {
        self.cells.iter().map(|cell| cell.len() as u64 + 1).sum()
    }

    /// A cell; none if it is empty or there is no such column.
    pub(super) fn cell(&self, column: &str) -> Option<String> {
        let place = self.columns.iter().position(|name| *name == column)?;
        self.cells.get(place).map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty())
    }

    /// A cell that says `yes` or `no`.
    pub(super) fn yes_or_no(&self, column: &str) -> Result<Option<bool>, Said> {
        match self.cell(column).as_deref() {
            None => Ok(None),
            Some("yes") => Ok(Some(true)),
            Some("no") => Ok(Some(false)),
            Some(_) => Err(Said::new("row-invalid.yes-or-no", &[("column", &column)])),
        }
    }
}

/// The columns that a header names. Every one must be one of these, and the first of these must be there.
pub(super) fn columns_of(header: &str, known: &'static [&'static str]) -> Result<Vec<&'static str>, Fault> {
    let header = header.strip_prefix('\u{feff}').unwrap_or(header);
    let mut columns = Vec::new();
    for name in cells(header).map_err(Fault::Header)? {
        let column = known.iter().find(|column| **column == name.trim());
        let column = column.ok_or_else(|| {
            let values: [(&str, &dyn Display); 2] = [("name", &name.escape_debug()), ("known", &known.join(";"))];
            Fault::Header(Said::new("file-columns.unknown", &values))
        })?;
        if columns.contains(column) {
            return Err(Fault::Header(Said::new("file-columns.twice", &[("column", column)])));
        }
        columns.push(*column);
    }
    match known.first().filter(|first| !columns.contains(first)) {
        Some(first) => Err(Fault::Header(Said::new("file-columns.missing", &[("column", first)]))),
        None => Ok(columns),
    }
}

/// The cells of a line.
fn cells(line: &str) -> Result<Vec<String>, Said> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            ';' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(Said::new("row-invalid.quote", &[]));
    }
    cells.push(cell);
    Ok(cells)
}

/// A line of such a file.
pub(super) fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([';', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\"").replace(['\n', '\r'], " "))
        } else {
            cell.clone()
        }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(";") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[&str] = &["address", "type", "service"];

    type Read = (u64, Option<String>, Option<String>);

    fn rows(text: &str) -> Result<Vec<Read>, String> {
        let told = |fault: Fault| fault.about(Path::new("rows.csv")).what;
        let mut sheet = Sheet::begin(text.as_bytes(), COLUMNS).map_err(told)?;
        let mut rows = Vec::new();
        while let Some(row) = sheet.next().map_err(told)? {
            rows.push((row.line, row.cell("address"), row.cell("service")));
        }
        Ok(rows)
    }

    #[test]
    fn rows_are_read_by_their_columns_whatever_the_order_and_the_line_ends() {
        let text = "\u{feff}service;address\r\n\"a;b \"\"c\"\"\";x@y.fr\r\n\r\n;z@y.fr";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rows(text).unwrap(), [(2, some("x@y.fr"), some("a;b \"c\"")), (4, some("z@y.fr"), None)]);
    }

    #[test]
    fn a_file_of_other_columns_is_told_before_anything_is_done() {
        for (text, words) in [
            ("", "empty"),
            ("type\n", "`address` is missing"),
            ("address;addres\n", "no column `addres`"),
            ("address;address\n", "twice"),
            ("\"address\n", "does not end"),
        ] {
            let fault = rows(text).unwrap_err();
            assert!(fault.contains(words), "{fault}");
        }
        assert!(rows("address;type\nx\n").unwrap_err().contains("1 cells"));
        assert!(rows(&format!("address\n{}", "x".repeat(1 << 17))).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_written_line_is_read_as_it_was() {
        let cells_written = ["a;b".to_owned(), "c \"d\"".to_owned(), String::new()];
        assert_eq!(cells(line(&cells_written).trim_end()).unwrap(), cells_written);
    }
}
