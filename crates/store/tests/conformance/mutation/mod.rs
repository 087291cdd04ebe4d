//! Thousands of changes behind a store's back, each of one row or two of those that its record consists of, at a random place.
//! Each must be found, and the place that is named must be the changed one; with the change taken back, all is well again.
//!
//! Left out is what nobody can tell (docs/audit.md has it): what waits for its seal, but for what lies beside it and for gaps;
//! an entry beside which nothing lies, emptied where pruning has been; a person of whom no entry tells; the checkpoint before the last, gone; `sealed_at`.

mod around;
mod entries;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use pli_audit::verify::What;
use pli_audit::{Checkpoint, Class, Column, Damage, Event, EventKind, Place, SignedCheckpoint, Verdict};
use pli_store::Checking;

use self::around::{OF_CHECKPOINTS, OF_SUBJECTS, OF_TILES, hashes, tile};
use self::entries::{OF_ABOUT, OF_ENTRIES};
use self::rows::{Behind, Edit, Rows};
use crate::audit_log::{key, seal};
use crate::keeping::{self, INS, prune};
use crate::support::{Backend, Fixture, Sqlite, event};

/// So many changes of each kind.
const EACH: usize = 64;
/// After so many the untouched record is checked.
const BETWEEN: usize = 16;

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % count as u64).unwrap()
    }

    fn some<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Two different ones, in their order.
    fn two<T: Clone>(&mut self, all: &[T]) -> (T, T) {
        let (one, other) = (self.below(all.len()), self.below(all.len() - 1));
        let (left, right) = if other < one { (other, one) } else { (one, other + 1) };
        (all[left].clone(), all[right].clone())
    }

    fn either(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one_off(&mut self) -> i64 {
        if self.either() { 1 } else { -1 }
    }

    fn flipped(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let at = self.below(bytes.len());
        bytes[at] ^= 1 << self.below(8);
        bytes
    }

    /// Shorter, and `least` bytes long at least.
    fn cut(&mut self, bytes: &[u8], least: usize) -> Vec<u8> {
        bytes[..least + self.below(bytes.len() - least)].to_vec()
    }
}

/// What is to be said: the place, and the column if it is one that lies beside an entry.
type Named = (Place, Option<Column>);

/// What a change does, and what is to be said of it; none if the dice fell so that nothing changes.
type Change = fn(&Rows, &mut Dice) -> Option<(Edit, Named)>;

fn entry(seq: i64) -> Place {
    Place::Entry(u64::try_from(seq).unwrap().saturating_sub(1))
}

fn beside(seq: i64, column: Column) -> Named {
    (entry(seq), Some(column))
}

/// Someone of whom the record tells.
fn someone(number: usize) -> String {
    if number == 0 { INS.to_owned() } else { format!("18001{number:08}") }
}

/// So many events of all kinds, some about messages, some about one or two persons.
async fn record(at: &Fixture, count: usize) {
    const KINDS: [EventKind; 5] =
        [EventKind::Accepted, EventKind::Relayed, EventKind::Opened, EventKind::SignedIn, EventKind::Changed];
    let mut message = at.id();
    let mut events = Vec::new();
    for number in 0..count {
        if number % 3 == 0 {
            message = at.id();
        }
        events.push(Event {
            at: at.now().to_string(),
            message: (number % 4 > 0).then_some(message),
            recipient: (number % 5 < 2).then(|| someone(number % 23).as_str().into()),
            sender: (number % 15 == 0).then(|| someone(number % 19).as_str().into()),
            ..event(message, KINDS[number % KINDS.len()])
        });
    }
    at.store.append_audit(events).await.unwrap();
}

