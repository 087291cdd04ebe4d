//! [`sift()`]: goes through an extraction, hands on the lines that are taken, writes down those that are not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use pli_directory::extraction::{Entry, Extraction, ExtractionFault, LineFault, Text};
use pli_types::hide_identifiers;

use crate::cli::progress::Progress;
use crate::exit::{Exit, Failure};

/// What was found in an extraction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) taken: u64,
    /// How many lines were not taken, by code.
    pub(super) refused: BTreeMap<&'static str, u64>,
    pub(super) bytes: u64,
    pub(super) digest: String,
}

impl Tally {
    /// How many lines were not taken.
    pub(super) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// Where the lines that are not taken are written down: CSV with `line`, `code` and `detail`.
pub(super) struct Report {
    path: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Report {
    /// Into this file, or nowhere.
    pub(super) fn into(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self { path: PathBuf::new(), out: None }) };
        let file = File::create(path).map_err(|error| Failure::file(path, &error))?;
        let mut report = Self { path: path.to_owned(), out: Some(BufWriter::new(file)) };
        report.write("line,code,detail\r\n")?;
        Ok(report)
    }

    fn line(&mut self, number: u64, fault: &LineFault) -> Result<(), Failure> {
        if self.out.is_none() {
            return Ok(());
        }
        let detail = fault.to_string().replace('"', "\"\"");
        self.write(&format!("{number},{},\"{detail}\"\r\n", fault.code()))
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(text.as_bytes()).map_err(|error| Failure::file(&self.path, &error))
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.flush().map_err(|error| Failure::file(&self.path, &error))
    }
}

/// Reads the whole text, once.
pub(super) fn sift(
    text: &mut Text,
    path: &Path,
    total: u64,
    report: &mut Report,
    mut take: impl FnMut(&Entry<'_>) -> Result<(), Failure>,
) -> Result<Tally, Failure> {
    let unread = |fault| unread(path, fault);
    let mut extraction = Extraction::begin(text.reader().map_err(unread)?).map_err(unread)?;
    let (mut tally, mut progress) = (Tally::default(), Progress::of(total));
    while let Some(line) = extraction.next_line().map_err(unread)? {
        match line.entry {
            Ok(entry) => {
                tally.taken += 1;
                take(&entry)?;
            }
            Err(fault) => {
                *tally.refused.entry(fault.code()).or_default() += 1;
                report.line(line.number, &fault)?;
            }
        }
        progress.at(extraction.bytes(), tally.taken);
    }
    progress.end();
    report.end()?;
    Ok(Tally { bytes: extraction.bytes(), digest: extraction.digest(), ..tally })
}

/// A file that is not read to its end.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn unread(path: &Path, fault: ExtractionFault) -> Failure {
    let key = match &fault {
        ExtractionFault::Unreadable(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Failure::file(path, error);
        }
        ExtractionFault::Unreadable(_) => "extraction-unreadable",
        ExtractionFault::Archive(_) => "extraction-archive",
        ExtractionFault::Headings { .. } => "extraction-headings",
        ExtractionFault::TooLarge => "extraction-too-large",
    };
    Failure::told(Exit::Integrity, key, &[("path", &hide_identifiers(&path.to_string_lossy())), ("cause", &fault)])
}
