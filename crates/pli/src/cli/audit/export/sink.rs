//! [`Sink`]: where entries go: a file, or a receiver of syslog. Either it gets all of them, or the command fails.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::syslog::Siem;

/// Where entries go.
pub(super) enum Sink {
    File(Page),
    Siem(Box<Siem>),
}

impl Sink {
    /// One more.
    pub(super) async fn put(&mut self, text: &str) -> Result<(), Failure> {
        match self {
            Self::File(page) => page.line(text),
            Self::Siem(siem) => Ok(siem.put(text).await?),
        }
    }

    /// That was all. Of a receiver: whether it has said that it has come to the end.
    pub(super) async fn end(self) -> Result<Option<bool>, Failure> {
        match self {
            Self::File(page) => page.end().map(|()| None),
            Self::Siem(siem) => Ok(Some(siem.close().await?)),
        }
    }
}

/// A file that comes into being when it is whole, for this user only. Nothing is written over.
pub(super) struct Page {
    path: PathBuf,
    beside: PathBuf,
    out: Option<BufWriter<File>>,
}

impl Page {
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let taken = |path: &Path| Failure::told(Exit::Conflict, "audit-file-taken", &[("path", &path.display())]);
        if path.symlink_metadata().is_ok() {
            return Err(taken(path));
        }
        let beside = path.with_added_extension("part");
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let file = opened.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => taken(&beside),
            _ => Failure::file(path, &error),
        })?;
        Ok(Self { path: path.to_owned(), beside, out: Some(BufWriter::new(file)) })
    }

    fn line(&mut self, text: &str) -> Result<(), Failure> {
        let Some(out) = &mut self.out else { return Ok(()) };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
        written.map_err(|error| Failure::file(&self.path, &error))
    }

    fn end(mut self) -> Result<(), Failure> {
        let kept = (|| {
            if let Some(out) = self.out.take() {
                out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            }
            std::fs::rename(&self.beside, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        })();
        kept.map_err(|error| Failure::file(&self.path, &error))
    }
}

impl Drop for Page {
    /// What was not ended is not whole, and nobody should take it for that.
    fn drop(&mut self) {
        if self.out.take().is_some() {
            std::fs::remove_file(&self.beside).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_when_it_is_whole_and_writes_over_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entries.csv");
        let mut page = Page::begin(&path).unwrap();
        page.line("a").unwrap();
        assert_eq!(Page::begin(&path).err().unwrap().code, "audit-file-taken");
        drop(page);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut page = Page::begin(&path).unwrap();
        page.line("a").unwrap();
        assert!(!path.exists());
        page.end().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
        assert_eq!(Page::begin(&path).err().unwrap().code, "audit-file-taken");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
