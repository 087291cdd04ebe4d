//! The values that go into a store and come out of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{
    AccountId, DistinguishedName, Domain, EnvelopeParameters, FinessId, FolderId, MailAddress, MailboxId, MessageId,
    QueueId, Recipient, ReversePath, RppsId, Secret, Uid, UidValidity,
};
use serde::{Deserialize, Serialize};

/// `[store]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite:///var/lib/pli/pli.db`. Large bodies lie in the folder `bodies` beside it.
    pub url: String,
    /// File with the operator's master key: 64 hexadecimal digits. Wraps the key of every message.
    pub master_key: PathBuf,
}

/// What kind of mailbox (spec §1.3, TRE_R257-TypeBAL, and the patients' spaces).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MailboxKind {
    /// Of one professional.
    Per,
    /// Of a structure or a team.
    Org,
    /// Of a program.
    App,
    /// Of a practice.
    Cab,
    /// A patient's space.
    Patient,
}

/// What may be done with a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailboxState {
    /// Takes mail and lets its holder in.
    Open,
    /// Neither, by an admin's decision.
    Suspended,
    /// A patient's space that its owner has closed: takes no mail.
    Closed,
}

/// A mailbox to make.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Its address, the key.
    pub address: MailAddress,
    /// Its kind.
    pub kind: MailboxKind,
    /// The holder, for PER and CAB.
    pub rpps: Option<RppsId>,
    /// The structure, for ORG and APP.
    pub finess: Option<FinessId>,
    /// May it be used?
    pub state: MailboxState,
    /// Bytes that it may hold; none means no limit.
    pub quota_bytes: Option<u64>,
}

/// A mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Its number.
    pub id: MailboxId,
    /// Its address.
    pub address: MailAddress,
    /// Its kind.
    pub kind: MailboxKind,
    /// May it be used?
    pub state: MailboxState,
    /// Bytes that it may hold.
    pub quota_bytes: Option<u64>,
    /// Bytes that it holds.
    pub used_bytes: u64,
}

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

/// A body ready to be named by a transaction. Dropped unnamed, it leaves nothing behind.
#[derive(Debug)]
pub struct StagedBody {
    pub(crate) inner: crate::seal::Staged,
}

impl StagedBody {
    /// Its length in bytes before sealing.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.size()
    }
}

/// A message to take in.
#[derive(Debug)]
pub struct NewMessage {
    /// Its id, the one that [`crate::Queue::stage`] was given.
    pub id: MessageId,
    /// When.
    pub accepted_at: Timestamp,
    /// To whom a report goes.
    pub sender: ReversePath,
    /// What `MAIL` said besides.
    pub parameters: EnvelopeParameters,
    /// The body, trace headers included.
    pub body: StagedBody,
    /// Mailboxes here that get it, in INBOX.
    pub deliveries: Vec<MailboxId>,
    /// Recipients elsewhere.
    pub relays: Vec<Relay>,
    /// What goes into the record with it.
    pub audit: Vec<Event>,
}

/// A recipient elsewhere.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its row's id.
    pub id: QueueId,
    /// To whom, and what the sender wants to hear.
    pub recipient: Recipient,
    /// Where: the recipient's domain, by which the queue is ordered.
    pub destination: Domain,
    /// When to stop trying.
    pub expires_at: Timestamp,
}

/// The proof that a message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub id: MessageId,
}

/// A queue row, claimed.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The row.
    pub row: QueueId,
    /// Fits until someone else claims the row.
    pub token: u64,
    /// The message.
    pub message: MessageId,
    /// To whom a report goes.
    pub sender: ReversePath,
    /// What `MAIL` said besides.
    pub parameters: EnvelopeParameters,
    /// To whom.
    pub recipient: Recipient,
    /// Where.
    pub destination: Domain,
    /// Tries before this one.
    pub attempts: u32,
    /// When the message was taken in.
    pub accepted_at: Timestamp,
    /// When to stop trying.
    pub expires_at: Timestamp,
    /// Was the sender told of the delay already?
    pub delay_reported: bool,
    /// The message's size in bytes.
    pub size: u64,
}

/// How a try ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The next server has it: its words, scrubbed.
    Relayed {
        /// `mx.example.test[192.0.2.1]:25: 250 2.0.0 …`
        detail: String,
    },
    /// Try again.
    Deferred {
        /// When.
        until: Timestamp,
        /// Stable code.
        reason: String,
        /// What happened, scrubbed.
        detail: String,
    },
    /// Never again.
    Failed {
        /// Stable code.
        reason: String,
        /// What happened, scrubbed.
        detail: String,
    },
}

/// A lease and how it ended.
#[derive(Debug)]
pub struct Settlement {
    /// The lease.
    pub lease: Lease,
    /// How it ended.
    pub outcome: Outcome,
    /// A report to the sender, taken in by the same transaction.
    pub report: Option<NewMessage>,
    /// Set when the report tells of a delay.
    pub delay_reported: bool,
    /// What goes into the record with it.
    pub audit: Vec<Event>,
}

/// What [`crate::Queue::settle`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Rows closed or put off.
    pub settled: usize,
    /// Rows left alone because their lease had passed to someone else.
    pub lost: usize,
}

/// A queue row, to be shown.
#[derive(Debug, Clone)]
pub struct QueueRow {
    /// The row.
    pub id: QueueId,
    /// The message.
    pub message: MessageId,
    /// From.
    pub sender: ReversePath,
    /// To.
    pub recipient: MailAddress,
    /// Where.
    pub destination: Domain,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
    /// Is somebody trying right now?
    pub leased: bool,
    /// The last reason's stable code.
    pub last_reason: Option<String>,
    /// What happened then.
    pub last_detail: Option<String>,
}

/// How someone proves who he is.
#[derive(Debug)]
pub enum NewCredential {
    /// A password; kept as argon2id.
    Password(Secret<String>),
    /// A certificate with this name, already judged when it is used (APP mailboxes).
    Certificate(DistinguishedName),
}

/// An account to make.
#[derive(Debug)]
pub struct NewAccount {
    /// The name to sign in with: the mailbox's address.
    pub name: String,
    /// The mailbox that it opens.
    pub mailbox: MailboxId,
    /// How it is proven.
    pub credential: NewCredential,
}

/// Someone who signed in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account; none if he was let in by what an issuer says of him, who needs no credential here.
    pub id: Option<AccountId>,
    /// The mailbox that it opens.
    pub mailbox: Mailbox,
}

/// Something was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Queue rows became due.
    Queue,
    /// Something in a folder changed.
    Folder(MailboxId, FolderId),
    /// Folders of a mailbox were made, renamed or removed.
    Folders(MailboxId),
}
