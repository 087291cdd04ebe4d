//! [`DirectoryEntries`]: who stands behind our mailboxes, as admins have written it for the directory. The national
//! directory's copy is apart from it, in [`crate::national`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::MailboxId;

use crate::national::Search;
use crate::{MailboxRecord, Result};

/// One line of ours. What the mailbox itself says is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Which of its mailbox's lines, from 1.
    pub number: u16,
    /// Column by column, by their stable names; those without text are left out. Which ones there are is not known here.
    pub columns: BTreeMap<String, String>,
}

/// Our own entries.
#[async_trait]
pub trait DirectoryEntries: Send + Sync {
    /// All lines of these mailboxes, by mailbox and number.
    async fn directory_entries(&self, mailboxes: &[MailboxId]) -> Result<Vec<(MailboxId, DirectoryEntry)>>;

    /// Keeps this line, in the place of `before`, the one of its number as the caller has seen it; `None` if he saw none.
    /// `Conflict` if it has changed since. `NotFound` if there is no such mailbox, or it is deleted.
    async fn put_directory_entry(
        &self,
        mailbox: MailboxId,
        before: Option<&DirectoryEntry>,
        entry: DirectoryEntry,
        audit: Vec<Event>,
    ) -> Result<()>;

    /// Removes the line of this number, or all; how many. Where there is none, nothing is recorded.
    async fn remove_directory_entries(&self, mailbox: MailboxId, number: Option<u16>, audit: Vec<Event>)
    -> Result<u64>;

    /// The mailboxes that are shown and may have a line that fits, by address. All that have one are among them, and
    /// perhaps some that have none: [`Search::fits`] decides. No word looked for: none.
    async fn likely_mailboxes(&self, search: &Search) -> Result<Vec<MailboxId>>;

    /// Those of these mailboxes that there are, by address.
    async fn records_of(&self, mailboxes: &[MailboxId]) -> Result<Vec<MailboxRecord>>;
}
