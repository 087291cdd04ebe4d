//! [`Wanted`]: messages by what is known of them. An address or a Message-ID that is asked for is looked up by its key,
//! and is written nowhere.

use jiff::Timestamp;
use pli_store::StoryFilter;
use pli_types::MailAddress;

use crate::admin::Sight;
use crate::cli::reading::Reading;
use crate::exit::Failure;
use crate::output::{Format, Listing};
use crate::story::Told;
use crate::story::asked::{LIMIT, address, moment};

/// What is known of messages: those are found to which all of it applies.
#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// Sent from this address
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    from: Option<MailAddress>,
    /// To this address, or this patient
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    to: Option<MailAddress>,
    /// With this Message-ID
    #[arg(long, value_name = "TEXT")]
    message_id: Option<String>,
    /// Taken in then or later (2026-03-14T12:00:00Z, or a day: 2026-03-14)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Taken in before that
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

impl Wanted {
    /// The last of those to which it applies.
    pub(super) async fn find(
        &self,
        reading: &Reading,
        limit: Option<usize>,
        sight: &Sight,
    ) -> Result<Vec<Told>, Failure> {
        let masker = &reading.masker;
        let filter = StoryFilter {
            sender: self.from.as_ref().map(|address| masker.lookup_address(address)),
            recipient: self.to.as_ref().map(|address| masker.lookup_address(address)),
            message_id: self.message_id.as_ref().map(|id| masker.lookup_message_id(id)),
            since: self.since,
            until: self.until,
            before: None,
        };
        let mut found = Vec::new();
        for story in reading.store.find_stories(&filter, limit.unwrap_or(LIMIT)).await? {
            found.push(Told::of_story(&*reading.store, story, sight).await?);
        }
        Ok(found)
    }
}

/// Several messages: a line each, and in a table one for each recipient.
pub(super) fn listing(several: &[Told], format: Format) -> Listing {
    let columns = &["message", "accepted_at", "sender", "recipient", "state", "since", "code"];
    let rows = match format {
        Format::Table | Format::Csv => several.iter().flat_map(Told::rows).collect(),
        Format::Json | Format::Jsonl => several.iter().map(Told::members).collect(),
    };
    Listing { columns, rows }
}
