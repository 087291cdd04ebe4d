//! [`Strangers`]: what was refused to those who have proven nothing. Anybody can make such refusals, as many as he likes, so
//! they may neither fill the record nor wait for it.
//!
//! They are counted by address and reason. The first of a minute are recorded each for itself; how many followed stands in
//! one row once the minute is over, or the node ends. Nobody waits: what is to be recorded lies here until the next
//! group commit takes it, and what the store does not take is tried again.
//!
//! Whatever comes, memory is bounded: addresses beyond a number are counted together, rows beyond a number by their count.
//! A refusal is never dropped. What was counted and not recorded yet goes with the process, if that is killed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_net::Shutdown;
use pli_policy::Reason;
use pli_store::StoreError;
use pli_types::Marked;
use tokio::sync::{Mutex as Turn, Notify};

use super::Intake;
use crate::metrics;

/// How long counting goes on before it is recorded and begins anew.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Refusals of one address for one reason that are recorded each for itself, a minute.
const SINGLY: u32 = 10;

/// Addresses and reasons that are counted apart, a minute. With [`SINGLY`] rows each that is some forty rows a second at most.
const COUNTED_APART: usize = 256;

/// Rows that may wait for the store. It takes them every few milliseconds, or is ill.
const WAITING_MAX: usize = 4096;

/// Rows of one write: a flood must not make others wait for one long batch.
const WRITTEN_AT_ONCE: usize = 64;

/// How often it is looked whether the minute is over, and how long after the store did not answer it is asked again.
const LOOK: Duration = Duration::from_secs(1);

/// One for the whole process. Copies share their counts.
#[derive(Debug, Clone, Default)]
pub struct Strangers {
    book: Arc<Mutex<Book>>,
    /// There is something to write.
    news: Arc<Notify>,
    /// Whoever writes has it: rows are recorded in their order.
    turn: Arc<Turn<()>>,
}

/// What is to be done with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It is recorded for itself: [`Strangers::record`] it.
    Singly,
    /// It is counted.
    Counted,
    /// Nobody writes any more, the node ends: whoever refuses records it.
    Closed,
}

#[derive(Debug, Default)]
struct Book {
    /// When counting began; none while nothing is counted.
    since: Option<Timestamp>,
    counts: HashMap<Key, Count>,
    waiting: Vec<Event>,
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// None for all those that there is no room for.
    place: Option<Place>,
    face: Face,
    reason: Reason,
}

/// An IPv4 address, or the /64 of an IPv6 address: who has one of these addresses has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place(IpAddr);

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Timestamp,
    singly: u32,
    more: u64,
}

impl Strangers {
    /// Counts a refusal, and says whether it is one of those that are recorded for themselves.
    pub(crate) fn note(&self, remote: IpAddr, face: Face, reason: Reason, now: Timestamp) -> Noted {
        let mut book = self.book();
        if book.closed {
            return Noted::Closed;
        }
        book.turn_over(now, false);
        if book.since.is_none() {
            book.since = Some(now);
            self.news.notify_one();
        }
        book.count(Key { place: Some(Place::of(remote)), face, reason }, now)
    }

    /// To be recorded with the next group commit. Waits for nothing.
    pub(crate) fn record(&self, event: Event) {
        self.book().waiting.push(event);
        self.news.notify_one();
    }

    /// Nothing is counted any more, and all that was becomes rows.
    fn close(&self, now: Timestamp) {
        let mut book = self.book();
        book.closed = true;
        book.turn_over(now, true);
    }

