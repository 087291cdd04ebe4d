//! [`LineFault`] and [`ExtractionFault`]: what is not taken, and why. Each has a stable code.

use super::{Column, LINE_BYTES_MAX, TEXT_BYTES_MAX};

/// Why one line is not taken. Nothing of the line is repeated: whoever has the file finds it by its number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Longer than any line has reason to be.
    #[error("the line has more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// A character that moves a terminal's cursor, or is none.
    #[error("the line has a control character")]
    Control,
    /// Too few or too many columns: a line cut short, most often.
    #[error("the line has {0} columns instead of {count}", count = Column::COUNT)]
    Columns(usize),
    /// A type of mailbox that nobody knows.
    #[error("the type of mailbox is none of PER, ORG, APP and CAB")]
    Type,
    /// Not a mail address.
    #[error("the address: {0}")]
    Address(#[from] pli_types::AddressError),
    /// A patient's address, which no directory of professionals may have.
    #[error("the address is at the patients' domain")]
    Patient,
}

impl LineFault {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "line-too-long",
            Self::NotUtf8 => "line-not-utf8",
            Self::Control => "line-control",
            Self::Columns(_) => "line-columns",
            Self::Type => "line-type",
            Self::Address(_) => "line-address",
            Self::Patient => "line-patient",
        }
    }
}

/// Why a file is not read to its end, and nothing of it taken.
#[derive(Debug, thiserror::Error)]
pub enum ExtractionFault {
    /// The disk, or an archive whose content does not fit its checksum.
    #[error("the extraction cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A ZIP archive, but not one with exactly one `.txt` in it.
    #[error("the archive: {0}")]
    Archive(String),
    /// The first line is not the extraction's. Nothing of it is repeated either: another file's may be a patient's.
    #[error("this is not the directory's extraction: heading {number} {}", wanted(*.expected))]
    Headings {
        /// Which column, from 1.
        number: usize,
        /// What should stand there; `None` behind the last column.
        expected: Option<&'static str>,
    },
    /// More than the country could have.
    #[error("the extraction has more than {TEXT_BYTES_MAX} bytes")]
    TooLarge,
}

impl ExtractionFault {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "extraction-unreadable",
            Self::Archive(_) => "extraction-archive",
            Self::Headings { .. } => "extraction-headings",
            Self::TooLarge => "extraction-too-large",
        }
    }
}

fn wanted(expected: Option<&str>) -> String {
    expected.map_or_else(|| "is one too many".to_owned(), |heading| format!("is not {heading:?}"))
}
