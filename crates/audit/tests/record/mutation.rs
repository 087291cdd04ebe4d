//! Thousands of records, each with one thing changed at a random place. Each change must be found, and the place that is
//! named must be the changed one; where an entry was added or taken away, the first entry that is no longer at its
//! place.

use pli_audit::bundle::{self, Entry};
use pli_audit::{BundleId, Place, TileId};

use super::support::{Dice, Record, entry, key, split};

const SIZE: u64 = 3000;
/// So many changes of each kind.
const EACH: usize = 100;

/// What a change does: it tells the place that is to be named, or none if the dice fell so that nothing changes.
type Change = fn(&mut Record, &mut Dice) -> Option<Place>;

fn tile_place(id: TileId) -> Place {
    Place::Tile { level: id.level(), index: id.index() }
}

fn some_tile(record: &Record, dice: &mut Dice) -> TileId {
    *record.tiles.keys().nth(dice.below(record.tiles.len())).unwrap()
}

fn some_bundle(record: &Record, dice: &mut Dice) -> BundleId {
    *record.bundles.keys().nth(dice.below(record.bundles.len())).unwrap()
}

/// Two full tiles of level 0, the left one first.
fn two_tiles(record: &Record, dice: &mut Dice) -> (TileId, TileId) {
    let full: Vec<TileId> = record.tiles.keys().filter(|id| id.level() == 0 && id.is_full()).copied().collect();
    let (left, right) = dice.two_below(full.len());
    (full[left], full[right])
}

/// Changes a random bundle's rows and tells the entry that is to be named, counted in the bundle.
fn rows(
    record: &mut Record,
    dice: &mut Dice,
    change: impl FnOnce(&mut Vec<Vec<u8>>, &mut Dice) -> Option<usize>,
) -> Option<Place> {
    let id = some_bundle(record, dice);
    let mut named = None;
    record.entries(id.index(), |rows| named = change(rows, dice));
    named.map(|at| Place::Entry(id.first_entry() + at as u64))
}

/// Where a row begins in its bundle.
fn offset(rows: &[Vec<u8>], at: usize) -> usize {
    rows[..at].iter().map(Vec::len).sum()
}

const OF_TILES: &[(&str, Change)] = &[
    ("flip a bit", |record, dice| {
        let id = some_tile(record, dice);
        let bytes = record.tiles.get_mut(&id)?;
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
        Some(tile_place(id))
    }),
    ("truncate", |record, dice| {
        let id = some_tile(record, dice);
        let bytes = record.tiles.get_mut(&id)?;
        bytes.truncate(dice.below(bytes.len()));
        Some(tile_place(id))
    }),
    ("drop the tile", |record, dice| {
        let id = some_tile(record, dice);
        record.tiles.remove(&id);
        Some(tile_place(id))
    }),
    ("drop a hash", |record, dice| {
        let id = some_tile(record, dice);
        let at = 32 * dice.below(usize::from(id.width()));
        record.tiles.get_mut(&id)?.drain(at..at + 32);
        Some(tile_place(id))
    }),
    ("duplicate a hash", |record, dice| {
        let id = some_tile(record, dice);
        let at = 32 * dice.below(usize::from(id.width()));
        let bytes = record.tiles.get_mut(&id)?;
        let hash = bytes[at..at + 32].to_vec();
        bytes.splice(at..at, hash);
        Some(tile_place(id))
    }),
    ("duplicate a hash over the next one", |record, dice| {
        let id = some_tile(record, dice);
        let at = 32 * dice.below(usize::from(id.width()) - 1);
        record.tiles.get_mut(&id)?.copy_within(at..at + 32, at + 32);
        Some(tile_place(id))
    }),
    ("swap two hashes", |record, dice| {
        let id = some_tile(record, dice);
        let (left, right) = dice.two_below(usize::from(id.width()));
        let bytes = record.tiles.get_mut(&id)?;
        (0..32).for_each(|at| bytes.swap(32 * left + at, 32 * right + at));
        Some(tile_place(id))
    }),
    ("swap two tiles", |record, dice| {
        let (left, right) = two_tiles(record, dice);
        let other = record.tiles.insert(left, record.tiles[&right].clone())?;
        record.tiles.insert(right, other);
        Some(tile_place(left))
    }),
    ("duplicate a tile over another", |record, dice| {
        let (left, right) = two_tiles(record, dice);
        let (from, to) = if dice.below(2) == 0 { (left, right) } else { (right, left) };
        record.tiles.insert(to, record.tiles[&from].clone());
        Some(tile_place(to))
    }),
];

