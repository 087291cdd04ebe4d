//! What is counted, month by month.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_types::MailboxId;

/// A month of the operator's calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Its first day.
    first: Date,
}

impl Month {
    /// The month of an instant, by the clocks of this zone.
    #[must_use]
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        Self { first: at.to_zoned(zone.clone()).date().first_of_month() }
    }

    /// From `2026-10`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = (Some(year).filter(|year| digits(year))?, Some(month).filter(|month| digits(month))?);
        Some(Self { first: Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()? })
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> Date {
        self.first
    }

    /// The month behind it; itself at the end of the calendar.
    #[must_use]
    pub fn next(self) -> Self {
        let next = self.first.last_of_month().tomorrow().unwrap_or(self.first);
        Self { first: next.first_of_month() }
    }

    /// The month before it; itself at the beginning of the calendar.
    #[must_use]
    pub fn before(self) -> Self {
        let before = self.first.yesterday().unwrap_or(self.first);
        Self { first: before.first_of_month() }
    }

    /// When it begins, by the clocks of this zone.
    #[must_use]
    pub fn begins(self, zone: &TimeZone) -> Timestamp {
        self.first.to_zoned(zone.clone()).map_or(Timestamp::MAX, |begins| begins.timestamp())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// A number that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Indicator {
    /// The domain of ours whose it is; empty where it is none's.
    pub domain: String,
    /// The kind of the mailboxes whose it is; empty where it is none's.
    pub mailbox_type: String,
    /// What is counted.
    pub measure: String,
    /// Of what is counted by kinds, which kind; else empty.
    pub label: String,
    /// How many.
    pub value: u64,
}

/// Sign-ins to a mailbox within a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewConnections {
    /// Which month.
    pub month: Month,
    /// To which mailbox.
    pub mailbox: MailboxId,
    /// How many.
    pub count: u64,
    /// When the last of them was.
    pub last_at: Timestamp,
}

/// What a stretch of the record adds to what is counted.
#[derive(Debug, Clone, Default)]
pub struct NewCounts {
    /// How many entries of the record were counted before: it adds something only if that is still so.
    pub from: u64,
    /// How many are counted with it.
    pub to: u64,
    /// What is added, to which month.
    pub added: Vec<(Month, Indicator)>,
    /// Sign-ins.
    pub connections: Vec<NewConnections>,
}

/// How far is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// How many entries of the record, from the first one on.
    pub entries: u64,
    /// The last month whose mailboxes are counted for good; none if counting has not begun.
    pub closed: Option<Month>,
}

/// A mailbox that is no patient's, and who came to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// Its number.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: String,
    /// Its domain.
    pub domain: String,
    /// Its kind.
    pub mailbox_type: String,
    /// When somebody last signed in to it, up to the month's end; none if that is not known.
    pub last_at: Option<Timestamp>,
    /// How often in the month.
    pub count: u64,
}
