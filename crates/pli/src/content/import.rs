//! [`import()`]: what a Maildir++ holds, into a mailbox: one of ours, or of another server. Done again, it adds nothing:
//! a message that lies in its folder already, byte for byte, is left there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pli_store::{Flags, Mailbox, Store};
use pli_types::MessageId;

use super::export::blocking;
use super::{ContentFault, description, files, maildir};
use crate::exit::Failure;

/// A message on its way into a folder.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(crate) folder: String,
    pub(crate) flags: Flags,
    pub(crate) internal_date: Timestamp,
    /// Its lines end with CRLF.
    pub(crate) body: Vec<u8>,
}

/// Who puts messages into the mailbox: the node, or a command where none runs.
#[async_trait(?Send)]
pub(crate) trait Taker {
    /// Makes a folder if it is missing.
    async fn folder(&mut self, name: &str, subscribed: bool) -> Result<(), Failure>;
    /// Puts a message into a folder.
    async fn message(&mut self, arriving: Arriving) -> Result<(), Failure>;
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Folders that were made.
    pub(crate) folders_made: usize,
    /// Messages that were put into the mailbox.
    pub(crate) taken: usize,
    /// Messages that lay there already.
    pub(crate) there: usize,
    /// Files that were not taken, and why.
    pub(crate) left_out: Vec<(PathBuf, &'static str)>,
}

/// Brings in what is missing. `store` is looked into, `taker` changes it; a message has `bytes_max` bytes at most.
pub(crate) async fn import(
    store: &dyn Store,
    mailbox: &Mailbox,
    from: &Path,
    bytes_max: u64,
    taker: &mut dyn Taker,
) -> Result<Imported, ContentFault> {
    let folder = from.to_owned();
    let sources = blocking(move || sources(&folder)).await?;
    let (mut done, there) = (Imported::default(), store.folders(mailbox.id).await?);
    for source in sources {
        let found = there.iter().find(|folder| folder.name == source.name);
        let mut held = match found {
            Some(folder) if folder.selectable => Held::of(store, folder.id).await?,
            _ => Held::default(),
        };
        if found.is_none_or(|folder| !folder.selectable) || source.subscribed {
            taker.folder(&source.name, source.subscribed).await.map_err(ContentFault::NotTaken)?;
        }
        done.folders_made += usize::from(found.is_none());
        for file in source.files {
            one_file(store, &source.name, file, bytes_max, &mut held, taker, &mut done).await?;
        }
    }
    Ok(done)
}

async fn one_file(
    store: &dyn Store,
    folder: &str,
    file: SourceFile,
    bytes_max: u64,
    held: &mut Held,
    taker: &mut dyn Taker,
    done: &mut Imported,
) -> Result<(), ContentFault> {
    if !file.is_plain {
        done.left_out.push((file.path, "file-not-plain"));
        return Ok(());
    }
    if file.size > bytes_max {
        done.left_out.push((file.path, "message-too-big"));
        return Ok(());
    }
    let path = file.path.clone();
    let body = blocking(move || files::read_plain(&path, bytes_max)).await?.unwrap_or_default();
    let body = with_crlf(body);
    if body.contains(&0) || body.is_empty() {
        // RFC 3501 §4.3.1: no message that a mail program can be given holds a NUL.
        done.left_out.push((file.path, "message-malformed"));
        return Ok(());
    }
    if held.takes_off(store, &body).await? {
        done.there += 1;
        return Ok(());
    }
    let arriving = Arriving { folder: folder.to_owned(), flags: file.flags, internal_date: file.at, body };
    taker.message(arriving).await.map_err(ContentFault::NotTaken)?;
    done.taken += 1;
    Ok(())
}

/// What a folder holds already. Bodies are read only where a size is the same.
#[derive(Debug, Default)]
struct Held {
    by_size: HashMap<u64, Vec<MessageId>>,
    /// How many of each lie there that no file has been held against.
    by_digest: HashMap<Vec<u8>, usize>,
}

impl Held {
    async fn of(store: &dyn Store, folder: pli_types::FolderId) -> Result<Self, ContentFault> {
        let mut by_size: HashMap<u64, Vec<MessageId>> = HashMap::new();
        for entry in store.open_folder(folder, false).await?.entries {
            by_size.entry(entry.size).or_default().push(entry.message);
        }
        Ok(Self { by_size, by_digest: HashMap::new() })
    }

