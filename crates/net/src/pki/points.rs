//! [`Points`]: the distribution points that are asked for revocation lists, and what each has given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::authority::Authorities;
use super::cache::{Cache, Kept, Origin};
use super::point::Point;
use super::revocation::{ListFault, Lists, Signed};
use super::schedule::{Last, Life, due};
use super::status::RevocationStatus;
use crate::http::Validators;

/// How many are known at most. A trust space has a handful.
const POINTS_MAX: usize = 64;
/// One that fails for so long, and whose list has ended, is forgotten: a certificate that still names it brings it back.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// All that are known. The lock is held for moments only, never over the disk or the network.
#[derive(Debug)]
pub(super) struct Points {
    rows: Mutex<Vec<Row>>,
    cache: Cache,
    /// Held while the index is written.
    writing: Mutex<()>,
    every: SignedDuration,
}

#[derive(Debug)]
struct Row {
    point: Point,
    /// Named by a certificate of the configuration: never forgotten.
    lasting: bool,
    held: Option<Held>,
    last: Option<Try>,
    /// Held by whoever asks.
    flight: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone)]
struct Held {
    signed: Arc<Signed>,
    origin: Origin,
}

#[derive(Debug, Clone)]
struct Try {
    last: Last,
    fault: Option<Fault>,
}

#[derive(Debug, Clone)]
struct Fault {
    what: String,
    since: Timestamp,
}

impl Points {
    /// Those that were kept, with their lists if their signatures hold.
    pub(super) fn load(cache: Cache, authorities: &Authorities, every: SignedDuration) -> Self {
        let index =
            cache.index().into_iter().filter(|kept| authorities.all().any(|one| one.name == kept.point.authority));
        let rows = index.take(POINTS_MAX).map(|kept| {
            let held = kept.list.and_then(|origin| match read_back(&cache, &kept.point, authorities) {
                Ok(signed) => Some(Held { signed: Arc::new(signed), origin }),
                Err(fault) => {
                    tracing::warn!(address = %origin.address, %fault, "a kept revocation list is not used");
                    None
                }
            });
            let last = held.as_ref().map(|held| Try::good(held.origin.confirmed_at));
            Row { held, last, ..Row::new(kept.point) }
        });
        Self { rows: Mutex::new(rows.collect()), cache, writing: Mutex::default(), every }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The point with these addresses, and whether it has ever been asked.
    pub(super) fn find(&self, addresses: &[String]) -> Option<(Point, bool)> {
        let rows = self.rows();
        let row = rows.iter().find(|row| row.point.addresses == addresses)?;
        Some((row.point.clone(), row.last.is_some()))
    }

    /// Learns a point. `lasting`: it is never forgotten. False if there is no room.
    pub(super) fn learn(&self, point: &Point, lasting: bool) -> bool {
        let mut rows = self.rows();
        if let Some(row) = rows.iter_mut().find(|row| row.point == *point) {
            row.lasting |= lasting;
            return true;
        }
        if rows.len() >= POINTS_MAX {
            // One that was asked in vain makes room.
            let useless = |row: &Row| !row.lasting && row.held.is_none() && row.last.is_some();
            let Some(place) = rows.iter().position(useless) else {
                tracing::debug!(point = ?point.addresses, "as many distribution points are known as there may be");
                return false;
            };
            rows.swap_remove(place);
        }
        rows.push(Row { lasting, ..Row::new(point.clone()) });
        true
    }

    /// Those to ask now.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Point> {
        let is_due = |row: &&Row| {
            let last = row.last.as_ref().map(|last| last.last);
            // A clock that was set back: the last try is not over yet, so nothing can be told from it.
            last.is_some_and(|last| last.at > now) || due(row.life(), last, self.every) <= now
        };
        self.rows().iter().filter(is_due).map(|row| row.point.clone()).collect()
    }

    /// What whoever asks this point holds meanwhile. `None` if it has been forgotten.
    pub(super) fn flight(&self, point: &Point) -> Option<Arc<tokio::sync::Mutex<()>>> {
        self.rows().iter().find(|row| row.point == *point).map(|row| Arc::clone(&row.flight))
    }

    /// What to show to the server at this address, so that it need not send again what we have.
    pub(super) fn validators(&self, point: &Point, address: &str) -> Validators {
        let rows = self.rows();
        let held = rows.iter().find(|row| row.point == *point).and_then(|row| row.held.as_ref());
        held.filter(|held| held.origin.address == address)
            .map(|held| held.origin.validators.clone())
            .unwrap_or_default()
    }

    /// The list that this point gave last.
    pub(super) fn held(&self, point: &Point) -> Option<Arc<Signed>> {
        let rows = self.rows();
        rows.iter().find(|row| row.point == *point)?.held.as_ref().map(|held| Arc::clone(&held.signed))
    }

    /// All lists.
    pub(super) fn lists(&self, authorities: &Authorities) -> Lists {
        let held: Vec<Arc<Signed>> =
            self.rows().iter().filter_map(|row| row.held.as_ref()).map(|held| Arc::clone(&held.signed)).collect();
        Lists::of(held.iter().map(|signed| &**signed), authorities)
    }

    /// The server at `address` says that the list is still the same. Writes the disk.
    pub(super) fn confirmed(&self, point: &Point, now: Timestamp) {
        self.change(point, now, None, |row| {
            if let Some(held) = &mut row.held {
                held.origin.confirmed_at = now;
            }
        });
        self.keep();
    }

