//! The values that go into a store and come out of it, a file a subject.

mod account;
mod arrival;
mod audit_keeping;
mod audit_log;
mod backlog;
mod campaign;
mod change;
mod config;
mod contact;
mod folder;
mod incident;
mod indicator;
mod mailbox;
mod message;
mod patient;
mod queue;
mod receipt;
mod record;
mod story;
mod watch;

pub use account::{
    Account, AccountChange, AccountKind, AccountRecord, CredentialKind, CredentialRecord, Grant, NewAccount,
    NewCredential,
};
pub use arrival::{Arrival, Repeated, Target};
pub use audit_keeping::{Erase, Prune, Pruned, Traces};
pub use audit_log::{Indexed, KeptCheckpoint, NewSeal, Recorded, SealedLog, UnsealedLog};
pub use backlog::Backlog;
pub use campaign::{CampaignOutcome, CampaignRecipient, CampaignRecord, Enlisted, NewCampaign, OutcomeCount};
pub use change::Change;
pub use config::Config;
pub use contact::{ContactEvent, ContactRecord, Correspondence, ReceivedMessage};
pub use folder::{Entry, FlagChange, Flags, Folder, FolderChanges, FolderStatus, FolderView, NewEntry, SpecialUse};
pub use incident::{Incident, IncidentState, IncidentVersion};
pub use indicator::{Connections, Counted, Indicator, Month, NewConnections, NewCounts};
pub use mailbox::{Mailbox, MailboxDetails, MailboxKind, MailboxState, NewMailbox};
pub use message::{Held, NewMessage, Receipt, Relay, Release, Returned, StagedBody};
pub use patient::{Dispensing, LastDispensings, Loaded, NewSpace, Pharmacy, Space, SpaceState};
pub use queue::{Attempt, HeldBacklog, Lease, Outcome, QueueBacklog, QueueRow, Settled, Settlement};
pub use receipt::{DueReceipt, ReceiptId};
pub use record::{Life, MailboxChange, MailboxFilter, MailboxRecord, Notice, NoticeCause};
pub use story::{NewParty, NewStory, Party, PartyState, PartyWay, ReportedState, Story, StoryFilter};
pub use watch::{DueWatch, NewWatch, OverdueBacklog, WatchId};
