//! [`Backoff`]: who must wait before he may try to sign in, and who tries too often. Pure: the time is told.
//!
//! Failures are owed for by the address that they came from (an IPv6 address by its /64) and by the name that was
//! tried, and forgiven one a minute. Who owes waits, the longer the more he owes; an address that owes
//! [`Limits::address`] is sent away for a while. A name is never sent away, so that nobody locks its holder out: he
//! waits some seconds at most, and not even that from where he signed in lately, since there only what failed at his own
//! name from that very place counts.
//!
//! Everything here is bounded, and only keyed hashes of names and of what was shown are kept.

mod table;

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use table::{Familiar, Table};

/// So long after a failure it is forgiven, each in its turn.
pub const FORGIVEN_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// Nobody waits longer than this for one try.
pub const DELAY_MAX: Duration = Duration::from_secs(10);

/// The first delay; each further failure doubles it.
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// An address that is being sent away is told of in the record this often.
const TOLD_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// How many failures are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many may be owed for before tries are delayed.
    pub undelayed: u32,
    /// An address that owes for so many is sent away.
    pub address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { undelayed: 3, address: 30 }
    }
}

/// A network that one customer has to himself: an IPv4 address, or the /64 of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// RFC 791.
    V4(Ipv4Addr),
    /// The first half of an address (RFC 4291 §2.5.4).
    V6(u64),
}

impl From<IpAddr> for Place {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// A name that someone wants to sign in by, as a keyed hash: names may be passwords typed into the wrong field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameKey(u64);

/// What someone showed, as a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// From where.
    pub place: Place,
    /// By which name, if he gave one.
    pub name: Option<NameKey>,
}

/// What becomes of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is judged, after this delay.
    After(Duration),
    /// It is not judged.
    TooMany {
        /// When the next one will be.
        retry_after: Duration,
        /// Should the record say so? It is told now and then, not for each try.
        tell: bool,
    },
}

/// The books.
#[derive(Debug)]
pub struct Backoff {
    limits: Limits,
    hasher: RandomState,
    places: Table<Place>,
    names: Table<NameKey>,
    /// Failures of names at places that are familiar to them.
    pairs: Table<(NameKey, Place)>,
    familiar: Familiar,
}

impl Backoff {
    /// Nobody owes anything.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: RandomState::new(),
            places: Table::default(),
            names: Table::default(),
            pairs: Table::default(),
            familiar: Familiar::default(),
        }
    }

    /// The key of a name, however its case.
    #[must_use]
    pub fn name(&self, name: &str) -> NameKey {
        NameKey(self.hasher.hash_one(name.to_lowercase()))
    }

    /// The key of someone who has no name but what he shows.
    #[must_use]
    pub fn key(&self, shown: &[u8]) -> NameKey {
        NameKey(self.hasher.hash_one(shown))
    }

    /// The key of something that was shown.
    #[must_use]
    pub fn fingerprint(&self, shown: impl Hash) -> Fingerprint {
        Fingerprint(self.hasher.hash_one(shown))
    }

    /// What becomes of a try now?
    pub fn ask(&mut self, who: Who, now: Timestamp) -> Verdict {
        if let Some(owed) = self.owed_where_familiar(who, now)
            && owed < self.limits.address
        {
            return self.delayed(owed);
        }
        let by_place = self.places.owed(&who.place, now);
        if by_place >= self.limits.address {
            return self.too_many(who.place, now);
        }
        let by_name = who.name.map_or(0, |name| self.names.owed(&name, now));
        self.delayed(by_place.max(by_name))
    }

    /// A try failed. The same thing shown again teaches a guesser nothing and is owed for once: a program that was left
    /// with an old password sends nobody away.
    pub fn failed(&mut self, who: Who, shown: Fingerprint, now: Timestamp) {
        if let Some(name) = who.name {
            if self.familiar.knows(name, who.place, now) {
                self.pairs.owe((name, who.place), shown, self.limits.address, now);
            }
            self.names.owe(name, shown, self.limits.address, now);
        }
        self.places.owe(who.place, shown, self.limits.address, now);
    }

    /// A try was right: the place is familiar to this name from now on. What others owe stays owed.
    pub fn succeeded(&mut self, who: Who, now: Timestamp) {
        if let Some(name) = who.name {
            self.familiar.learn(name, who.place, now);
            self.pairs.forgive(&(name, who.place));
        }
    }

    /// `None` where he is no better known than a stranger.
    fn owed_where_familiar(&self, who: Who, now: Timestamp) -> Option<u32> {
        let name = who.name.filter(|name| self.familiar.knows(*name, who.place, now))?;
        Some(self.pairs.owed(&(name, who.place), now))
    }

    fn delayed(&self, owed: u32) -> Verdict {
        Verdict::After(delay(owed, self.limits.undelayed))
    }

    fn too_many(&mut self, place: Place, now: Timestamp) -> Verdict {
        let (retry_after, tell) = self.places.send_away(&place, self.limits.address, TOLD_EVERY, now);
        Verdict::TooMany { retry_after, tell }
    }
}

/// Nothing for the first failures, then 250 ms, doubled with each.
fn delay(owed: u32, undelayed: u32) -> Duration {
    let Some(doublings) = owed.checked_sub(undelayed) else { return Duration::ZERO };
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    DELAY_FIRST.saturating_mul(factor).min(DELAY_MAX)
}

#[cfg(test)]
mod tests;
