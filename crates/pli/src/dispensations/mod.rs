//! What pharmacies have dispensed, on its way in: from a file that an admin brings, or from a program over HTTPS. Both
//! read the same lines by [`lines`], and keep what is good of them.

pub(crate) mod lines;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pli_types::Span;
use serde::{Deserialize, Serialize};

/// Lines that are kept in one transaction: some hundredths of a second, in which no mail is taken.
pub(crate) const BATCH: usize = 8192;

/// The days that are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// What is older is not kept any more.
    oldest: Date,
    /// Nothing is dispensed later than today; somewhere in France it is tomorrow already.
    latest: Date,
}

impl Window {
    /// All days: somebody has looked at them already.
    pub(crate) fn any() -> Self {
        Self { oldest: Date::MIN, latest: Date::MAX }
    }

    /// The days that are kept now, for so long.
    pub(crate) fn at(now: Timestamp, kept: Span) -> Self {
        let today = now.to_zoned(TimeZone::UTC).date();
        Self { oldest: first_kept(now, kept), latest: today.tomorrow().unwrap_or(today) }
    }
}

/// The first day that is kept: what was dispensed before is forgotten.
pub(crate) fn first_kept(now: Timestamp, kept: Span) -> Date {
    let kept = SignedDuration::try_from(kept.get()).unwrap_or(SignedDuration::MAX);
    now.saturating_sub(kept).unwrap_or(Timestamp::MIN).to_zoned(TimeZone::UTC).date()
}

/// What became of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Counts {
    /// All of them, blank ones and the header left out.
    pub(crate) lines: u64,
    /// Dispensings that were not known.
    pub(crate) created: u64,
    /// That were known as not reimbursed, and are now.
    pub(crate) changed: u64,
    /// That were known.
    pub(crate) unchanged: u64,
    /// Too old to be kept.
    pub(crate) outdated: u64,
    /// Lines that are none.
    pub(crate) refused: u64,
}

impl Counts {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            lines: self.lines.saturating_add(other.lines),
            created: self.created.saturating_add(other.created),
            changed: self.changed.saturating_add(other.changed),
            unchanged: self.unchanged.saturating_add(other.unchanged),
            outdated: self.outdated.saturating_add(other.outdated),
            refused: self.refused.saturating_add(other.refused),
        }
    }

    /// For the record.
    pub(crate) fn recorded(self) -> String {
        let Self { lines, created, changed, unchanged, outdated, refused } = self;
        format!(
            "dispensings brought: {lines} lines, {created} new, {changed} changed, {unchanged} known, \
             {outdated} too old, {refused} refused"
        )
    }
}
