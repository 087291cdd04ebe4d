//! [`Layout`]: which files are written, and what stands in them. Read from TOML; what it cannot accept is told with its line.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Range;

use jiff::civil::{Date, date};
use jiff::fmt::strtime;
use serde::Deserialize;
use toml::Spanned;

use crate::exit::{Exit, Failure};

/// The built-in one.
pub(crate) const DEFAULT: &str = include_str!("layout.toml");

/// What is counted without labels.
pub(super) const PLAIN: [&str; 18] = [
    "sent",
    "sent-to-patients",
    "sent-xdm",
    "sent-mdn",
    "sent-dsn",
    "received",
    "received-from-patients",
    "received-xdm",
    "received-mdn",
    "received-dsn",
    "connections",
    "mailboxes-active",
    "mailboxes-created",
    "mailboxes-deleted",
    "mailboxes-suspended",
    "mailboxes-unlisted",
    "spaces-open",
    "spaces-closed",
];

/// What is counted by labels.
pub(super) const LABELLED: [&str; 8] =
    ["sent-code", "sent-ins", "sent-product", "received-code", "received-ins", "received-product", "refused", "failed"];

/// Files of one layout.
const FILES_MAX: usize = 50;

/// The files of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(super) separator: char,
    /// How a month's first day is written where a month is asked for.
    pub(super) month: String,
    pub(super) date: String,
    pub(super) unknown_date: String,
    pub(crate) files: Vec<Sheet>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    name: String,
    pub(crate) rows: Rows,
    pub(super) columns: Vec<Column>,
}

/// What there is a line for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Each domain and kind of mailbox.
    MailboxTypes,
    /// Each domain, kind of mailbox and label of these measures.
    Labels(Vec<String>),
    /// Each mailbox that is no patient's.
    Mailboxes,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) filled: Filled,
}

/// With what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filled {
    /// Always the same.
    Text(String),
    Month,
    Domain,
    MailboxType,
    Label,
    Mailbox,
    Date,
    /// How often somebody signed in to the one mailbox.
    Connections,
    /// A number; of one label, or of all together.
    Measure(String, Option<String>),
}

