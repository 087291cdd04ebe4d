//! `pli report indicators`, at the desk: what is counted of a month.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_store::{Connections, Indicator, Month};
use pli_types::{MailboxId, hide_identifiers};
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use crate::counting::Counting;
use crate::exit::{Exit, Failure};

/// The most mailboxes of one page.
const PAGE_MAX: usize = 5_000;

/// What can be asked. A month is written `2026-10`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// What is counted of it.
    Indicators { month: String },
    /// A page of its mailboxes, and when somebody last signed in to each; `after` is the last one of the page before.
    Connections { month: String, after: Option<i64>, limit: usize },
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::Indicators`].
    Indicators(MonthTold),
    /// To [`Ask::Connections`]; `next` is what to ask for the page after, if there is one.
    Connections { rows: Vec<ConnectionsTold>, next: Option<i64> },
}

/// A month, counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct MonthTold {
    pub(crate) month: String,
    pub(crate) time_zone: String,
    /// Is it over, so that nothing is added any more?
    pub(crate) complete: bool,
    pub(crate) rows: Vec<IndicatorTold>,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct IndicatorTold {
    pub(crate) month: String,
    pub(crate) domain: String,
    pub(crate) mailbox_type: String,
    pub(crate) measure: String,
    pub(crate) label: String,
    pub(crate) value: u64,
}

/// A mailbox, and who came to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ConnectionsTold {
    pub(crate) mailbox: String,
    pub(crate) domain: String,
    pub(crate) mailbox_type: String,
    /// The day on which somebody last signed in, up to the month's end; none if that is not known.
    pub(crate) last_on: Option<Date>,
    /// How often in the month.
    pub(crate) connections: u64,
}

impl Desk {
    /// Answers about what is counted.
    pub(super) async fn report(&self, ask: Ask) -> Result<Told, Failure> {
        let (store, house) = self.store_and_house()?;
        let zone = house.zone.zone();
        match ask {
            Ask::Indicators { month } => {
                let month = self.month(&month, &zone)?;
                self.connectors.read(store).await?;
                let rows = self.counting(zone.clone())?.of_month(month).await?;
                let rows = rows.into_iter().map(|indicator| told(month, indicator)).collect();
                let complete = month < Month::of(self.clock.now(), &zone);
                let (month, time_zone) = (month.to_string(), house.zone.to_string());
                Ok(Told::Indicators(MonthTold { month, time_zone, complete, rows }))
            }
            Ask::Connections { month, after, limit } => {
                let (month, limit) = (self.month(&month, &zone)?, limit.clamp(1, PAGE_MAX));
                let (begins, ends) = self.counting(zone.clone())?.bounds(month);
                let page = store.connections(month, begins, ends, after.map(MailboxId), limit).await?;
                let next = page.last().filter(|_| page.len() == limit).map(|last| last.mailbox.0);
                Ok(Told::Connections { rows: page.into_iter().map(|row| connections(row, &zone)).collect(), next })
            }
        }
    }

    fn counting(&self, zone: TimeZone) -> Result<Counting, Failure> {
        let store = self.store.as_ref().ok_or_else(|| Failure::defect("a desk without a store"))?;
        let (clock, connectors) = (Arc::clone(&self.clock), self.connectors.clone());
        Ok(Counting { store: Arc::clone(store), clock, zone, connectors })
    }

    fn month(&self, text: &str, zone: &TimeZone) -> Result<Month, Failure> {
        let invalid = || Failure::told(Exit::Usage, "indicators-month-invalid", &[("month", &hide_identifiers(text))]);
        let month = Month::parse(text).ok_or_else(invalid)?;
        if month > Month::of(self.clock.now(), zone) {
            return Err(Failure::told(Exit::Usage, "indicators-month-future", &[("month", &month)]));
        }
        Ok(month)
    }
}

fn told(month: Month, indicator: Indicator) -> IndicatorTold {
    let Indicator { domain, mailbox_type, measure, label, value } = indicator;
    IndicatorTold { month: month.to_string(), domain, mailbox_type, measure, label, value }
}

/// A professional's address that looks like a person's number is not shown: nobody's number stands in an indicator.
fn connections(row: Connections, zone: &TimeZone) -> ConnectionsTold {
    ConnectionsTold {
        mailbox: hide_identifiers(&row.address),
        domain: row.domain,
        mailbox_type: row.mailbox_type,
        last_on: row.last_at.map(|at| at.to_zoned(zone.clone()).date()),
        connections: row.count,
    }
}