    fn is_counting(&self) -> bool {
        self.book().since.is_some()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn count(&mut self, key: Key, now: Timestamp) -> Noted {
        let known = self.counts.contains_key(&key) || self.counts.len() < COUNTED_APART;
        let key = if known { key } else { Key { place: None, ..key } };
        let room = self.waiting.len() < WAITING_MAX;
        let count = self.counts.entry(key).or_insert(Count { since: now, singly: 0, more: 0 });
        if count.singly < SINGLY && room {
            count.singly += 1;
            Noted::Singly
        } else {
            count.more = count.more.saturating_add(1);
            Noted::Counted
        }
    }

    /// Once the minute is over, what was counted becomes rows, as far as there is room for them; the rest is counted on. A
    /// clock that was set back has begun another minute.
    fn turn_over(&mut self, now: Timestamp, ends: bool) {
        let Some(since) = self.since else { return };
        if !ends && (SignedDuration::ZERO..MINUTE).contains(&now.duration_since(since)) {
            return;
        }
        let waiting = &mut self.waiting;
        self.counts.retain(|key, count| {
            if count.more == 0 {
                return false;
            }
            if !ends && waiting.len() >= WAITING_MAX {
                count.singly = 0;
                return true;
            }
            tell(*key, *count);
            waiting.push(row(*key, *count, now));
            false
        });
        self.since = (!self.counts.is_empty()).then_some(now);
    }
}

/// What followed those that were recorded for themselves.
fn row(key: Key, count: Count, now: Timestamp) -> Event {
    let (Key { place, face, reason }, Count { since, more, .. }) = (key, count);
    let whence = if place.is_some() { "" } else { ", from many addresses" };
    Event {
        remote: place.map(Place::shown),
        reason: Some(reason.code().to_owned()),
        detail: Some(Marked::plain(format!("{more} more since {since:.0}{whence}"))),
        count: Some(more),
        ..Event::new(now, EventKind::Refused, face)
    }
}

fn tell(key: Key, count: Count) {
    let (Key { place, face, reason }, Count { since, more, .. }) = (key, count);
    let (reason, remote) = (reason.code(), place.map(Place::shown));
    tracing::info!(reason, listener = ?face, remote, more, since = %format_args!("{since:.0}"), "refused, and many like it");
}

impl Place {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Ipv6Addr::from_bits(network).into()
            }
        })
    }

    fn shown(self) -> String {
        let mut text = self.0.to_string();
        if self.0.is_ipv6() {
            // Writing to a string does not fail.
            write!(text, "/64").ok();
        }
        text
    }
}

impl Intake {
    /// Records what [`Strangers`] holds as it comes, until the end; then what was counted since. Who is refused after
    /// that is recorded by whoever refuses.
    pub async fn keep_strangers(self, shutdown: Shutdown) {
        let (strangers, mut failing) = (&self.strangers, false);
        loop {
            let wakes = async {
                if strangers.is_counting() {
                    tokio::time::timeout(LOOK, strangers.news.notified()).await.ok();
                } else {
                    strangers.news.notified().await;
                }
            };
            tokio::select! {
                () = shutdown.begun() => break,
                () = wakes => {}
            }
            strangers.book().turn_over(self.clock.now(), false);
            let recorded = self.record_strangers().await;
            if let Err(error) = &recorded
                && !std::mem::replace(&mut failing, true)
            {
                tracing::warn!(error = %crate::chain(error), "refusals cannot be recorded now; it is tried again");
            }
            failing = recorded.is_err();
            if failing {
                tokio::select! {
                    () = shutdown.begun() => break,
                    () = tokio::time::sleep(LOOK) => {}
                }
                strangers.news.notify_one();
            }
        }
        strangers.close(self.clock.now());
        if let Err(error) = self.record_strangers().await {
            metrics::record_lost();
            tracing::error!(error = %crate::chain(&error), "refusals could not be recorded before the end");
        }
    }

    /// Records what waits. What the store does not take waits on.
    pub async fn record_strangers(&self) -> Result<(), StoreError> {
        let _turn = self.strangers.turn.lock().await;
        loop {
            let mut rows = {
                let mut book = self.strangers.book();
                let many = book.waiting.len().min(WRITTEN_AT_ONCE);
                book.waiting.drain(..many).collect::<Vec<Event>>()
            };
            if rows.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.store.0.append_audit(rows.clone()).await {
                let mut book = self.strangers.book();
                rows.append(&mut book.waiting);
                book.waiting = rows;
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests;
