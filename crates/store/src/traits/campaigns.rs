//! [`Campaigns`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{CampaignId, Ins};

use crate::{CampaignOutcome, CampaignRecipient, CampaignRecord, Enlisted, NewCampaign, Result};

/// Notices to many patients. Nobody gets one twice, and none is lost, whatever breaks down: that one is done for a patient
/// is written in the transaction that takes his message in.
#[async_trait]
pub trait Campaigns: Send + Sync {
    /// Begins it; false if it has begun: then its pace is this one from now on. `Conflict` if the name is another
    /// template's.
    async fn begin_campaign(&self, new: NewCampaign, audit: Vec<Event>) -> Result<bool>;

    /// The campaign of this name.
    async fn campaign(&self, name: &str) -> Result<Option<CampaignRecord>>;

    /// All of them, the oldest first, after this one.
    async fn campaigns(&self, after: Option<CampaignId>, limit: usize) -> Result<Vec<CampaignRecord>>;

    /// Those that are not paused and that somebody waits for, the oldest first.
    async fn campaigns_at_work(&self, limit: usize) -> Result<Vec<CampaignRecord>>;

    /// Stops it for now, or lets it go on; false if it is so already. `NotFound` if there is none.
    async fn pause_campaign(&self, campaign: CampaignId, paused: bool, audit: Vec<Event>) -> Result<bool>;

    /// Adds recipients, in one transaction. A patient who is one already stays what he is, with the values that came
    /// first. Some thousands at a time are a good size.
    async fn enlist(&self, campaign: CampaignId, recipients: Vec<CampaignRecipient>, at: Timestamp)
    -> Result<Enlisted>;

    /// How many of these patients are recipients already.
    async fn enlisted(&self, campaign: CampaignId, patients: &[Ins]) -> Result<u64>;

    /// The next of those who wait, at most `limit`. They wait on: what ends it is [`Campaigns::settle_recipient`].
    async fn waiting_recipients(&self, campaign: CampaignId, limit: usize) -> Result<Vec<CampaignRecipient>>;

    /// Ends it for one who waits, and takes his message in by the same transaction. False if it has ended before: then
    /// nothing is taken in, so that two who work on one campaign do no harm.
    async fn settle_recipient(
        &self,
        campaign: CampaignId,
        patient: &Ins,
        outcome: CampaignOutcome,
        at: Timestamp,
        audit: Vec<Event>,
    ) -> Result<bool>;
}
