//! [`Report`]: the lines of a list that are refused: all of them in a file, the first ones on standard output.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pli_types::hide_identifiers;
use serde_json::{Value, json};

use crate::cli::sheet;
use crate::exit::{Exit, Failure};
use crate::output::Format;
use crate::words::{Language, Said, language};

/// Those that are told on standard output.
const TOLD_MAX: usize = 10;

/// Numbers and codes of lines, and nothing that stands in them.
pub(super) struct Report {
    file: Option<(PathBuf, BufWriter<File>)>,
    language: Language,
    pub(super) told: Vec<Value>,
    pub(super) refused: u64,
}

impl Report {
    pub(super) fn into(path: Option<&Path>, format: Format) -> Result<Self, Failure> {
        let file = match path {
            None => None,
            Some(path) => {
                let failed = |error| Failure::file(path, &error);
                let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
                let mut out = BufWriter::new(opened.map_err(failed)?);
                out.write_all(b"line;code;text\n").map_err(failed)?;
                Some((path.to_owned(), out))
            }
        };
        let language = if file.is_some() { language() } else { format.language() };
        Ok(Self { file, language, told: Vec::new(), refused: 0 })
    }

    pub(super) fn line(&mut self, line: u64, said: &Said) -> Result<(), Failure> {
        let (code, text) = (said.code(), said.what(self.language));
        self.refused += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(json!({"line": line, "code": code, "text": text}));
        }
        if let Some((path, out)) = &mut self.file {
            let cells = [line.to_string(), code.to_owned(), text];
            out.write_all(sheet::line(&cells).as_bytes()).map_err(|error| Failure::file(path, &error))?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Failure> {
        match &mut self.file {
            Some((path, out)) => out.flush().map_err(|error| Failure::file(path, &error)),
            None => Ok(()),
        }
    }

    /// Fails if one was refused.
    pub(super) fn verdict(&self, file: &Path, lines: u64) -> Result<(), Failure> {
        if self.refused == 0 {
            return Ok(());
        }
        let file = hide_identifiers(&file.to_string_lossy());
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("refused", &self.refused), ("all", &lines), ("file", &file)];
        Err(Failure::told(Exit::Refused, "rows-refused", &values))
    }
}
