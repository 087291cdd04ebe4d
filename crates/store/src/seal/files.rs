//! [`BodyFolder`]: the files of large bodies, `bodies/<last two hexadecimal digits>/<id>`.
//!
//! The last two digits of an id are random; the first ones are its time, and would put all files into one folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli_types::MessageId;

/// Where the sealed files lie. Its methods block.
#[derive(Debug, Clone)]
pub(crate) struct BodyFolder {
    root: Arc<Path>,
}

impl BodyFolder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root: root.into() }
    }

    /// Where a body lies, or would.
    pub(crate) fn path(&self, message: MessageId) -> PathBuf {
        let [.., last] = message.as_bytes();
        self.root.join(format!("{last:02x}")).join(message.to_string())
    }

    /// Begins a file, which must not be there yet.
    pub(crate) fn create(&self, message: MessageId) -> io::Result<(File, PathBuf)> {
        let path = self.path(message);
        if let Some(shard) = path.parent() {
            create_folder(&self.root)?;
            create_folder(shard)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok((options.open(&path)?, path))
    }

    /// Brings a file, and its name in the folder, to stable storage.
    pub(crate) fn sync(file: &File, path: &Path) -> io::Result<()> {
        file.sync_all()?;
        sync_folder(path.parent())
    }

    /// Removes a body's file; it is no fault if there is none.
    pub(crate) fn remove(&self, message: MessageId) -> io::Result<()> {
        match std::fs::remove_file(self.path(message)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The messages that have a file, a list a subfolder. Anything else that lies there is left alone.
    pub(crate) fn list(&self) -> io::Result<Vec<Vec<MessageId>>> {
        let mut lists = Vec::new();
        for shard in read_folder(&self.root)? {
            let shard = shard?;
            if shard.file_type()?.is_dir() {
                let names = read_folder(&shard.path())?.map(|file| Ok(file?.file_name()));
                let names: Vec<_> = names.collect::<io::Result<_>>()?;
                let ids = names.iter().filter_map(|name| MessageId::parse(name.to_str()?).ok());
                lists.push(ids.filter(|id| self.path(*id).parent() == Some(&shard.path())).collect());
            }
        }
        Ok(lists)
    }
}

/// The entries of a folder; none if it is not there.
fn read_folder(path: &Path) -> io::Result<impl Iterator<Item = io::Result<std::fs::DirEntry>> + use<>> {
    match std::fs::read_dir(path) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

/// Makes a folder if it is not there, and its name durable.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => sync_folder(path.parent()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A name in a folder is on stable storage only when the folder is (fsync(2)).
fn sync_folder(path: Option<&Path>) -> io::Result<()> {
    let path = path.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(path)?.sync_all()
}
