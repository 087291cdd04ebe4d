//! [`Mailboxes`].

use async_trait::async_trait;
use bytes::Bytes;
use pli_audit::Event;
use pli_types::{FolderId, MailAddress, MailboxId, MessageId, Uid, UidValidity};

use crate::{
    Entry, FlagChange, Flags, Folder, FolderChanges, FolderStatus, FolderView, Mailbox, MailboxState, NewEntry,
    NewMailbox, Result,
};

/// Mailboxes, their folders and what lies in them.
///
/// Of what is done to messages in a folder, each event given that names no message is recorded once for each message that it
/// was done to, in the same transaction; what was done to none leaves nothing in the record.
#[async_trait]
pub trait Mailboxes: Send + Sync {
    /// The mailbox that takes mail for this address, by [`MailAddress::key`]. One that is deleted is none.
    async fn mailbox(&self, address: &MailAddress) -> Result<Option<Mailbox>>;

    /// Makes a mailbox with INBOX, Sent, Drafts, Trash and Junk. `Conflict` if the address is taken, or still
    /// kept for the holder of a mailbox that was deleted.
    async fn add_mailbox(&self, new: NewMailbox, audit: Vec<Event>) -> Result<MailboxId>;

    /// Changes what may be done with it (suspended, closed, open again).
    async fn set_mailbox_state(&self, mailbox: MailboxId, state: MailboxState, audit: Vec<Event>) -> Result<()>;

    /// All folders of a mailbox, INBOX first, then by name.
    async fn folders(&self, mailbox: MailboxId) -> Result<Vec<Folder>>;

    /// `Conflict` if the name is taken. Missing parents are made too (RFC 3501 §6.3.3). Names use `/`.
    async fn create_folder(&self, mailbox: MailboxId, name: &str) -> Result<FolderId>;

    /// Removes a folder and what lies in it. INBOX and folders with children are `Conflict`.
    async fn delete_folder(&self, mailbox: MailboxId, name: &str, audit: Vec<Event>) -> Result<()>;

    /// Renames a folder and its children; renaming INBOX moves its messages (RFC 3501 §6.3.5).
    async fn rename_folder(&self, mailbox: MailboxId, from: &str, to: &str) -> Result<()>;

    /// Subscriptions are by name and outlive the folder (RFC 3501 §6.3.6).
    async fn set_subscribed(&self, mailbox: MailboxId, name: &str, subscribed: bool) -> Result<()>;

    /// Subscribed names, folders that no longer exist included.
    async fn subscriptions(&self, mailbox: MailboxId) -> Result<Vec<String>>;

    /// Numbers for STATUS. Takes nobody's `\Recent`.
    async fn folder_status(&self, folder: FolderId) -> Result<FolderStatus>;

    /// What lies in a folder, by UID. With `take_recent`, entries that nobody has been told of come back with
    /// `recent` set, this once (RFC 3501 §2.3.2).
    async fn open_folder(&self, folder: FolderId, take_recent: bool) -> Result<FolderView>;

    /// What changed in a folder after `since` (a `modseq` that this store gave since it was opened).
    async fn changes_since(&self, folder: FolderId, since: u64, take_recent: bool) -> Result<FolderChanges>;

    /// Puts a message into a folder (IMAP APPEND). `MailboxFull` if the quota is used up.
    async fn append(&self, folder: FolderId, new: NewEntry) -> Result<(UidValidity, Uid)>;

    /// Changes flags; gives back the entries as they are now, unknown UIDs left out.
    /// What is recorded is of those that have become `\Seen` by it.
    async fn set_flags(
        &self,
        folder: FolderId,
        uids: &[Uid],
        change: FlagChange,
        flags: &Flags,
        audit: Vec<Event>,
    ) -> Result<Vec<Entry>>;

    /// Copies entries; gives the target's UIDVALIDITY and the pairs (source, target), unknown UIDs left out.
    /// All or nothing.
    async fn copy(
        &self,
        folder: FolderId,
        uids: &[Uid],
        target: FolderId,
        audit: Vec<Event>,
    ) -> Result<(UidValidity, Vec<(Uid, Uid)>)>;

    /// Removes the entries flagged `\Deleted`, only those of `uids` if given; gives their UIDs. Bodies
    /// that nothing refers to any more go too.
    async fn expunge(&self, folder: FolderId, uids: Option<&[Uid]>, audit: Vec<Event>) -> Result<Vec<Uid>>;

    /// A body, whole.
    async fn body(&self, message: MessageId) -> Result<Bytes>;

    /// Part of a body: at most `length` bytes from `offset`, fewer at its end.
    async fn body_range(&self, message: MessageId, offset: u64, length: u64) -> Result<Bytes>;
}
