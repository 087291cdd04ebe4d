//! [`export()`]: everything that a mailbox holds, as files. Done again, it writes what is missing and leaves the rest.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pli_store::{Entry, Folder, FolderView, Mailbox, Store, StoreError};
use serde_json::{Map, Value};

use super::description::{Description, FolderTold};
use super::{ContentFault, description, files, maildir};
use crate::output::SCHEMA_VERSION;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exported {
    pub(crate) folders: usize,
    /// Messages that the mailbox holds, each folder's counted.
    pub(crate) messages: usize,
    /// Of these, those that were written now; the others lay there already.
    pub(crate) written: usize,
    /// Files that were given other flags.
    pub(crate) renamed: usize,
    /// Bytes of all messages.
    pub(crate) bytes: u64,
    /// Keywords that found no letter, since a folder has more than 26 of them.
    pub(crate) keywords_left_out: usize,
    /// What [`mark`] gives of a mailbox that nothing has come into since.
    pub(crate) mark: String,
}

/// Writes the mailbox to this folder, and is on stable storage when it returns. `about` goes into the description.
///
/// Nothing is ever removed there: who exports into one folder again and again keeps what was removed from the mailbox.
pub(crate) async fn export(
    store: &dyn Store,
    mailbox: &Mailbox,
    about: Map<String, Value>,
    to: &Path,
) -> Result<Exported, ContentFault> {
    let address = mailbox.address.reveal();
    let before = begin(to, &address)?;
    let subscribed: HashSet<String> = store.subscriptions(mailbox.id).await?.into_iter().collect();
    let (mut done, mut folders, mut seen) = (Exported::default(), Vec::new(), Vec::new());
    for (index, folder) in store.folders(mailbox.id).await?.into_iter().enumerate() {
        // A name that is too long for a file has a number. The description tells which it is.
        let directory = maildir::directory(&folder.name).unwrap_or_else(|| format!(".folder-{index}"));
        let place = to.join(&directory);
        let mut held = 0;
        if folder.selectable {
            held = one_folder(store, &folder, &place, &mut done, &mut seen).await?;
        }
        folders.push(FolderTold {
            subscribed: subscribed.contains(&folder.name),
            name: folder.name,
            directory,
            uid_validity: folder.uid_validity.0,
            messages: held,
        });
    }
    (done.folders, done.mark) = (folders.len(), marked(seen));
    let after = Description { schema_version: SCHEMA_VERSION, address, complete: true, mailbox: about, folders };
    let folder = to.to_owned();
    blocking(move || {
        files::sync_all(&folder)?;
        if before.as_ref() != Some(&after) {
            description::write(&folder, &after)?;
            files::sync_all(&folder)?;
        }
        Ok(())
    })
    .await?;
    Ok(done)
}

/// A folder's name, its UIDVALIDITY, and the number that its next message will have at least.
type Seen = (String, u32, u32);

/// What tells whether anything has come into a mailbox. What was flagged or removed is not told.
pub(crate) async fn mark(store: &dyn Store, mailbox: &Mailbox) -> Result<String, StoreError> {
    let mut seen = Vec::new();
    for folder in store.folders(mailbox.id).await?.into_iter().filter(|folder| folder.selectable) {
        let uid_next = store.folder_status(folder.id).await?.uid_next;
        seen.push((folder.name, folder.uid_validity.0, uid_next.0));
    }
    Ok(marked(seen))
}

fn marked(mut seen: Vec<Seen>) -> String {
    seen.sort_unstable();
    let mut text = String::new();
    for (name, validity, next) in seen {
        // Names hold no control characters, so that no two lists give the same text.
        text.extend([name.as_str(), "\t", &validity.to_string(), "\t", &next.to_string(), "\n"]);
    }
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Is this folder ours to write to? Gives the description that lies there.
fn begin(to: &Path, address: &str) -> Result<Option<Description>, ContentFault> {
    files::make_folder(to)?;
    let before = description::read(to)?;
    let ours = match &before {
        Some(before) => before.address == address,
        None => files::names(to)?.is_empty(),
    };
    if !ours {
        return Err(ContentFault::FolderInUse(to.to_owned()));
    }
    if before.is_none() {
        let begun = Description {
            schema_version: SCHEMA_VERSION,
            address: address.to_owned(),
            complete: false,
            mailbox: Map::new(),
            folders: Vec::new(),
        };
        description::write(to, &begun)?;
    }
    Ok(before)
}

async fn one_folder(
    store: &dyn Store,
    folder: &Folder,
    to: &Path,
    done: &mut Exported,
    seen: &mut Vec<Seen>,
) -> Result<usize, ContentFault> {
    let FolderView { entries, uid_next, .. } = store.open_folder(folder.id, false).await?;
    seen.push((folder.name.clone(), folder.uid_validity.0, uid_next.0));
    let (keywords, left_out) = maildir::keywords(entries.iter().map(|entry| &entry.flags));
    done.keywords_left_out += left_out;
    let (place, text) = (to.to_owned(), maildir::keywords_text(&keywords));
    let is_inbox = folder.name == "INBOX";
    let there = blocking(move || prepare(&place, is_inbox, &text)).await?;
    for entry in &entries {
        let unique = maildir::unique(entry, folder.uid_validity);
        let path = to.join("cur").join(format!("{unique}{}", maildir::flags_text(&entry.flags, &keywords)));
        done.messages += 1;
        done.bytes += entry.size;
        match there.get(&unique) {
            Some(name) if path.ends_with(name) => {}
            Some(name) => {
                let from = to.join("cur").join(name);
                std::fs::rename(&from, &path).map_err(|error| ContentFault::file(&path, error))?;
                done.renamed += 1;
            }
            None => write(store, entry, &to.join("tmp").join(&unique), path, done).await?,
        }
    }
    Ok(entries.len())
}

/// Makes the folders of a Maildir; gives the files that lie there, by the part of their names that stays.
fn prepare(to: &Path, is_inbox: bool, keywords: &str) -> Result<HashMap<String, String>, ContentFault> {
    for part in ["cur", "new", "tmp"] {
        files::make_folder(&to.join(part))?;
    }
    if !is_inbox {
        files::write(&to.join("tmp/maildirfolder"), &to.join("maildirfolder"), b"", None)?;
    }
    if !keywords.is_empty() {
        let path = to.join(maildir::KEYWORDS_FILE);
        files::write(&to.join("tmp/keywords"), &path, keywords.as_bytes(), None)?;
    }
    let names = files::names(&to.join("cur"))?.into_iter();
    Ok(names.filter_map(|name| Some((name.split_once(":2,")?.0.to_owned(), name))).collect())
}

async fn write(
    store: &dyn Store,
    entry: &Entry,
    beside: &Path,
    path: PathBuf,
    done: &mut Exported,
) -> Result<(), ContentFault> {
    let body = match store.body(entry.message).await {
        Ok(body) => body,
        // Its holder has removed it meanwhile.
        Err(StoreError::NotFound(_)) => {
            done.messages -= 1;
            done.bytes -= entry.size;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let (beside, at) = (beside.to_owned(), system_time(entry.internal_date));
    blocking(move || files::write(&beside, &path, &body, Some(at))).await?;
    done.written += 1;
    Ok(())
}

fn system_time(at: Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Runs what waits for a disk off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ContentFault> + Send + 'static,
) -> Result<T, ContentFault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ContentFault::file(Path::new("."), std::io::Error::other(error))))
}
