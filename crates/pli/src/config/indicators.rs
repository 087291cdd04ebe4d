//! `[indicators]`: by which clocks months are counted.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// `[indicators]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IndicatorsConfig {
    /// By whose clocks a month begins and ends.
    pub(crate) time_zone: ZoneName,
}

impl Default for IndicatorsConfig {
    fn default() -> Self {
        Self { time_zone: ZoneName { name: PARIS.to_owned() } }
    }
}

const PARIS: &str = "Europe/Paris";

/// The rule of Paris as it has stood since 1996, for a machine without the files of time zones.
const PARIS_RULE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// A time zone that is known here, by its name in the database of IANA.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ZoneName {
    name: String,
}

impl ZoneName {
    /// The zone.
    pub(crate) fn zone(&self) -> TimeZone {
        known(&self.name).unwrap_or(TimeZone::UTC)
    }
}

fn known(name: &str) -> Option<TimeZone> {
    let by_rule = || TimeZone::posix(PARIS_RULE).ok().filter(|_| name == PARIS);
    TimeZone::get(name).ok().or_else(by_rule)
}

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match known(&name) {
            Some(_) => Ok(Self { name }),
            None => Err(format!(
                "no time zone is known here as {name:?}; expected one of IANA's names, as \"Europe/Paris\" or \"Indian/Reunion\""
            )),
        }
    }
}

impl From<ZoneName> for String {
    fn from(zone: ZoneName) -> Self {
        zone.name
    }
}

impl std::fmt::Display for ZoneName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paris_is_known_without_the_files_of_time_zones() {
        let rule = TimeZone::posix(PARIS_RULE).unwrap();
        for (at, shown) in [
            ("2026-10-31T22:59:59Z", "2026-10-31T23:59:59"),
            ("2026-10-31T23:00:00Z", "2026-11-01T00:00:00"),
            ("2026-06-30T22:00:00Z", "2026-07-01T00:00:00"),
        ] {
            let at: jiff::Timestamp = at.parse().unwrap();
            assert_eq!(at.to_zoned(rule.clone()).datetime().to_string(), shown);
            assert_eq!(at.to_zoned(IndicatorsConfig::default().time_zone.zone()).datetime().to_string(), shown);
        }
    }

    #[test]
    fn a_zone_that_is_not_known_is_named() {
        let error = toml::from_str::<IndicatorsConfig>("time_zone = \"Paris\"").unwrap_err();
        assert!(error.message().contains("\"Paris\""), "{error}");
    }
}