    /// The point gave this list, which is a good one. Writes the disk; a disk that does not take it is told, and the
    /// list serves until a restart.
    pub(super) fn took(&self, point: &Point, signed: Signed, der: &[u8], origin: Origin) {
        if let Err(error) = self.cache.keep_list(point, der) {
            tracing::warn!(%error, "a revocation list cannot be kept for the next start");
        }
        let now = origin.confirmed_at;
        self.change(point, now, None, |row| row.held = Some(Held { signed: Arc::new(signed), origin }));
        self.keep();
    }

    /// All addresses of the point have failed. The list that it gave before stays. Writes the disk.
    pub(super) fn failed(&self, point: &Point, fault: &str, now: Timestamp) {
        self.change(point, now, Some(fault), |_| {});
        let mut rows = self.rows();
        let gone = rows.iter().position(|row| row.point == *point && row.is_given_up(now));
        let gone = gone.map(|place| rows.swap_remove(place));
        drop(rows);
        if let Some(row) = gone {
            tracing::info!(addresses = ?row.point.addresses, "a distribution point that fails for days is forgotten");
            self.cache.drop_list(&row.point);
        }
        self.keep();
    }

    /// Notes a try, and tells when faults begin, change and end.
    fn change(&self, point: &Point, now: Timestamp, fault: Option<&str>, change: impl FnOnce(&mut Row)) {
        let mut rows = self.rows();
        let Some(row) = rows.iter_mut().find(|row| row.point == *point) else { return };
        change(row);
        let before = row.last.take();
        let failing = before.as_ref().and_then(|before| before.fault.as_ref());
        let authority = &row.point.authority;
        match (fault, failing) {
            (Some(what), Some(before)) if before.what == what => {
                tracing::debug!(%authority, fault = what, "the revocation list still cannot be fetched");
            }
            (Some(what), _) => {
                tracing::warn!(%authority, fault = what, "the revocation list cannot be fetched; the last one serves until it ends");
            }
            (None, Some(_)) => tracing::info!(%authority, "the revocation list can be fetched again"),
            (None, None) => {}
        }
        let since = failing.map_or(now, |fault| fault.since);
        let failures = before.as_ref().map_or(0, |before| before.last.failures);
        row.last = Some(match fault {
            None => Try::good(now),
            Some(what) => Try {
                last: Last { at: now, failures: failures.saturating_add(1), draw: draw() },
                fault: Some(Fault { what: what.to_owned(), since }),
            },
        });
    }

    /// Writes the index.
    fn keep(&self) {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: Vec<Kept> = self.rows().iter().map(Row::kept).collect();
        if let Err(error) = self.cache.keep_index(&kept) {
            tracing::warn!(%error, "the distribution points cannot be kept for the next start");
        }
    }

    /// For an admin.
    pub(super) fn status(&self, in_force: &Lists) -> Vec<RevocationStatus> {
        self.rows().iter().map(|row| row.status(in_force)).collect()
    }
}

/// The kept list of a point, judged as one that comes from a server: its signature, and whose it is.
fn read_back(cache: &Cache, point: &Point, authorities: &Authorities) -> Result<Signed, String> {
    let der = cache.list(point).map_err(|error| error.to_string())?;
    let signed = Signed::read(&der, authorities).map_err(|fault| fault.to_string())?;
    if !signed.is_of(&point.authority, authorities) {
        return Err(ListFault::OtherAuthority(signed.issuer(authorities)).to_string());
    }
    Ok(signed)
}

impl Try {
    fn good(at: Timestamp) -> Self {
        Self { last: Last { at, failures: 0, draw: draw() }, fault: None }
    }
}

impl Row {
    fn new(point: Point) -> Self {
        Self { point, lasting: false, held: None, last: None, flight: Arc::default() }
    }

    fn life(&self) -> Option<Life> {
        let list = &self.held.as_ref()?.signed.list;
        Some(Life { this_update: list.this_update, next_update: list.next_update })
    }

    fn is_given_up(&self, now: Timestamp) -> bool {
        let failing_since = self.last.as_ref().and_then(|last| last.fault.as_ref()).map(|fault| fault.since);
        let for_long = failing_since.is_some_and(|since| now.duration_since(since) > FORGET_AFTER);
        for_long && !self.lasting && self.life().is_none_or(|life| life.next_update <= now)
    }

    fn kept(&self) -> Kept {
        Kept { point: self.point.clone(), list: self.held.as_ref().map(|held| held.origin.clone()) }
    }

    fn status(&self, in_force: &Lists) -> RevocationStatus {
        let (list, origin) = self.held.as_ref().map(|held| (&held.signed.list, &held.origin)).unzip();
        RevocationStatus {
            authority: self.point.authority.clone(),
            source: origin.map(|origin| &origin.address).or(self.point.addresses.first()).cloned().unwrap_or_default(),
            validity: list.map(|list| (list.this_update, list.next_update)),
            entries: list.map_or(0, |list| list.entries),
            in_force: list.is_some_and(|list| in_force.hold(list)),
            last_try: self
                .last
                .as_ref()
                .map(|last| (last.last.at, last.fault.as_ref().map(|fault| fault.what.clone()))),
        }
    }
}

/// A number that other relays draw differently.
fn draw() -> u8 {
    let mut drawn = [0];
    // Without randomness all relays ask at once, which is no reason not to ask.
    aws_lc_rs::rand::fill(&mut drawn).ok();
    u8::from_ne_bytes(drawn)
}
