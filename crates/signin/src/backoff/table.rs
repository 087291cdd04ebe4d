//! What is kept: [`Table`] of debts, [`Familiar`] places of names.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{FORGIVEN_AFTER, Fingerprint, NameKey, Place};

/// Debts kept in one table. Beyond, those that are forgiven soonest are forgotten first.
pub(super) const DEBTS_MAX: usize = 65_536;

/// Names whose places are kept.
pub(super) const NAMES_MAX: usize = 131_072;

/// Places kept of one name: the latest.
pub(super) const PLACES_MAX: usize = 8;

/// A place where nobody signed in by this name for so long is familiar no more.
pub(super) const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Wrong things lately shown that are known again.
const SHOWN_MAX: usize = 4;

/// Owed for failures.
#[derive(Debug, Clone, Copy)]
struct Debt {
    /// When the last failure will be forgiven: one in each [`FORGIVEN_AFTER`] until then.
    until: Timestamp,
    shown: [Option<Fingerprint>; SHOWN_MAX],
    told_at: Option<Timestamp>,
}

impl Debt {
    fn owed(&self, now: Timestamp) -> u32 {
        let left = self.until.duration_since(now).as_millis().max(0);
        let each = FORGIVEN_AFTER.as_millis();
        u32::try_from((left + each - 1) / each).unwrap_or(u32::MAX)
    }
}

/// Who owes for how many failures.
#[derive(Debug)]
pub(super) struct Table<K>(HashMap<K, Debt>);

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Table<K> {
    pub(super) fn owed(&self, key: &K, now: Timestamp) -> u32 {
        self.0.get(key).map_or(0, |debt| debt.owed(now))
    }

    /// Adds a failure, unless this was shown lately. Nobody owes for more than `max`, also if the clock was set back.
    pub(super) fn owe(&mut self, key: K, shown: Fingerprint, max: u32, now: Timestamp) {
        if !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let debt = self.0.entry(key).or_insert(Debt { until: now, shown: [None; SHOWN_MAX], told_at: None });
        let owed = debt.owed(now);
        if owed == 0 {
            debt.shown = [None; SHOWN_MAX];
        }
        if debt.shown.contains(&Some(shown)) {
            return;
        }
        debt.shown.rotate_right(1);
        debt.shown[0] = Some(shown);
        debt.until = add(debt.until.max(now), FORGIVEN_AFTER).min(ceiling(max, now));
    }

    pub(super) fn forgive(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// After what time this one owes for less than `max`, and whether it is time to tell. After the clock was set back,
    /// what is owed is `max`.
    pub(super) fn send_away(
        &mut self,
        key: &K,
        max: u32,
        told_every: SignedDuration,
        now: Timestamp,
    ) -> (Duration, bool) {
        let Some(debt) = self.0.get_mut(key) else { return (Duration::ZERO, false) };
        debt.until = debt.until.min(ceiling(max, now));
        let wait = debt.until.duration_since(ceiling(max.saturating_sub(1), now));
        let tell = debt.told_at.is_none_or(|at| now.duration_since(at).abs() >= told_every);
        if tell {
            debt.told_at = Some(now);
        }
        (wait.unsigned_abs(), tell)
    }

    /// Forgets what is forgiven, and if that is not enough, the quarter that is forgiven soonest: once in many
    /// thousand insertions, so that each costs little.
    fn make_room(&mut self, now: Timestamp) {
        if self.0.len() < DEBTS_MAX {
            return;
        }
        self.0.retain(|_, debt| debt.owed(now) > 0);
        if self.0.len() < DEBTS_MAX / 4 * 3 {
            return;
        }
        let mut ends: Vec<Timestamp> = self.0.values().map(|debt| debt.until).collect();
        let (_, soonest, _) = ends.select_nth_unstable(DEBTS_MAX / 4);
        let soonest = *soonest;
        self.0.retain(|_, debt| debt.until > soonest);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// When one who owes for `max` failures now is forgiven the last.
fn ceiling(max: u32, now: Timestamp) -> Timestamp {
    add(now, FORGIVEN_AFTER.saturating_mul(i32::try_from(max).unwrap_or(i32::MAX)))
}

fn add(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Where names signed in lately.
#[derive(Debug, Default)]
pub(super) struct Familiar(HashMap<NameKey, Vec<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    place: Place,
    at: Timestamp,
}

impl Seen {
    fn is_lately(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < LATELY
    }
}

impl Familiar {
    pub(super) fn knows(&self, name: NameKey, place: Place, now: Timestamp) -> bool {
        let seen = self.0.get(&name).and_then(|places| places.iter().find(|seen| seen.place == place));
        seen.is_some_and(|seen| seen.is_lately(now))
    }

    pub(super) fn learn(&mut self, name: NameKey, place: Place, now: Timestamp) {
        if !self.0.contains_key(&name) {
            self.make_room(now);
        }
        let places = self.0.entry(name).or_default();
        places.retain(|seen| seen.place != place);
        // The latest first.
        places.insert(0, Seen { place, at: now });
        places.truncate(PLACES_MAX);
    }

    /// As [`Table::make_room`]: names that were not here lately, or else the quarter that was here longest ago.
    fn make_room(&mut self, now: Timestamp) {
        if self.0.len() < NAMES_MAX {
            return;
        }
        let last = |places: &Vec<Seen>| places.first().map_or(Timestamp::MIN, |seen| seen.at);
        self.0.retain(|_, places| places.first().is_some_and(|seen| seen.is_lately(now)));
        if self.0.len() < NAMES_MAX / 4 * 3 {
            return;
        }
        let mut lasts: Vec<Timestamp> = self.0.values().map(last).collect();
        let (_, oldest, _) = lasts.select_nth_unstable(NAMES_MAX / 4);
        let oldest = *oldest;
        self.0.retain(|_, places| last(places) > oldest);
    }

    #[cfg(test)]
    pub(super) fn places(&self, name: NameKey) -> usize {
        self.0.get(&name).map_or(0, Vec::len)
    }
}
