//! Where state lives. Every public method is one use case and one transaction; no `begin()` leaks.
//!
//! The traits are split by who asks: [`Mailboxes`] (IMAP, intake), [`Queue`] (intake, delivery),
//! [`Accounts`] (sign-in), [`Connectors`] (admins), [`AuditRows`] (everyone). Nothing of a backend shows in them. Callers hold
//! `Arc<dyn Store>`.
//!
//! `250` means kept: [`Queue::accept`] returns only when message, deliveries, queue rows and audit rows are
//! on stable storage together.

pub mod connectors;
pub mod error;
pub mod model;
pub mod national;
pub mod publications;
pub mod seal;
pub mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{
    Clock, DistinguishedName, Domain, FolderId, MailAddress, MailboxId, MessageId, RppsId, Secret, Uid, UidValidity,
};
use tokio::sync::broadcast;

pub use connectors::{ConnectorRecord, Connectors};
pub use error::StoreError;
pub use model::*;
pub use publications::{Publication, PublicationBacklog, PublicationOutcome, Publications};

/// Result of every method.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Mailboxes, their folders and what lies in them.
#[async_trait]
pub trait Mailboxes: Send + Sync {
    /// The mailbox that takes mail for this address, by [`MailAddress::key`].
    async fn mailbox(&self, address: &MailAddress) -> Result<Option<Mailbox>>;

    /// Makes a mailbox with INBOX, Sent, Drafts, Trash and Junk. `Conflict` if the address is taken.
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
    async fn set_flags(&self, folder: FolderId, uids: &[Uid], change: FlagChange, flags: &Flags) -> Result<Vec<Entry>>;

    /// Copies entries; gives the target's UIDVALIDITY and the pairs (source, target), unknown UIDs left out.
    /// All or nothing.
    async fn copy(&self, folder: FolderId, uids: &[Uid], target: FolderId) -> Result<(UidValidity, Vec<(Uid, Uid)>)>;

    /// Removes the entries flagged `\Deleted`, only those of `uids` if given; gives their UIDs. Bodies
    /// that nothing refers to any more go too.
    async fn expunge(&self, folder: FolderId, uids: Option<&[Uid]>, audit: Vec<Event>) -> Result<Vec<Uid>>;

    /// A body, whole.
    async fn body(&self, message: MessageId) -> Result<Bytes>;

    /// Part of a body: at most `length` bytes from `offset`, fewer at its end.
    async fn body_range(&self, message: MessageId, offset: u64, length: u64) -> Result<Bytes>;
}

/// The way in, and the way out.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Begins a body of unknown length: sealed as it comes, at most a fixed amount of it in memory.
    fn stage(&self, message: MessageId) -> Result<Box<dyn BodyWriter>>;

    /// Takes a message in: body, mailbox entries, queue rows and audit rows in one transaction, on stable
    /// storage when this returns. A caller that stops waiting cancels nothing. `Unavailable` means: say `451`;
    /// the outcome may be unknown, and a repeat is right.
    async fn accept(&self, message: NewMessage) -> Result<Receipt>;

    /// Claims up to `limit` rows that are due at `now`, for `lease`; nobody else gets them until then.
    /// Rows of one message for one destination come together.
    async fn claim_due(&self, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Lease>>;

    /// Closes leases: outcome, report and audit rows in one transaction. A lease that has passed to someone else is
    /// left alone (its token no longer fits) and counted in the result.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Settled>;

    /// When the next row is due, if any waits.
    async fn next_due_at(&self) -> Result<Option<Timestamp>>;

    /// What waits, oldest first.
    async fn queue_rows(&self, limit: usize) -> Result<Vec<QueueRow>>;

    /// Makes the rows for these destinations due now, and counts those that were not due yet: for domains that have
    /// left the trust list or changed their certificates, whose mail has waited long enough. A row that somebody is
    /// trying right now is left alone. Where no row waits, nothing is recorded.
    async fn hasten(&self, destinations: &[Domain], now: Timestamp, audit: Vec<Event>) -> Result<usize>;

    /// Makes a row due now. `NotFound` if there is none.
    async fn retry_now(&self, row: pli_types::QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()>;
}

/// Who may sign in.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes an account for a mailbox. `Conflict` if the name is taken.
    async fn add_account(&self, new: NewAccount, audit: Vec<Event>) -> Result<pli_types::AccountId>;

    /// The account, if the password fits. Takes the same time for a name that is unknown; argon2id runs off the
    /// async threads, bounded in number.
    async fn sign_in_with_password(&self, name: &str, password: &Secret<String>) -> Result<Option<Account>>;

    /// The account that this certificate name (already judged) opens (SASL EXTERNAL).
    async fn sign_in_with_certificate(&self, name: &DistinguishedName) -> Result<Option<Account>>;

    /// The PER mailbox of a professional whose identity is proven (by a token, already judged): the one with this
    /// address, or his only one. Nobody else's, whatever the address.
    async fn sign_in_as_professional(&self, rpps: &RppsId, address: Option<&MailAddress>) -> Result<Option<Account>>;
}

/// The record of what happened.
#[async_trait]
pub trait AuditRows: Send + Sync {
    /// Adds rows of their own (refusals, sign-ins). They join the next group commit; returns when it is done.
    async fn append_audit(&self, events: Vec<Event>) -> Result<()>;

    /// Every event about one message, in order.
    async fn events_of(&self, message: MessageId) -> Result<Vec<Event>>;
}

/// One store, all roles.
#[async_trait]
pub trait Store: Mailboxes + Queue + Accounts + Connectors + AuditRows + Publications {
    /// What changes, as it is committed. A receiver that falls behind is told so and looks for itself.
    fn subscribe(&self) -> broadcast::Receiver<Change>;

    /// Writes something that means nothing, in the next group commit; returns when it is on stable storage. This is
    /// how to learn that a store which can still be read takes no more mail: `Unavailable`.
    async fn probe(&self) -> Result<()>;

    /// Writes what is queued and lets go of the files; after that every method answers `Unavailable`. A store that
    /// is dropped does the same, later: wait for this where the store is opened again at once.
    async fn close(&self) {}
}

/// Takes a body in pieces (see [`Queue::stage`]). Dropped without [`BodyWriter::finish`], it leaves nothing behind.
#[async_trait]
pub trait BodyWriter: Send + Sync {
    /// Adds bytes.
    async fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// Closes the body. A large one is on stable storage, in a file, when this returns.
    async fn finish(self: Box<Self>) -> Result<StagedBody>;
}

/// Opens the store that the configuration names, making or migrating its tables.
///
/// An SQLite store is this process's alone from then on: `Configuration` if another one has it open.
pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    sqlite::open(config, clock).await
}

/// Would [`open`] take this? Changes nothing, and works beside the node that has the store open. A store that is not
/// there yet is no fault: `open` makes it.
pub async fn check(config: &Config) -> Result<()> {
    sqlite::check(config).await
}

/// Opens a store to look into it, also beside the node that has it open: whatever writes is `Configuration`.
pub async fn open_read_only(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>> {
    sqlite::open_read_only(config, clock).await
}
