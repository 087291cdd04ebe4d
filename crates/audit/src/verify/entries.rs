//! Entries against the hashes of a level-0 tile that is trusted.

use super::{Damage, Place, What};
use crate::bundle::{Entry, entries};
use crate::hash::Hash;
use crate::tile::Tile;

/// What was pruned of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pruned {
    pub(super) count: u64,
    /// The index of the last one in the record.
    pub(super) last: Option<u64>,
}

/// Checks that a bundle holds the entries of the tile, each in its place, and nothing else.
pub(super) fn check(bundle: &[u8], tile: &Tile) -> Result<Pruned, Damage> {
    let mut read = entries(bundle);
    let mut pruned = Pruned::default();
    let mut last = tile.id().first_entry();
    for (position, (index, expected)) in (tile.id().first_entry()..).zip(tile.hashes()).enumerate() {
        last = index;
        match read.next() {
            Some(Ok(Entry::Pruned)) => pruned = Pruned { count: pruned.count + 1, last: Some(index) },
            Some(Ok(Entry::Kept(entry))) => {
                let found = Hash::leaf(entry);
                if found != *expected {
                    return Err(Damage::new(Place::Entry(index), instead(position, found, bundle, tile)));
                }
            }
            Some(Err(_)) | None => return Err(Damage::new(Place::Entry(index), What::Cut)),
        }
    }
    match read.next() {
        None => Ok(pruned),
        Some(_) => Err(Damage::new(Place::Entry(last), What::Surplus)),
    }
}

/// What stands at a position where another entry should be.
fn instead(position: usize, found: Hash, bundle: &[u8], tile: &Tile) -> What {
    let elsewhere = (tile.id().first_entry()..).zip(tile.hashes()).find(|(_, hash)| **hash == found);
    let position_in_record = tile.id().first_entry() + position as u64;
    let count = entries(bundle).flatten().count();
    match elsewhere {
        Some((index, _)) if index < position_in_record => What::Repeated(index),
        Some((index, _)) if index == position_in_record + 1 && count < tile.hashes().len() => What::Removed,
        Some((index, _)) => What::Moved(index),
        None => {
            let next = entries(bundle).nth(position + 1);
            let expected = tile.hashes().get(position);
            match next {
                Some(Ok(Entry::Kept(entry))) if Some(&Hash::leaf(entry)) == expected => What::Inserted,
                _ => What::Altered,
            }
        }
    }
}

/// The hashes that a bundle's entries have, as many as the tile has. For a pruned one the tile is taken at its word.
pub(super) fn hashes(bundle: &[u8], tile: &Tile) -> Result<Vec<Hash>, Damage> {
    let mut read = entries(bundle);
    let each = (tile.id().first_entry()..).zip(tile.hashes()).map(|(index, told)| match read.next() {
        Some(Ok(Entry::Kept(entry))) => Ok(Hash::leaf(entry)),
        Some(Ok(Entry::Pruned)) => Ok(*told),
        Some(Err(_)) | None => Err(Damage::new(Place::Entry(index), What::Cut)),
    });
    each.collect()
}

/// Is one of the tile's entries pruned?
pub(super) fn has_pruned(bundle: &[u8]) -> bool {
    entries(bundle).any(|entry| entry == Ok(Entry::Pruned))
}
