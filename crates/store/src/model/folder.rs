//! Folders and what lies in them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{FolderId, MessageId, Uid, UidValidity};

use super::StagedBody;

/// The special use of a folder (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\Sent`
    Sent,
    /// `\Drafts`
    Drafts,
    /// `\Trash`
    Trash,
    /// `\Junk`
    Junk,
}

/// A folder of a mailbox.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its number.
    pub id: FolderId,
    /// Its whole name in Unicode, levels parted by `/`.
    pub name: String,
    /// Its special use.
    pub special_use: Option<SpecialUse>,
    /// False for a level that exists only for its children.
    pub selectable: bool,
    /// Its UIDVALIDITY.
    pub uid_validity: UidValidity,
}

/// Numbers for STATUS (RFC 3501 §6.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderStatus {
    /// MESSAGES
    pub messages: u32,
    /// RECENT
    pub recent: u32,
    /// UNSEEN
    pub unseen: u32,
    /// UIDNEXT
    pub uid_next: Uid,
    /// UIDVALIDITY
    pub uid_validity: UidValidity,
}

/// Flags of a message in a folder (RFC 3501 §2.3.2), `\Recent` apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of RFC 3501, and they are independent")]
pub struct Flags {
    /// `\Seen`
    pub seen: bool,
    /// `\Answered`
    pub answered: bool,
    /// `\Flagged`
    pub flagged: bool,
    /// `\Deleted`
    pub deleted: bool,
    /// `\Draft`
    pub draft: bool,
    /// Keywords, as first written; compared without case.
    pub keywords: BTreeSet<String>,
}

/// What [`crate::Mailboxes::set_flags`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagChange {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// A message in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number there.
    pub uid: Uid,
    /// The message.
    pub message: MessageId,
    /// Its flags.
    pub flags: Flags,
    /// `\Recent`: this session is the first to be told.
    pub recent: bool,
    /// When it came (INTERNALDATE).
    pub internal_date: Timestamp,
    /// Its size in bytes (RFC822.SIZE).
    pub size: u64,
}

/// A folder, opened.
#[derive(Debug, Clone)]
pub struct FolderView {
    /// The folder.
    pub folder: Folder,
    /// The number that the next message will have at least.
    pub uid_next: Uid,
    /// Pass to [`crate::Mailboxes::changes_since`].
    pub modseq: u64,
    /// What lies in it, by UID.
    pub entries: Vec<Entry>,
}

/// What changed.
#[derive(Debug, Clone)]
pub struct FolderChanges {
    /// Pass to the next call.
    pub modseq: u64,
    /// New entries, and those whose flags changed, by UID.
    pub changed: Vec<Entry>,
    /// UIDs that are gone.
    pub vanished: Vec<Uid>,
}

/// A message to put into a folder.
#[derive(Debug)]
pub struct NewEntry {
    /// Its id, the one that [`crate::Queue::stage`] was given.
    pub id: MessageId,
    /// Its body.
    pub body: StagedBody,
    /// Its flags.
    pub flags: Flags,
    /// Its date.
    pub internal_date: Timestamp,
    /// What goes into the record with it.
    pub audit: Vec<Event>,
}