/// A record as a node has it: sealed step by step, pruned, with a person erased, and some that wait for their seal.
async fn built() -> (Fixture, Checkpoint) {
    let at = Sqlite.fresh().await;
    record(&at, 700).await;
    assert!(seal(&at, 700).await);
    at.clock.advance(SignedDuration::from_hours(1));
    record(&at, 800).await;
    assert!(seal(&at, 1500).await);
    let pruned = prune(&at, Class::Mail, at.now(), 1000).await;
    assert!(pruned.entries > 200, "{pruned:?}");
    record(&at, 20).await;
    let erased = at.store.erase(keeping::erase(), vec![keeping::note(&at, EventKind::Erased)]).await.unwrap();
    assert!(erased.rows.iter().any(|(table, _)| *table == "audit_subjects"), "{erased:?}");
    record(&at, 600).await;
    for to in [1800, 2100] {
        assert!(seal(&at, to).await);
    }
    let last = at.store.sealed().await.unwrap().unwrap().checkpoint;
    let last = SignedCheckpoint::open(last.as_bytes(), key().verifier()).unwrap().checkpoint().clone();
    (at, last)
}

async fn damage(at: &Fixture, earlier: &Checkpoint) -> Option<Damage> {
    let with = Checking { key: key().verifier().clone(), trusted: true, earlier: Some(earlier.clone()) };
    match pli_store::verify(Arc::clone(&at.store), with).await.unwrap().verdict {
        Verdict::Verified(verified) => {
            assert!(verified.tree_size == 2100 && verified.pruned > 200, "{verified:?}");
            None
        }
        Verdict::Damaged(damage) => Some(damage),
    }
}

fn named(damage: Damage) -> Named {
    (damage.place, if let What::Index(column) = damage.what { Some(column) } else { None })
}

/// Makes so many changes of each kind, one after the other, each taken back.
#[expect(clippy::print_stdout, reason = "what was tried, for whoever asks with --nocapture")]
async fn each_is_found_where_it_is(kinds: &[(&str, Change)], seed: u64) {
    let (at, earlier) = built().await;
    let mut behind = Behind::open(&at).await;
    let rows = behind.rows().await;
    assert_eq!(damage(&at, &earlier).await, None);
    let (mut dice, mut changed) = (Dice(seed), 0);
    let mut wrong: HashMap<&str, Vec<String>> = HashMap::new();
    for (name, change) in kinds {
        for time in 0..EACH {
            let Some((edit, expected)) = change(&rows, &mut dice) else { continue };
            let undo = behind.apply(edit).await;
            let found = damage(&at, &earlier).await;
            if found.map(named) != Some(expected) {
                wrong.entry(name).or_default().push(format!("seed {seed}, time {time}: {found:?}, not {expected:?}"));
            }
            behind.apply(undo).await;
            changed += 1;
            if changed % BETWEEN == 0 {
                assert_eq!(damage(&at, &earlier).await, None, "a false alarm after {name}, seed {seed}, time {time}");
            }
        }
    }
    println!("seed {seed}: {changed} changes of {} kinds", kinds.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(changed >= kinds.len() * EACH * 8 / 10, "{changed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_an_entrys_row_is_found_where_it_is() {
    each_is_found_where_it_is(OF_ENTRIES, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_whom_entries_are_about_is_found_where_it_is() {
    each_is_found_where_it_is(OF_ABOUT, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_persons_row_is_found_where_it_is() {
    each_is_found_where_it_is(OF_SUBJECTS, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_tiles_row_is_found_where_it_is() {
    each_is_found_where_it_is(OF_TILES, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_tiles_of_different_widths_that_were_swapped_one_is_named() {
    let (at, earlier) = built().await;
    let mut behind = Behind::open(&at).await;
    let rows = behind.rows().await;
    let pairs = rows.tiles.iter().flat_map(|one| rows.tiles.iter().map(move |other| (one.clone(), other.clone())));
    for (one, other) in pairs.filter(|(one, other)| one.hashes.len() < other.hashes.len()) {
        let edit = hashes(&one, other.hashes.clone()).0.and(hashes(&other, one.hashes.clone()).0);
        let undo = behind.apply(edit).await;
        let found = damage(&at, &earlier).await.map(named).unwrap();
        assert!([tile(&one), tile(&other)].contains(&found), "{found:?}, not {one:?} or {other:?}");
        behind.apply(undo).await;
    }
    assert_eq!(damage(&at, &earlier).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_checkpoints_row_is_found_where_it_is() {
    each_is_found_where_it_is(OF_CHECKPOINTS, 5).await;
}
