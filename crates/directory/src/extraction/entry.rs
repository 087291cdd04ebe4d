//! [`Entry`]: one line of the extraction.

use std::fmt;

use pli_types::MailAddress;

use super::{Column, LineFault};

/// A line, cut into its columns. Borrows the line.
#[derive(Debug, Clone)]
pub struct Entry<'l> {
    line: &'l str,
    columns: [&'l str; Column::COUNT],
    kind: MailboxType,
    address: MailAddress,
}

/// The types of mailboxes (spec §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxType {
    /// A professional's own.
    Per,
    /// A team's.
    Org,
    /// A machine's.
    App,
    /// A practice's.
    Cab,
}

impl MailboxType {
    /// All.
    pub const ALL: &'static [Self] = &[Self::Per, Self::Org, Self::App, Self::Cab];

    /// As the directory writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Per => "PER",
            Self::Org => "ORG",
            Self::App => "APP",
            Self::Cab => "CAB",
        }
    }
}

impl fmt::Display for MailboxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'l> Entry<'l> {
    /// Reads a line, its end taken off. A `|` behind the last column is passed over.
    pub fn parse(line: &'l str) -> Result<Self, LineFault> {
        if line.chars().any(char::is_control) {
            return Err(LineFault::Control);
        }
        let columns = cut(line)?;
        let text = |column: Column| columns.get(column.index()).copied().unwrap_or_default();
        let kind = MailboxType::ALL.iter().copied().find(|kind| kind.as_str() == text(Column::Type));
        let address = MailAddress::parse(text(Column::Address))?;
        if address.domain().is_patient_domain() {
            return Err(LineFault::Patient);
        }
        Ok(Self { line, columns, kind: kind.ok_or(LineFault::Type)?, address })
    }

    /// What stands in a column; empty where the directory says nothing.
    #[must_use]
    pub fn get(&self, column: Column) -> &'l str {
        self.columns.get(column.index()).copied().unwrap_or_default()
    }

    /// The line as it came.
    #[must_use]
    pub fn line(&self) -> &'l str {
        self.line
    }

    /// Whose mailbox it is.
    #[must_use]
    pub fn kind(&self) -> MailboxType {
        self.kind
    }

    /// The mailbox's address: the only key that there is, and not of one line alone.
    #[must_use]
    pub fn address(&self) -> &MailAddress {
        &self.address
    }

    /// The number of the department, as the postal code begins with it: `2A` and `2B` for Corsica, three digits
    /// overseas. Empty without one.
    #[must_use]
    pub fn department_number(&self) -> &'l str {
        let code = self.get(Column::PostalCode);
        match code.as_bytes() {
            [b'2', b'0', b'0' | b'1', ..] => "2A",
            [b'2', b'0', ..] => "2B",
            [b'9', b'7' | b'8', ..] => code.get(..3).unwrap_or_default(),
            _ => code.get(..2).unwrap_or_default(),
        }
    }
}

/// Exactly as many columns as there are.
fn cut(line: &str) -> Result<[&str; Column::COUNT], LineFault> {
    let mut columns = [""; Column::COUNT];
    let mut parts = line.split('|');
    for (place, column) in columns.iter_mut().enumerate() {
        *column = parts.next().ok_or(LineFault::Columns(place))?.trim();
    }
    match parts.next() {
        None => Ok(columns),
        Some("") if parts.next().is_none() => Ok(columns),
        Some(_) => Err(LineFault::Columns(line.split('|').count())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(columns: &[(Column, &str)]) -> String {
        let mut cells = vec![""; Column::COUNT];
        for (column, text) in columns {
            cells[column.index()] = text;
        }
        cells.join("|")
    }

    const ADDRESS: (Column, &str) = (Column::Address, "Dr.Martin@cabinet.mssante.fr");
    const PER: (Column, &str) = (Column::Type, "PER");

    #[test]
    fn a_line_is_read_column_by_column() {
        let text = line(&[PER, ADDRESS, (Column::FamilyName, " MARTIN "), (Column::Country, "France")]);
        let entry = Entry::parse(&text).unwrap();
        assert_eq!((entry.kind(), entry.get(Column::FamilyName)), (MailboxType::Per, "MARTIN"));
        assert_eq!((entry.get(Column::Country), entry.get(Column::Service)), ("France", ""));
        assert_eq!(entry.address().key(), "dr.martin@cabinet.mssante.fr");
        assert_eq!(entry.line(), text);
        assert!(Entry::parse(&format!("{text}|")).is_ok(), "a separator behind the last column");
    }

    #[test]
    fn each_line_that_is_not_taken_has_its_code() {
        let good = line(&[PER, ADDRESS]);
        for (text, code) in [
            (good.replacen('|', "", 1), "line-columns"),
            (format!("{good}|x"), "line-columns"),
            (format!("{good}||"), "line-columns"),
            (String::new(), "line-columns"),
            (line(&[(Column::Type, "XYZ"), ADDRESS]), "line-type"),
            (line(&[PER]), "line-address"),
            (line(&[PER, (Column::Address, "nobody")]), "line-address"),
            (line(&[PER, (Column::Address, "279035121518989@patient.mssante.fr")]), "line-patient"),
            (line(&[PER, ADDRESS, (Column::Town, "\u{1b}[2J")]), "line-control"),
            (line(&[PER, ADDRESS, (Column::Town, "\u{85}")]), "line-control"),
        ] {
            assert_eq!(Entry::parse(&text).unwrap_err().code(), code, "{text:?}");
        }
    }

    #[test]
    fn a_department_has_the_number_of_the_postal_code() {
        for (code, number) in [
            ("75014", "75"),
            ("20000", "2A"),
            ("20167", "2A"),
            ("20200", "2B"),
            ("97110", "971"),
            ("1", ""),
            ("aé", ""),
        ] {
            let text = line(&[PER, ADDRESS, (Column::PostalCode, code)]);
            assert_eq!(Entry::parse(&text).unwrap().department_number(), number, "{code}");
        }
    }
}
