//! [`RefusedLines`]: the file of `--report`, in which the lines of an import are told that were not taken.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Each refused line by its number and a code, nothing of what stands there; for its owner's eyes. Or nowhere.
pub(crate) struct RefusedLines(Option<(PathBuf, BufWriter<File>)>);

impl RefusedLines {
    /// Into this file, in the place of what it held; nowhere without one.
    pub(crate) fn into(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let mut out = BufWriter::new(file.map_err(|error| Failure::file(path, &error))?);
        out.write_all(b"line;code\n").map_err(|error| Failure::file(path, &error))?;
        Ok(Self(Some((path.to_owned(), out))))
    }

    /// This line was refused.
    pub(crate) fn line(&mut self, number: u64, code: &str) -> Result<(), Failure> {
        let Some((path, out)) = &mut self.0 else { return Ok(()) };
        writeln!(out, "{number};{code}").map_err(|error| Failure::file(path, &error))
    }

    /// All are told.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        let Some((path, out)) = &mut self.0 else { return Ok(()) };
        out.flush().map_err(|error| Failure::file(path, &error))
    }
}