impl Sheet {
    /// Its file's name.
    pub(crate) fn name(&self, month: &str) -> String {
        self.name.replace("{month}", month)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutText {
    separator: Option<Spanned<String>>,
    month: Option<Spanned<String>>,
    date: Option<Spanned<String>>,
    #[serde(default)]
    unknown_date: String,
    file: Spanned<Vec<SheetText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetText {
    name: Spanned<String>,
    rows: Spanned<String>,
    of: Option<Spanned<Vec<Spanned<String>>>>,
    columns: Spanned<Vec<ColumnText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnText {
    name: Spanned<String>,
    from: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
}

/// Where something is wrong, and what.
struct Fault {
    at: Option<Range<usize>>,
    key: &'static str,
    found: Option<String>,
    expected: Option<String>,
}

impl Fault {
    fn at<T>(at: &Spanned<T>, key: &'static str) -> Self {
        Self { at: Some(at.span()), key, found: None, expected: None }
    }

    fn found(self, found: impl Display) -> Self {
        Self { found: Some(found.to_string()), ..self }
    }

    fn expected(self, expected: impl Display) -> Self {
        Self { expected: Some(expected.to_string()), ..self }
    }

    fn told(self, text: &str, path: &dyn Display) -> Failure {
        let line = self.at.map_or(1, |at| line_of(text, at.start));
        let mut values: Vec<(_, &dyn Display)> = vec![("path", path), ("line", &line)];
        values.extend(self.found.as_ref().map(|found| ("found", found as &dyn Display)));
        values.extend(self.expected.as_ref().map(|expected| ("expected", expected as &dyn Display)));
        Failure::told(Exit::Usage, self.key, &values)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

impl Layout {
    /// Reads it. `path` is for the message.
    pub(crate) fn parse(text: &str, path: &dyn Display) -> Result<Self, Failure> {
        let written: Result<LayoutText, _> = toml::from_str(text);
        let written = written.map_err(|error| {
            let found = error.message().trim().replace('\n', " ");
            Fault { at: error.span(), key: "layout-invalid", found: Some(found), expected: None }
        });
        written.and_then(LayoutText::checked).map_err(|fault| fault.told(text, path))
    }
}

/// Any day.
const SAMPLE: Date = date(2026, 10, 31);

impl LayoutText {
    fn checked(self) -> Result<Layout, Fault> {
        let separator = match &self.separator {
            None => ';',
            Some(written) => match written.get_ref().as_str() {
                ";" => ';',
                "," => ',',
                "\t" => '\t',
                "|" => '|',
                other => return Err(Fault::at(written, "layout-invalid.value").found(other).expected("; , | \\t")),
            },
        };
        let form = |written: Option<Spanned<String>>, usual: &str| match written {
            None => Ok(usual.to_owned()),
            Some(form) if strtime::format(form.get_ref(), SAMPLE).is_ok() => Ok(form.into_inner()),
            Some(form) => Err(Fault::at(&form, "layout-invalid.value").found(form.get_ref()).expected("%Y %m %d")),
        };
        let (month, date) = (form(self.month, "%Y-%m")?, form(self.date, "%Y-%m-%d")?);
        if self.file.get_ref().is_empty() || self.file.get_ref().len() > FILES_MAX {
            let found = self.file.get_ref().len();
            return Err(Fault::at(&self.file, "layout-invalid.files").found(found).expected(FILES_MAX));
        }
        let (mut files, mut names) = (Vec::new(), HashSet::new());
        for file in self.file.into_inner() {
            if !names.insert(file.name.get_ref().clone()) {
                return Err(Fault::at(&file.name, "layout-invalid.twice").found(file.name.get_ref()));
            }
            files.push(file.checked()?);
        }
        Ok(Layout { separator, month, date, unknown_date: self.unknown_date, files })
    }
}

impl SheetText {
    fn checked(self) -> Result<Sheet, Fault> {
        let name = self.name.get_ref();
        let fits = |c: char| c.is_alphanumeric() || " ._-{}".contains(c);
        let bare = name.replace("{month}", "");
        let is_name = (1..=100).contains(&name.chars().count())
            && name.chars().all(fits)
            && !name.starts_with('.')
            && !bare.contains(['{', '}']);
        if !is_name {
            return Err(Fault::at(&self.name, "layout-invalid.name").found(name).expected("Connexions-{month}.csv"));
        }
        let rows = self.rows()?;
        if self.columns.get_ref().is_empty() {
            return Err(
                Fault::at(&self.columns, "layout-invalid.columns").expected("{ name = \"mois\", from = \"month\" }")
            );
        }
        let (mut columns, mut names) = (Vec::new(), HashSet::new());
        for column in self.columns.into_inner() {
            if !names.insert(column.name.get_ref().clone()) {
                return Err(Fault::at(&column.name, "layout-invalid.twice").found(column.name.get_ref()));
            }
            columns.push(column.checked(&rows)?);
        }
        Ok(Sheet { name: self.name.into_inner(), rows, columns })
    }

    fn rows(&self) -> Result<Rows, Fault> {
        let rows = match (self.rows.get_ref().as_str(), &self.of) {
            ("mailbox-types", None) => Rows::MailboxTypes,
            ("mailboxes", None) => Rows::Mailboxes,
            ("labels", Some(of)) if !of.get_ref().is_empty() => {
                if let Some(other) = of.get_ref().iter().find(|of| !LABELLED.contains(&of.get_ref().as_str())) {
                    return Err(Fault::at(other, "layout-invalid.value")
                        .found(other.get_ref())
                        .expected(LABELLED.join(" ")));
                }
                Rows::Labels(of.get_ref().iter().map(|of| of.get_ref().clone()).collect())
            }
            ("labels", _) => return Err(Fault::at(&self.rows, "layout-invalid.of").expected(LABELLED.join(" "))),
            ("mailbox-types" | "mailboxes", Some(of)) => {
                return Err(Fault::at(of, "layout-invalid.no-of").found(self.rows.get_ref()).expected("labels"));
            }
            (other, _) => {
                return Err(Fault::at(&self.rows, "layout-invalid.value")
                    .found(other)
                    .expected("mailbox-types labels mailboxes"));
            }
        };
        Ok(rows)
    }
}

impl ColumnText {
    fn checked(self, rows: &Rows) -> Result<Column, Fault> {
        let name = self.name.get_ref().clone();
        match (self.from, self.text) {
            (None, Some(text)) => Ok(Column { name, filled: Filled::Text(text.into_inner()) }),
            (Some(from), None) => match rows.filled(from.get_ref()) {
                Some(filled) => Ok(Column { name, filled }),
                None => Err(Fault::at(&from, "layout-invalid.from")
                    .found(from.get_ref())
                    .expected(rows.sources().join(" "))),
            },
            _ => Err(Fault::at(&self.name, "layout-invalid.fill").found(name)),
        }
    }
}

impl Rows {
    /// What columns can be filled with.
    fn sources(&self) -> Vec<String> {
        let mut sources: Vec<String> = ["month", "domain", "mailbox-type"].map(str::to_owned).into();
        match self {
            Self::MailboxTypes => {
                sources.extend(PLAIN.map(str::to_owned));
                sources.extend(LABELLED.iter().flat_map(|measure| [(*measure).to_owned(), format!("{measure}:LABEL")]));
            }
            Self::Labels(of) => {
                sources.push("label".to_owned());
                sources.extend(of.iter().cloned());
            }
            Self::Mailboxes => sources.extend(["mailbox", "date", "connections"].map(str::to_owned)),
        }
        sources
    }

    fn filled(&self, from: &str) -> Option<Filled> {
        match (from, self) {
            ("month", _) => Some(Filled::Month),
            ("domain", _) => Some(Filled::Domain),
            ("mailbox-type", _) => Some(Filled::MailboxType),
            ("label", Self::Labels(_)) => Some(Filled::Label),
            ("mailbox", Self::Mailboxes) => Some(Filled::Mailbox),
            ("date", Self::Mailboxes) => Some(Filled::Date),
            ("connections", Self::Mailboxes) => Some(Filled::Connections),
            (_, Self::Mailboxes) => None,
            (measure, Self::Labels(of)) => {
                of.iter().any(|of| of == measure).then(|| Filled::Measure(measure.to_owned(), None))
            }
            (measure, Self::MailboxTypes) => match measure.split_once(':') {
                Some((measure, label)) if LABELLED.contains(&measure) && !label.is_empty() => {
                    Some(Filled::Measure(measure.to_owned(), Some(label.to_owned())))
                }
                None if PLAIN.contains(&measure) || LABELLED.contains(&measure) => {
                    Some(Filled::Measure(measure.to_owned(), None))
                }
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Layout::parse(text, &"own.toml").unwrap_err().what
    }

    #[test]
    fn the_built_in_layout_shows_everything_that_is_counted() {
        let layout = Layout::parse(DEFAULT, &"built-in").unwrap();
        let columns: Vec<_> = layout.files.iter().flat_map(|file| &file.columns).map(|column| &column.filled).collect();
        for measure in PLAIN.iter().chain(&LABELLED) {
            let shown = |filled: &&&Filled| matches!(filled, Filled::Measure(shown, _) if shown == measure);
            assert!(columns.iter().any(|filled| shown(&filled)), "{measure}");
        }
        assert!(layout.files.iter().any(|file| file.name("2026-10") == "Connexions-2026-10.csv"));
    }

    #[test]
    fn a_mistake_is_told_with_file_line_and_what_is_expected() {
        let file = |rows: &str| format!("separator = \";\"\n\n[[file]]\nname = \"a.csv\"\n{rows}");
        let columns = "columns = [\n  { name = \"a\", from = \"month\" },\n";
        for (text, told) in [
            (file("rows = \"days\"\ncolumns = []\n"), ["own.toml:5", "days", "mailbox-types labels mailboxes"]),
            (
                file(&format!("rows = \"mailboxes\"\n{columns}  {{ name = \"b\", from = \"sent\" }}]\n")),
                ["own.toml:8", "sent", "mailbox date connections"],
            ),
            (file(&format!("rows = \"labels\"\n{columns}]\n")), ["own.toml:5", "of", "sent-code"]),
            (file(&format!("rows = \"mailboxes\"\nof = [\"refused\"]\n{columns}]\n")), ["own.toml:6", "of", "labels"]),
            (
                file(&format!("rows = \"mailboxes\"\n{columns}  {{ name = \"a\", text = \"x\" }}]\n")),
                ["own.toml:8", "`a`", "twice"],
            ),
            (file("rows = \"mailboxes\"\ncolumn = []\n"), ["own.toml:6", "column", "columns"]),
            ("separator = \":\"\nfile = []\n".to_owned(), ["own.toml:1", "`:`", "; ,"]),
            ("date = \"%Y-%!\"\nfile = []\n".to_owned(), ["own.toml:1", "%Y-%!", "%Y"]),
            (
                "[[file]]\nname = \"../a\"\nrows = \"mailboxes\"\ncolumns = []\n".to_owned(),
                ["own.toml:2", "../a", "Connexions"],
            ),
        ] {
            let fault = fault(&text);
            assert!(told.iter().all(|told| fault.contains(told)), "{told:?}: {fault}");
        }
    }
}
