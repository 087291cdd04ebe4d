//! [`Counting`]: counts what is recorded, month by month (spec §8.2). It reads the record in its order, a stretch at a time,
//! and adds what a stretch says together with how far it has come: whenever it is killed, each entry is counted once.
//! [`tally`] decides what an entry counts as.
//!
//! Mail is accepted without it: it reads beside, and what it writes is a few rows for thousands of entries.

mod tally;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pli_audit::{Event, Leaf, Usage};
use pli_failpoint::failpoint;
use pli_net::Shutdown;
use pli_store::{Indicator, Month, NewCounts, Store, StoreError};
use pli_types::{Clock, MessageId};
use tokio::time::sleep;

use self::tally::{Houses, Tally};
use crate::config::Settings;
use crate::connectors::ConnectorBook;

/// Entries that are counted together.
const ENTRIES_MAX: usize = 2_000;

/// How often a node looks whether there is something to count.
const EVERY: Duration = Duration::from_secs(10);

/// Months that are closed at once after a node slept; no node sleeps for a century.
const MONTHS_MAX: usize = 1_200;

/// What counts.
#[derive(Clone)]
pub(crate) struct Counting {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    /// By whose clocks months begin.
    pub(crate) zone: TimeZone,
    /// Which domains are ours.
    pub(crate) connectors: ConnectorBook,
}

impl Counting {
    /// Of a node with these settings.
    pub(crate) fn of_node(
        settings: &Settings,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        connectors: &ConnectorBook,
    ) -> Self {
        let zone = settings.config.indicators.time_zone.zone();
        Self { store: Arc::clone(store), clock: Arc::clone(clock), zone, connectors: connectors.clone() }
    }

    /// Counts until the end begins, then once more.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut recorded = self.store.recorded();
        let (mut is_behind, mut month, mut told) = (true, None, false);
        loop {
            let now = Some(Month::of(self.clock.now(), &self.zone));
            if recorded.has_changed().unwrap_or(false) || is_behind || month != now {
                recorded.borrow_and_update();
                let counted = self.catch_up().await;
                (is_behind, month) = (counted.is_err(), now);
                if let Err(error) = counted
                    && !std::mem::replace(&mut told, true)
                {
                    tracing::warn!(%error, "the record cannot be counted now; it is tried again");
                }
                told &= is_behind;
            }
            tokio::select! {
                () = shutdown.begun() => {
                    self.catch_up().await.ok();
                    return;
                }
                () = sleep(EVERY) => {}
            }
        }
    }

    /// Counts all that is recorded, and closes the months that are over.
    pub(crate) async fn catch_up(&self) -> Result<(), StoreError> {
        while self.step().await? {}
        let now = Month::of(self.clock.now(), &self.zone);
        for _ in 0..MONTHS_MAX {
            let closed = self.store.counted().await?.closed;
            let (month, mailboxes) = match closed.map(Month::next) {
                // From here on it is counted: what was before nobody knows any more.
                None => (now.before(), Vec::new()),
                Some(month) if month < now => (month, self.mailboxes(month).await?),
                Some(_) => break,
            };
            self.store.close_month(closed, month, month.next().begins(&self.zone), mailboxes).await?;
        }
        Ok(())
    }

    /// What is counted of a month, up to now.
    pub(crate) async fn of_month(&self, month: Month) -> Result<Vec<Indicator>, StoreError> {
        self.catch_up().await?;
        let closed = self.store.counted().await?.closed;
        let mut counted = self.store.indicators(month).await?;
        if closed.is_some_and(|closed| month > closed) {
            counted.extend(self.mailboxes(month).await?);
            counted.sort();
        }
        Ok(counted)
    }

    /// When a month begins and ends.
    pub(crate) fn bounds(&self, month: Month) -> (Timestamp, Timestamp) {
        (month.begins(&self.zone), month.next().begins(&self.zone))
    }

    async fn mailboxes(&self, month: Month) -> Result<Vec<Indicator>, StoreError> {
        let (begins, ends) = self.bounds(month);
        self.store.mailboxes_counted(begins, ends).await
    }

    /// Counts a stretch; false if there was nothing to count.
    async fn step(&self) -> Result<bool, StoreError> {
        let from = self.store.counted().await?.entries;
        let rows = self.store.entries_from(from, ENTRIES_MAX).await?;
        let Some((last, _)) = rows.last() else { return Ok(false) };
        let to = last.saturating_add(1);
        let read = tokio::task::spawn_blocking(move || rows.iter().filter_map(|(_, bytes)| event(bytes)).collect());
        let ended = |_| StoreError::Unavailable { what: "counting was ended", full: false, source: None };
        let events: Vec<Event> = read.await.map_err(ended)?;
        let usages = self.usages(&events).await?;
        let houses = Houses { hosted: self.connectors.clone(), routes: self.connectors.in_force().current() };
        let holders = self.store.holders(&tally::addresses(&events, &houses)).await?;
        let mut tally = Tally::new(&self.zone, &houses, &usages, &holders);
        for event in &events {
            tally.add(event);
        }
        let (added, connections) = tally.into_counts();
        failpoint!("count.before");
        // If another was faster, the next step begins where he ended.
        self.store.count(NewCounts { from, to, added, connections }).await?;
        failpoint!("count.after");
        Ok(true)
    }

    /// As what the messages are counted that these events are about.
    async fn usages(&self, events: &[Event]) -> Result<HashMap<MessageId, Usage>, StoreError> {
        let mut usages: HashMap<MessageId, Usage> = events.iter().filter_map(usage).collect();
        let mut earlier: Vec<MessageId> = events.iter().filter_map(tally::message_asked_for).collect();
        earlier.retain(|message| !usages.contains_key(message));
        earlier.sort();
        earlier.dedup();
        if !earlier.is_empty() {
            let entries = self.store.entries_of_messages(&earlier).await?;
            usages.extend(entries.iter().filter_map(|(_, bytes)| event(bytes)).filter_map(|event| usage(&event)));
        }
        Ok(usages)
    }
}

fn usage(event: &Event) -> Option<(MessageId, Usage)> {
    Some((event.message?, event.usage.clone()?))
}

/// An entry, read with no key: whoever is a person is nobody here. None for one that was pruned or is damaged: who checks
/// the record is told of it.
fn event(bytes: &[u8]) -> Option<Event> {
    Some(Leaf::parse(bytes).ok()?.open(|_| None))
}
