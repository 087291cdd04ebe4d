//! What is told of a commit.

use pli_types::{FolderId, MailboxId};

/// Something was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Queue rows became due.
    Queue,
    /// Something in a folder changed.
    Folder(MailboxId, FolderId),
    /// Folders of a mailbox were made, renamed or removed.
    Folders(MailboxId),
    /// A campaign was begun, paused or let go on, or has more recipients.
    Campaigns,
    /// A read receipt is owed.
    Receipts,
    /// Something is waited for, until a time that may be the next.
    Watches,
    /// Something about who may sign in, or about the state of a mailbox, changed: whoever is signed in is asked about
    /// again ([`crate::Accounts::still_holds`]).
    Access,
}
