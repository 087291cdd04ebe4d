//! [`OrganisationBook`]: the directory, for the rules on patients: our own mailboxes, and the copy of the national
//! directory, kept open from one question to the next.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pli_addressbook::Hidden;
use pli_directory::extraction::{Column, Entry, MailboxType};
use pli_mailflow::intake::{Organisation, Organisations};
use pli_store::national::{self, LocalCopy};
use pli_store::{MailboxKind, MailboxRecord, Store, StoreError};
use pli_types::{FinessId, MailAddress, StructureId};
use tokio::sync::Mutex;

/// Answers for one node. The copy is opened by the first question, and anew once another one has taken its place.
pub(crate) struct OrganisationBook {
    store: Arc<dyn Store>,
    /// The state folder, where the copy lies.
    state: PathBuf,
    /// Whoever asks reads alone: each question takes a fraction of a millisecond.
    copy: Mutex<Opened>,
}

/// A copy that is open, and which file it is.
#[derive(Debug, Default)]
struct Opened {
    file: Option<FileId>,
    copy: Option<LocalCopy>,
}

/// A copy is never changed: it is another file that takes its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
    /// An inode's number may be given again.
    modified: (i64, i64),
}

impl OrganisationBook {
    pub(crate) fn new(store: Arc<dyn Store>, state: PathBuf) -> Self {
        Self { store, state, copy: Mutex::default() }
    }

    /// The structures whose ORG mailbox the national directory says this is, as far as our copy knows.
    async fn national(&self, address: &MailAddress) -> Result<Vec<FinessId>, StoreError> {
        let mut opened = self.copy.lock().await;
        opened.keep_up(&self.state).await?;
        let Some(copy) = &mut opened.copy else { return Ok(Vec::new()) };
        let mut lines = copy.of_address(&address.key()).await?;
        let mut found = Vec::new();
        while let Some(line) = lines.next().await? {
            // A line that is none was not taken into the copy.
            let entry = Entry::parse(line).ok().filter(|entry| entry.kind() == MailboxType::Org);
            let structure = entry.and_then(|entry| StructureId::parse(entry.get(Column::StructureId)).ok());
            found.extend(structure.and_then(finess));
        }
        Ok(found)
    }
}

#[async_trait]
impl Organisations for OrganisationBook {
    async fn organisation(&self, address: &MailAddress) -> Result<Option<Organisation>, StoreError> {
        let structures = match self.store.mailbox_record(address).await?.map(|record| own(&record)) {
            Some(Own::Shown(structures)) => structures,
            Some(Own::Hidden) => return Ok(None),
            // One of ours that we do not know to be published may be nevertheless.
            Some(Own::Unpublished) | None => self.national(address).await?,
        };
        let mut first = None;
        for finess in structures {
            if self.store.is_pharmacy(&finess).await? {
                return Ok(Some(Organisation { finess, pharmacy: true }));
            }
            first.get_or_insert(finess);
        }
        Ok(first.map(|finess| Organisation { finess, pharmacy: false }))
    }
}

/// What one of our own mailboxes is.
enum Own {
    /// It is published: the structures whose it is, at most one.
    Shown(Vec<FinessId>),
    /// Nobody is to find it: deleted, suspended, a patient's or on the liste rouge, whatever an older copy of the
    /// national directory still says. It is not "published in the Annuaire Santé" (R-WHO-5).
    Hidden,
    /// Not marked as published.
    Unpublished,
}

fn own(record: &MailboxRecord) -> Own {
    match Hidden::why(record) {
        Some(Hidden::Unpublished) => Own::Unpublished,
        Some(Hidden::Deleted | Hidden::Patient | Hidden::Suspended | Hidden::Unlisted) => Own::Hidden,
        None if record.mailbox.kind == MailboxKind::Org => {
            Own::Shown(record.structure.clone().and_then(finess).into_iter().collect())
        }
        None => Own::Shown(Vec::new()),
    }
}

fn finess(structure: StructureId) -> Option<FinessId> {
    match structure {
        StructureId::Finess(finess) => Some(finess),
        StructureId::Siret(_) => None,
    }
}

impl Opened {
    /// Opens the copy if it is another one than that which is open.
    async fn keep_up(&mut self, state: &std::path::Path) -> Result<(), StoreError> {
        let file = match tokio::fs::metadata(state.join(national::FILE_NAME)).await {
            Ok(metadata) => Some(FileId {
                device: metadata.dev(),
                inode: metadata.ino(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let what = "looking for the directory's copy";
                return Err(StoreError::Unavailable { what, full: false, source: Some(error.into()) });
            }
        };
        if self.file == file {
            return Ok(());
        }
        if let Some(copy) = self.copy.take() {
            copy.close().await;
        }
        // Noted after it is open: a question that is given up half-way leaves nothing that seems to be kept up.
        self.file = None;
        self.copy = LocalCopy::open(state).await?;
        self.file = file;
        Ok(())
    }
}

impl std::fmt::Debug for OrganisationBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrganisationBook").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