    /// Is there one like this? It is counted off, so that two files that are the same stand for two messages.
    async fn takes_off(&mut self, store: &dyn Store, body: &[u8]) -> Result<bool, ContentFault> {
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        for message in self.by_size.remove(&size).unwrap_or_default() {
            let digest = digest(&SHA256, &store.body(message).await?);
            *self.by_digest.entry(digest.as_ref().to_vec()).or_default() += 1;
        }
        match self.by_digest.get_mut(digest(&SHA256, body).as_ref()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// A folder of the Maildir.
#[derive(Debug)]
struct Source {
    name: String,
    subscribed: bool,
    files: Vec<SourceFile>,
}

#[derive(Debug)]
struct SourceFile {
    path: PathBuf,
    flags: Flags,
    at: Timestamp,
    size: u64,
    /// Neither a symbolic link, which could lead anywhere, nor a pipe, which could have no end.
    is_plain: bool,
}

/// Twenty-six keywords are far shorter.
const KEYWORDS_BYTES_MAX: u64 = 64 << 10;

/// All folders of a Maildir++, INBOX first, then by name.
fn sources(from: &Path) -> Result<Vec<Source>, ContentFault> {
    files::check_no_link(&from.join("cur"))?;
    if !from.join("cur").is_dir() {
        return Err(ContentFault::NoMaildir(from.to_owned()));
    }
    let told = description::read(from)?.map(|description| description.folders).unwrap_or_default();
    let mut listed = Vec::new();
    for name in files::names(from)?.into_iter().filter(|name| name.starts_with('.')) {
        files::check_no_link(&from.join(&name))?;
        files::check_no_link(&from.join(&name).join("cur"))?;
        if from.join(&name).join("cur").is_dir() {
            listed.push(name);
        }
    }
    let mut sources = Vec::new();
    for directory in std::iter::once(String::new()).chain(listed) {
        let told = told.iter().find(|folder| folder.directory == directory);
        let name = told.map(|folder| folder.name.clone()).or_else(|| maildir::folder(&directory));
        let Some(name) = name else { continue };
        let subscribed = told.is_some_and(|folder| folder.subscribed);
        sources.push(Source { name, subscribed, files: source_files(&from.join(&directory))? });
    }
    Ok(sources)
}

/// What lies in `cur` and `new`, in the order in which it came.
fn source_files(folder: &Path) -> Result<Vec<SourceFile>, ContentFault> {
    let keywords = files::read_plain(&folder.join(maildir::KEYWORDS_FILE), KEYWORDS_BYTES_MAX)?.unwrap_or_default();
    let keywords = maildir::read_keywords(&String::from_utf8_lossy(&keywords));
    let mut found = Vec::new();
    for part in ["cur", "new"] {
        files::check_no_link(&folder.join(part))?;
        for name in files::names(&folder.join(part))? {
            let path = folder.join(part).join(&name);
            let failed = |error| ContentFault::file(&path, error);
            let metadata = std::fs::symlink_metadata(&path).map_err(failed)?;
            if metadata.is_dir() || name.starts_with('.') {
                continue;
            }
            let at = Timestamp::try_from(metadata.modified().map_err(failed)?);
            found.push(SourceFile {
                flags: maildir::flags(&name, &keywords),
                at: at.unwrap_or(Timestamp::UNIX_EPOCH),
                size: metadata.len(),
                is_plain: metadata.is_file(),
                path,
            });
        }
    }
    found.sort_by(|a, b| (a.at, &a.path).cmp(&(b.at, &b.path)));
    Ok(found)
}

/// Other servers' Maildirs have lines that end with LF alone; a message has CRLF (RFC 5322 §2.3).
fn with_crlf(body: Vec<u8>) -> Vec<u8> {
    let is_bare = |index: usize| body.get(index) == Some(&b'\n') && (index == 0 || body.get(index - 1) != Some(&b'\r'));
    if !(0..body.len()).any(is_bare) {
        return body;
    }
    let mut out = Vec::with_capacity(body.len() + body.len() / 32);
    for (index, byte) in body.iter().enumerate() {
        if is_bare(index) {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
