//! [`Publications`]: what the state's directory is to be told of our mailboxes (R-BAL-7). Each change of a mailbox that it
//! may have to be told is noted in the change's own transaction.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::MailAddress;

use crate::{MailboxRecord, Result};

/// A mailbox that the directory is to be told of, or was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Whose.
    pub address: MailAddress,
    /// Which change of it this is.
    pub change: u64,
    /// Is there something to tell?
    pub waits: bool,
    /// Since when, or when it last did.
    pub waits_since: Timestamp,
    /// Tries in a row that failed.
    pub attempts: u32,
    /// When it is tried again.
    pub next_at: Timestamp,
    /// The code of the last try's fault.
    pub fault: Option<String>,
    /// What the directory was last told, in the words of whoever told it; `None` if it has nothing of ours.
    pub told: Option<String>,
    /// When.
    pub told_at: Option<Timestamp>,
}

impl MailboxRecord {
    /// Should the state's directory have it? Not while it is suspended, and never from the red list (scenario 46).
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.published && !self.details.unlisted && self.suspended_at.is_none() && self.deleted_at.is_none()
    }
}

/// How a try to tell ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationOutcome {
    /// The directory has this now; `None` if it has nothing of ours.
    Told(Option<String>),
    /// It is tried again.
    Later {
        /// When.
        next_at: Timestamp,
        /// The fault's code.
        fault: String,
        /// What the directory has now, where it was told a part.
        told: Option<String>,
    },
}

/// How much waits, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicationBacklog {
    /// Mailboxes.
    pub waiting: u64,
    /// Since when the one that has waited longest does.
    pub oldest_since: Option<Timestamp>,
    /// The last fault's code of the one that has waited longest among those that failed.
    pub fault: Option<String>,
}

/// The way to the state's directory.
#[async_trait]
pub trait Publications: Send + Sync {
    /// What waits, the next one first.
    async fn waiting_publications(&self, limit: usize) -> Result<Vec<Publication>>;

    /// How much waits.
    async fn publication_backlog(&self) -> Result<PublicationBacklog>;

    /// What is known of one address; `None` if the directory never had to be told of it.
    async fn publication(&self, address: &MailAddress) -> Result<Option<Publication>>;

    /// Notes how a try ended. What has changed meanwhile waits still, and is due at once.
    async fn settle_publication(
        &self,
        tried: &Publication,
        outcome: PublicationOutcome,
        now: Timestamp,
        audit: Vec<Event>,
    ) -> Result<()>;

    /// Has these looked at now, whether anything of them waits or not.
    async fn hasten_publications(&self, addresses: &[MailAddress], now: Timestamp, audit: Vec<Event>) -> Result<()>;
}
