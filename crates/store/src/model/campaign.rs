//! A campaign: one notice to many patients, a message each.

use jiff::Timestamp;
use pli_types::{CampaignId, Ins, Pace};

use super::NewMessage;

/// A campaign to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// By which it is known. Nothing of a person stands in it.
    pub name: String,
    /// What is said to each; the store keeps it sealed and does not read it.
    pub template: String,
    /// How fast.
    pub pace: Pace,
    /// When it begins.
    pub at: Timestamp,
}

/// A campaign, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRecord {
    /// Its number.
    pub id: CampaignId,
    /// By which it is known.
    pub name: String,
    /// What is said to each.
    pub template: String,
    /// How fast.
    pub pace: Pace,
    /// Has an admin stopped it for now?
    pub paused: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// How many wait.
    pub waiting: u64,
    /// What became of the others, by outcome.
    pub outcomes: Vec<OutcomeCount>,
}

/// How many recipients of a campaign came to one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// [`CampaignOutcome::SENT`], or a reason's stable code.
    pub outcome: String,
    /// How many.
    pub recipients: u64,
    /// When the first of them came to it.
    pub first_at: Timestamp,
    /// When the last did.
    pub last_at: Timestamp,
}

/// One whom a campaign is for.
#[derive(Clone, PartialEq, Eq)]
pub struct CampaignRecipient {
    /// Who.
    pub patient: Ins,
    /// What is put into the template's places, in their order. Kept sealed, and no longer than the message waits.
    pub values: Vec<String>,
}

impl std::fmt::Debug for CampaignRecipient {
    /// What is told of a person is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CampaignRecipient").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

/// How it ended for one of them.
#[derive(Debug)]
pub enum CampaignOutcome {
    /// With this message, taken in by the same transaction.
    Sent(Box<NewMessage>),
    /// With none: a reason's stable code.
    Returned(String),
}

impl CampaignOutcome {
    /// The outcome's word where a message was taken in.
    pub const SENT: &str = "sent";
}

/// What a batch of recipients added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enlisted {
    /// Those who wait for it now.
    pub added: u64,
    /// Those who have had it, or waited for it before.
    pub known: u64,
}
