//! What messages are asked for by: addresses and times.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_types::{Domain, Ins, LocalPart, MailAddress};

/// Messages that are shown if nobody says how many.
pub(crate) const LIMIT: usize = 100;

/// An address, or the number of a patient, which stands for his.
pub(crate) fn address(text: &str) -> Result<MailAddress, String> {
    if Ins::parse(text).is_ok() {
        let local = LocalPart::parse(text).map_err(|error| error.to_string())?;
        return Ok(MailAddress::new(local, Domain::of_patients()));
    }
    MailAddress::parse(text).map_err(|error| error.to_string())
}

/// An instant, or the beginning of a day (UTC).
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>().and_then(|day| day.to_zoned(TimeZone::UTC))
        && text.len() == "2026-03-14".len()
    {
        return Ok(day.timestamp());
    }
    text.parse().map_err(|error: jiff::Error| error.to_string())
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
