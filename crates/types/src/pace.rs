//! [`Pace`]: how many of something in how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// So many messages a second, a minute or an hour: `"50/s"`, `"600/min"`, `"20000/h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pace {
    messages: u32,
    seconds: u32,
}

/// The units and their seconds.
const UNITS: [(&str, u32); 3] = [("s", 1), ("min", 60), ("h", 3600)];

/// Why a text is no pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pace has a whole number from 1 to 1000000 and a unit (s, min, h), as in \"50/s\"")]
pub struct PaceError;

impl Pace {
    /// The most messages of a unit of time.
    pub const MESSAGES_MAX: u32 = 1_000_000;

    /// So many a second.
    #[must_use]
    pub const fn per_second(messages: u32) -> Self {
        Self { messages, seconds: 1 }
    }

    /// From its parts; `None` if no text would give them.
    #[must_use]
    pub fn of(messages: u32, seconds: u32) -> Option<Self> {
        let known = UNITS.iter().any(|(_, of)| *of == seconds);
        (known && (1..=Self::MESSAGES_MAX).contains(&messages)).then_some(Self { messages, seconds })
    }

    /// How many messages of how many seconds.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        (self.messages, self.seconds)
    }

    /// How many are due in this time.
    #[must_use]
    pub fn due_in(self, time: Duration) -> u64 {
        let due = time.as_micros() * u128::from(self.messages) / (u128::from(self.seconds) * 1_000_000);
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// How long it takes until so many are due.
    #[must_use]
    pub fn time_for(self, messages: u64) -> Duration {
        let micros = u128::from(messages) * u128::from(self.seconds) * 1_000_000;
        Duration::from_micros(u64::try_from(micros.div_ceil(u128::from(self.messages))).unwrap_or(u64::MAX))
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let (messages, unit) = text.split_once('/').ok_or(PaceError)?;
        if !messages.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PaceError);
        }
        let seconds = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds).ok_or(PaceError)?;
        Self::of(messages.parse().map_err(|_| PaceError)?, seconds).ok_or(PaceError)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, seconds)| *seconds == self.seconds).map_or("s", |(name, _)| name);
        write!(f, "{}/{unit}", self.messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_read_as_it_is_written() {
        for text in ["1/s", "50/s", "600/min", "20000/h", "1000000/s"] {
            assert_eq!(text.parse::<Pace>().unwrap().to_string(), text);
        }
        for text in ["", "50", "0/s", "50/d", "+5/s", "5 /s", "1000001/s", "/s", "-1/s", "99999999999/s"] {
            assert_eq!(text.parse::<Pace>(), Err(PaceError), "{text}");
        }
    }

    #[test]
    fn what_is_due_and_how_long_it_takes_are_two_sides_of_one() {
        for text in ["1/s", "7/s", "50/s", "600/min", "20000/h", "1/h"] {
            let pace: Pace = text.parse().unwrap();
            for messages in [1, 2, 3, 999, 13_000_000] {
                assert_eq!(pace.due_in(pace.time_for(messages)), messages, "{text}");
                let before = pace.time_for(messages).saturating_sub(Duration::from_micros(1));
                assert_eq!(pace.due_in(before), messages - 1, "{text}");
            }
        }
        assert_eq!(Pace::per_second(1).due_in(Duration::MAX), u64::MAX);
    }
}
