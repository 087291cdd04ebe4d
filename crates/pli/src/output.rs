//! What commands print: a table for people, JSON, JSON lines or CSV for programs.
//!
//! Machine output is stable: every object carries `schema_version`, and members are only ever added.

pub(crate) mod people;
mod rows;

use std::io::{IsTerminal, Write};

use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::words::{Language, language};

pub(crate) use rows::Rows;

/// The version of all objects that are printed.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    // Plain comments: documentation would be printed with the help of every verb.
    // Columns, for people.
    Table,
    // One JSON document.
    Json,
    // One JSON object a line.
    Jsonl,
    // Comma-separated values with a header line (RFC 4180).
    Csv,
}

/// Objects that share their columns.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// The members that a table and CSV show, in order.
    pub(crate) columns: &'static [&'static str],
    /// The objects.
    pub(crate) rows: Vec<Map<String, Value>>,
}

impl Format {
    /// What was asked for, or else a table on a terminal and JSON elsewhere.
    pub(crate) fn or_default(asked: Option<Self>) -> Self {
        let on_terminal = std::io::stdout().is_terminal();
        asked.unwrap_or(if on_terminal { Self::Table } else { Self::Json })
    }

    /// People read their language; what programs read is English.
    pub(crate) fn language(self) -> Language {
        if self == Self::Table { language() } else { Language::En }
    }

    /// A list: one array as JSON.
    pub(crate) fn list(self, listing: &Listing) -> String {
        match self {
            Self::Table => table(listing),
            Self::Json => pretty(&Value::Array(listing.rows.iter().cloned().map(Value::Object).collect())),
            Self::Jsonl => lines(listing.rows.iter().map(|row| Value::Object(row.clone()).to_string())),
            Self::Csv => csv(listing),
        }
    }

    /// One object. As CSV: a header and a line; as a table: a line for each member.
    pub(crate) fn object(self, object: &Map<String, Value>) -> String {
        match self {
            Self::Table => {
                let language = language();
                let shown = object.iter().filter(|(key, _)| *key != "schema_version");
                let shown: Vec<_> = shown.map(|(key, value)| (people::heading(key, language), key, value)).collect();
                let width = shown.iter().map(|(heading, ..)| heading.chars().count()).max().unwrap_or(0);
                lines(shown.into_iter().map(|(heading, key, value)| {
                    let told = people::painted(key, value, people::told(key, value, language));
                    format!("{heading:width$}  {told}")
                }))
            }
            Self::Json => pretty(&Value::Object(object.clone())),
            Self::Jsonl => format!("{}\n", Value::Object(object.clone())),
            Self::Csv => {
                let header = object.keys().map(|key| quoted(key)).collect::<Vec<_>>().join(",");
                let line = object.values().map(|value| quoted(&plain(value))).collect::<Vec<_>>().join(",");
                format!("{header}\r\n{line}\r\n")
            }
        }
    }
}

/// Prints to standard output. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::told(Exit::Usage, "output", &[("cause", &error)]))
        }
        _ => Ok(()),
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

fn table(listing: &Listing) -> String {
    let (columns, language) = (listing.columns, language());
    let header: Vec<String> = columns.iter().map(|name| people::heading(name, language).to_uppercase()).collect();
    let rows: Vec<Vec<String>> = listing.rows.iter().map(|row| told(columns, row, language)).collect();
    let mut widths = vec![0; columns.len()];
    for line in std::iter::once(&header).chain(&rows) {
        for (width, text) in widths.iter_mut().zip(line) {
            *width = text.chars().count().max(*width);
        }
    }
    let padded = |line: &[String]| -> Vec<String> {
        line.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect()
    };
    let mut out = padded(&header).join("  ").trim_end().to_owned() + "\n";
    for (row, line) in listing.rows.iter().zip(&rows) {
        let cells = columns.iter().zip(padded(line));
        let cells = cells.map(|(column, text)| people::painted(column, row.get(*column).unwrap_or(&Value::Null), text));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// A row's cells, for people. None is cut short.
fn told(columns: &[&str], row: &Map<String, Value>, language: Language) -> Vec<String> {
    columns.iter().map(|column| people::told(column, row.get(*column).unwrap_or(&Value::Null), language)).collect()
}

fn csv(listing: &Listing) -> String {
    let mut out = listing.columns.join(",") + "\r\n";
    for row in &listing.rows {
        out.push_str(&csv_line(listing.columns, row));
    }
    out
}

fn csv_line(columns: &[&str], row: &Map<String, Value>) -> String {
    let cells = columns.iter().map(|column| quoted(&row.get(*column).map(plain).unwrap_or_default()));
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

/// A value as text: strings as they are, null as nothing, lists and objects as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value for a terminal: other servers' words must not move its cursor.
fn cell(value: &Value) -> String {
    let text = plain(value);
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// RFC 4180 §2, points 5 to 7.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listing() -> Listing {
        let row = |value: Value| value.as_object().unwrap().clone();
        Listing {
            columns: &["id", "words"],
            rows: vec![
                row(json!({"schema_version": 1, "id": "a", "words": "said \"no\", then\r\nhung up"})),
                row(json!({"schema_version": 1, "id": "bcd", "words": null})),
            ],
        }
    }

    #[test]
    fn a_table_is_aligned_and_cannot_be_broken_by_what_it_shows() {
        assert_eq!(Format::Table.list(&listing()), "ID   WORDS\na    said \"no\", then\\r\\nhung up\nbcd  -\n");
        let escape = json!({"a": "\u{1b}[2Jx"});
        assert_eq!(Format::Table.object(escape.as_object().unwrap()), "a  \\u{1b}[2Jx\n");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(Format::Csv.list(&listing()), "id,words\r\na,\"said \"\"no\"\", then\r\nhung up\"\r\nbcd,\r\n");
    }

    #[test]
    fn json_is_one_array_and_jsonl_one_object_a_line() {
        let parsed: Value = serde_json::from_str(&Format::Json.list(&listing())).unwrap();
        assert_eq!(parsed.as_array().unwrap().len(), 2);
        let lines = Format::Jsonl.list(&listing());
        let parsed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(parsed.len(), 2);
        assert_eq!(parsed[0]["schema_version"], 1);
    }
}
