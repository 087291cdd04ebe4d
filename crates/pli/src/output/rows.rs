//! [`Rows`]: a list that is printed as it comes, in the memory of a row.

use std::io::{BufWriter, ErrorKind, Write};

use serde_json::{Map, Value};

use super::{Format, csv_line, people, told};
use crate::exit::{Exit, Failure};
use crate::words::language;

/// A list that is being printed.
pub(crate) struct Rows<W: Write> {
    out: BufWriter<W>,
    format: Format,
    columns: &'static [&'static str],
    /// How wide a table's columns are: none is known to be the widest before the last row has come.
    widths: &'static [usize],
    count: u64,
    fault: Option<std::io::Error>,
}

impl<W: Write> Rows<W> {
    /// Begins one. `widths` are a table's; a longer cell moves its line.
    pub(crate) fn begin(out: W, format: Format, columns: &'static [&'static str], widths: &'static [usize]) -> Self {
        let mut rows = Self { out: BufWriter::new(out), format, columns, widths, count: 0, fault: None };
        let head = match format {
            Format::Table => {
                rows.table_line(columns.iter().map(|name| people::heading(name, language()).to_uppercase()))
            }
            Format::Csv => columns.join(",") + "\r\n",
            Format::Json => "[".to_owned(),
            Format::Jsonl => String::new(),
        };
        rows.write(&head);
        rows
    }

    /// One more. `false`: nobody can read any further ones.
    pub(crate) fn row(&mut self, row: &Map<String, Value>) -> bool {
        let text = match self.format {
            Format::Table => self.table_line(told(self.columns, row, language()).into_iter()),
            Format::Csv => csv_line(self.columns, row),
            Format::Json => format!("{}\n{}", if self.count == 0 { "" } else { "," }, json(row)),
            Format::Jsonl => json(row) + "\n",
        };
        self.count += 1;
        self.write(&text);
        self.fault.is_none()
    }

    /// Ends it. A reader that has gone away (`| head`) is no failure.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        if self.format == Format::Json {
            self.write("\n]\n");
        }
        match self.fault.take().map_or_else(|| self.out.flush(), Err) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::told(Exit::Usage, "output", &[("cause", &error)]))
            }
            _ => Ok(()),
        }
    }

    fn table_line(&self, cells: impl Iterator<Item = String>) -> String {
        let widths = self.widths.iter().copied().chain(std::iter::repeat(0));
        let padded: Vec<String> = cells.zip(widths).map(|(text, width)| format!("{text:width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    }

    fn write(&mut self, text: &str) {
        if self.fault.is_none() {
            self.fault = self.out.write_all(text.as_bytes()).err();
        }
    }
}

fn json(row: &Map<String, Value>) -> String {
    // A map of text always encodes.
    serde_json::to_string(row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(format: Format, count: usize) -> String {
        let mut out = Vec::new();
        let mut rows = Rows::begin(&mut out, format, &["a", "b"], &[4, 0]);
        for number in 0..count {
            assert!(rows.row(json!({"a": number, "b": "x,y"}).as_object().unwrap()));
        }
        rows.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_format_is_whole_however_many_rows_there_are() {
        for count in [0, 1, 3] {
            let array: Value = serde_json::from_str(&printed(Format::Json, count)).unwrap();
            assert_eq!(array.as_array().unwrap().len(), count);
            assert_eq!(printed(Format::Jsonl, count).lines().count(), count);
            assert_eq!(printed(Format::Csv, count).lines().count(), count + 1);
        }
        assert_eq!(printed(Format::Csv, 1), "a,b\r\n0,\"x,y\"\r\n");
        assert_eq!(printed(Format::Table, 1), "A     B\n0     x,y\n");
    }

    #[test]
    fn a_reader_that_has_gone_ends_it_without_a_failure() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut rows = Rows::begin(Gone, Format::Jsonl, &["a"], &[]);
        let long = json!({"a": "x".repeat(100_000)});
        assert!(!rows.row(long.as_object().unwrap()));
        assert_eq!(rows.end(), Ok(()));
    }
}
