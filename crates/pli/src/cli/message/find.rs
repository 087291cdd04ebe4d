//! [`Wanted`]: messages by what is known of them. An address or a Message-ID that is asked for is looked up by its key,
//! and is written nowhere.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_store::StoryFilter;
use pli_types::{Domain, Ins, LocalPart, MailAddress};

use super::told::Told;
use crate::admin::Sight;
use crate::cli::reading::Reading;
use crate::exit::Failure;
use crate::output::{Format, Listing};

/// Messages that are shown if nobody says how many.
const LIMIT: usize = 100;

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

/// An address, or the number of a patient, which stands for his.
pub(super) fn address(text: &str) -> Result<MailAddress, String> {
    if Ins::parse(text).is_ok() {
        let local = LocalPart::parse(text).map_err(|error| error.to_string())?;
        return Ok(MailAddress::new(local, Domain::of_patients()));
    }
    MailAddress::parse(text).map_err(|error| error.to_string())
}

/// An instant, or the beginning of a day (UTC).
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>().and_then(|day| day.to_zoned(TimeZone::UTC))
        && text.len() == "2026-03-14".len()
    {
        return Ok(day.timestamp());
    }
    text.parse().map_err(|error: jiff::Error| error.to_string())
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
            found.push(Told::of_story(reading, story, sight).await?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_is_asked_for_by_his_number_too() {
        let whole = address("279035121518989@patient.mssante.fr").unwrap();
        assert_eq!(address("279035121518989").unwrap().key(), whole.key());
        assert!(address("279035121518988").is_err(), "the key does not fit");
    }

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(moment("2026-03-14").unwrap(), moment("2026-03-14T00:00:00Z").unwrap());
        assert!(moment("yesterday").is_err());
    }
}