const OF_ENTRIES: &[(&str, Change)] = &[
    ("flip a bit", |record, dice| {
        rows(record, dice, |rows, dice| {
            let at = dice.below(rows.len());
            let byte = 2 + dice.below(rows[at].len() - 2);
            rows[at][byte] ^= 1 << dice.below(8);
            Some(at)
        })
    }),
    ("flip a bit of the length", |record, dice| {
        rows(record, dice, |rows, dice| {
            let at = dice.below(rows.len());
            rows[at][dice.below(2)] ^= 1 << dice.below(8);
            Some(at)
        })
    }),
    ("drop an entry", |record, dice| {
        rows(record, dice, |rows, dice| {
            let at = dice.below(rows.len());
            rows.remove(at);
            Some(at)
        })
    }),
    ("duplicate an entry", |record, dice| {
        rows(record, dice, |rows, dice| {
            let at = dice.below(rows.len());
            rows.insert(at, rows[at].clone());
            // The copy stands where the next one should be; behind the last one it is too much.
            Some((at + 1).min(rows.len() - 2))
        })
    }),
    ("duplicate an entry over another", |record, dice| {
        rows(record, dice, |rows, dice| {
            let (left, right) = dice.two_below(rows.len());
            let (from, to) = if dice.below(2) == 0 { (left, right) } else { (right, left) };
            rows[to] = rows[from].clone();
            Some(to)
        })
    }),
    ("swap two entries", |record, dice| {
        rows(record, dice, |rows, dice| {
            let (left, right) = dice.two_below(rows.len());
            rows.swap(left, right);
            Some(left)
        })
    }),
    ("insert an entry", |record, dice| {
        rows(record, dice, |rows, dice| {
            let at = dice.below(rows.len());
            rows.insert(at, b"\0\x05other".to_vec());
            Some(at)
        })
    }),
    ("truncate the bundle", |record, dice| {
        let id = some_bundle(record, dice);
        let bytes = record.bundle(id.index());
        let all = split(bytes);
        let cut = dice.below(bytes.len());
        bytes.truncate(cut);
        let at = (0..all.len()).rfind(|at| offset(&all, *at) <= cut)?;
        Some(Place::Entry(id.first_entry() + at as u64))
    }),
    ("append to the bundle", |record, dice| {
        let id = some_bundle(record, dice);
        let more = vec![u8::try_from(dice.below(256)).unwrap(); 1 + dice.below(100)];
        record.bundle(id.index()).extend(more);
        Some(Place::Entry(id.first_entry() + u64::from(id.width()) - 1))
    }),
    ("drop the bundle", |record, dice| {
        let id = some_bundle(record, dice);
        record.bundles.remove(&id);
        Some(Place::Entry(id.first_entry()))
    }),
    ("swap two entries of two bundles", |record, dice| {
        let (left, right) = dice.two_below(record.bundles.len());
        let (mut of_left, mut of_right) = (split(record.bundle(left as u64)), split(record.bundle(right as u64)));
        let (at, other) = (dice.below(of_left.len()), dice.below(of_right.len()));
        std::mem::swap(&mut of_left[at], &mut of_right[other]);
        *record.bundle(left as u64) = of_left.concat();
        *record.bundle(right as u64) = of_right.concat();
        Some(Place::Entry(256 * left as u64 + at as u64))
    }),
    ("swap two bundles", |record, dice| {
        let (left, right) = dice.two_below(record.bundles.len());
        let other = record.bundle(left as u64).clone();
        let other = std::mem::replace(record.bundle(right as u64), other);
        *record.bundle(left as u64) = other;
        Some(Place::Entry(256 * left as u64))
    }),
];

const OF_CHECKPOINTS: &[(&str, Change)] = &[
    ("flip a bit", |record, dice| {
        let bytes = record.checkpoint.as_mut()?;
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
        Some(Place::Checkpoint)
    }),
    ("truncate", |record, dice| {
        let bytes = record.checkpoint.as_mut()?;
        bytes.truncate(dice.below(bytes.len()));
        Some(Place::Checkpoint)
    }),
    ("drop, duplicate or swap lines", |record, dice| {
        let text = String::from_utf8(record.checkpoint.take()?).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (left, right) = dice.two_below(lines.len());
        match dice.below(3) {
            0 => drop(lines.remove(left)),
            1 => lines.insert(left, lines[left]),
            _ => lines.swap(left, right),
        }
        record.checkpoint = Some(lines.concat().into_bytes());
        Some(Place::Checkpoint)
    }),
    ("sign another size or root anew", |record, dice| {
        let seed = u8::try_from(dice.below(256)).ok().filter(|seed| *seed != 7)?;
        record.checkpoint = Some(record.opened().sign(&key(seed)).unwrap().encode().into_bytes());
        Some(Place::Checkpoint)
    }),
];

/// Makes so many changes of each kind, each in a record of its own.
fn each_is_found_where_it_is(record: &Record, kinds: &[(&str, Change)], seed: u64) {
    let mut dice = Dice(seed);
    let mut changed = 0;
    for (name, change) in kinds {
        for time in 0..EACH {
            let mut copy = record.clone();
            let Some(expected) = change(&mut copy, &mut dice) else { continue };
            changed += 1;
            let damage = copy.damage();
            assert_eq!(damage.place, expected, "{name}, time {time}: {damage}");
        }
    }
    assert!(changed >= kinds.len() * EACH * 9 / 10, "{changed}");
}

