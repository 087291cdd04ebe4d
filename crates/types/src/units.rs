//! [`Span`] and [`ByteSize`]: durations and sizes that are never written without their unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration: `"500ms"`, `"30s"`, `"5m"`, `"12h"`, `"5d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

/// A number of bytes: `"512B"`, `"64KiB"`, `"25MiB"`, `"1GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(u64);

/// Largest first, so that printing finds the shortest form. In milliseconds.
const SPAN_UNITS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

const SPAN_FORM: &str = "a duration has a whole number and a unit (ms, s, m, h, d), as in \"30s\"";
const SIZE_FORM: &str = "a size has a whole number and a unit (B, KiB, MiB, GiB), as in \"25MiB\"";

impl Span {
    /// So many minutes.
    #[must_use]
    pub const fn minutes(minutes: u64) -> Self {
        Self(Duration::from_secs(minutes * 60))
    }

    /// So many hours.
    #[must_use]
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }

    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    #[must_use]
    pub fn get(self) -> Duration {
        self.0
    }
}

impl ByteSize {
    /// So many times 2²⁰ bytes.
    #[must_use]
    pub const fn mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

/// Number and unit, nothing between or around them; `None` if it is not that, or overflows.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// In the largest unit that holds it exactly.
fn print(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let exact = units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor)).or(units.last());
    match exact {
        Some((unit, factor)) => write!(f, "{}{unit}", value / factor),
        None => Ok(()),
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, SPAN_UNITS).map(|millis| Self(Duration::from_millis(millis))).ok_or(SPAN_FORM)
    }
}

impl FromStr for ByteSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, SIZE_UNITS).map(Self).ok_or(SIZE_FORM)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), SPAN_UNITS)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, self.0, SIZE_UNITS)
    }
}

/// Takes text only: a number without a unit is told what it lacks.
struct UnitVisitor<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = &'static str>> serde::de::Visitor<'_> for UnitVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|form| E::custom(format!("`{text}`: {form}")))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        Err(E::custom(format!("`{number}`: {}", self.0)))
    }
}

macro_rules! unit_serde {
    ($name:ident, $form:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(UnitVisitor($form, std::marker::PhantomData))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

unit_serde!(Span, SPAN_FORM);
unit_serde!(ByteSize, SIZE_FORM);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_was_written() {
        for text in ["1ms", "1500ms", "30s", "90s", "5m", "12h", "36h", "5d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["1B", "1000B", "64KiB", "25MiB", "1025MiB", "2GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn units_mean_what_they_say() {
        assert_eq!("30s".parse::<Span>().unwrap().get(), Duration::from_secs(30));
        assert_eq!("5d".parse::<Span>().unwrap().get(), Duration::from_hours(5 * 24));
        assert_eq!("25MiB".parse::<ByteSize>().unwrap().bytes(), 25 * 1024 * 1024);
        assert_eq!("0s".parse::<Span>().unwrap().to_string(), "0ms");
    }

    #[test]
    fn nothing_is_guessed() {
        for text in ["", "30", "s", "30 s", " 30s", "30sec", "-30s", "1.5h", "30S", "99999999999999999999s", "+3s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["25", "25MB", "25Mib", "25 MiB", "99999999999999GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