#[test]
fn a_change_of_a_tile_is_found_where_it_is() {
    each_is_found_where_it_is(&Record::new(SIZE, entry), OF_TILES, 1);
}

#[test]
fn a_change_of_an_entry_is_found_where_it_is() {
    each_is_found_where_it_is(&Record::new(SIZE, entry), OF_ENTRIES, 2);
}

#[test]
fn a_change_of_a_checkpoint_is_found_where_it_is() {
    each_is_found_where_it_is(&Record::new(SIZE, entry), OF_CHECKPOINTS, 3);
}

#[test]
fn a_change_of_a_tile_beside_pruned_entries_is_found_where_it_is() {
    let record = Record::pruned(SIZE, entry, |index| index < 600 || index % 5 == 1);
    each_is_found_where_it_is(&record, OF_TILES, 4);
}

#[test]
fn a_change_of_an_entry_among_pruned_ones_is_found_where_it_is() {
    let record = Record::pruned(SIZE, entry, |index| index < 600 || index % 5 == 1);
    let mut dice = Dice(5);
    for _ in 0..2 * EACH {
        let mut copy = record.clone();
        let id = some_bundle(&copy, &mut dice);
        let mut named = None;
        copy.entries(id.index(), |rows| {
            let kept: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].len() > 2).collect();
            if !kept.is_empty() {
                let at = kept[dice.below(kept.len())];
                let byte = 2 + dice.below(rows[at].len() - 2);
                rows[at][byte] ^= 1 << dice.below(8);
                named = Some(Place::Entry(id.first_entry() + at as u64));
            }
        });
        match named {
            Some(place) => assert_eq!(copy.damage().place, place),
            None => assert_eq!(copy.verified().pruned, record.clone().verified().pruned),
        }
    }
}

/// Among pruned entries, which look all the same, what no longer fits may be the first kept one behind them.
#[test]
fn an_entry_added_or_taken_away_among_pruned_ones_is_found_at_their_end() {
    let record = Record::pruned(SIZE, entry, |index| index < 600 || index % 10 > 3);
    let kinds = ["flip a bit of the length", "drop an entry", "duplicate an entry", "insert an entry"];
    let kinds = kinds.iter().chain(&["truncate the bundle", "append to the bundle"]);
    let mut dice = Dice(8);
    for (name, change) in kinds.flat_map(|kind| OF_ENTRIES.iter().filter(move |(name, _)| name == kind)) {
        for time in 0..EACH {
            let mut copy = record.clone();
            let Some(Place::Entry(changed)) = change(&mut copy, &mut dice) else { panic!("{name}") };
            let damage = copy.damage();
            let Place::Entry(named) = damage.place else { panic!("{name}, time {time}: {damage}") };
            assert_eq!(named / 256, changed / 256, "{name}, time {time}: {damage}");
            assert!(named >= changed, "{name}, time {time}: {damage}, not {changed}");
            let rows = bundle::entries(copy.bundle(changed / 256));
            let from = usize::try_from(changed % 256).unwrap();
            let between = rows.skip(from).take(usize::try_from(named - changed).unwrap());
            assert!(between.into_iter().all(|row| row == Ok(Entry::Pruned)), "{name}, time {time}: {damage}");
        }
    }
}

/// A length that is made zero reads as a pruned entry: it is what follows that no longer fits.
#[test]
fn a_length_that_is_made_zero_is_found_at_the_next_entry() {
    let record = Record::new(SIZE, entry);
    let mut dice = Dice(6);
    for _ in 0..EACH {
        let mut copy = record.clone();
        let place = rows(&mut copy, &mut dice, |rows, dice| {
            let at = dice.below(rows.len());
            rows[at][..2].fill(0);
            Some((at + 1).min(rows.len() - 1))
        });
        assert_eq!(Some(copy.damage().place), place);
    }
}

/// Three levels of tiles, with full ones on two of them.
#[test]
fn a_change_of_a_large_record_is_found_where_it_is() {
    let record = Record::new(65_536 + 300, |index| index.to_be_bytes().to_vec());
    let mut dice = Dice(7);
    let upper: Vec<TileId> = record.tiles.keys().filter(|id| id.level() > 0).copied().collect();
    assert_eq!(upper.len(), 3);
    for id in upper {
        let mut copy = record.clone();
        let at = dice.below(id.bytes());
        copy.tiles.get_mut(&id).unwrap()[at] ^= 4;
        assert_eq!(copy.damage().place, tile_place(id));
        copy.tiles.remove(&id);
        assert_eq!(copy.damage().place, tile_place(id));
    }
    let (name, change) = OF_ENTRIES[0];
    for _ in 0..5 {
        let mut copy = record.clone();
        let expected = change(&mut copy, &mut dice);
        assert_eq!(Some(copy.damage().place), expected, "{name}");
    }
}
