//! From the trusted tiles of the edge down to every entry, left to right.

use super::{Damage, Reader, Source, Stop, What, entries};
use crate::bundle::BundleId;
use crate::hash::Hash;
use crate::tile::Tile;

/// The way through the tree, and what was counted on it.
pub(super) struct Walk<'r, 's, S, F> {
    reader: &'r mut Reader<'s, S>,
    /// Is told every tile whose hashes are trusted.
    seen: F,
    pub(super) pruned: u64,
    pub(super) pruned_last: Option<u64>,
}

impl<'r, 's, S: Source, F: FnMut(&Tile)> Walk<'r, 's, S, F> {
    pub(super) fn new(reader: &'r mut Reader<'s, S>, seen: F) -> Self {
        Self { reader, seen, pruned: 0, pruned_last: None }
    }

    /// Checks everything below a tile whose hashes are trusted. It calls itself once a level, of which there are eight
    /// at most.
    pub(super) fn below(&mut self, tile: &Tile) -> Result<(), Stop<S::Error>> {
        (self.seen)(tile);
        if let Some(bundle) = BundleId::beside(tile.id()) {
            return self.entries(bundle, tile);
        }
        for (position, expected) in (0..).zip(tile.hashes()) {
            let Some(id) = tile.id().below(position) else { continue };
            let child = self.reader.tile(id)?;
            if child.root() != *expected {
                return Err(Stop::Damage(Damage::new(id, self.why_not(&child, tile, *expected)?)));
            }
            self.below(&child)?;
        }
        Ok(())
    }

    fn entries(&mut self, bundle: BundleId, tile: &Tile) -> Result<(), Stop<S::Error>> {
        let bytes = self.reader.entries(bundle)?;
        let pruned = entries::check(&bytes, tile)?;
        self.pruned += pruned.count;
        self.pruned_last = pruned.last.or(self.pruned_last);
        Ok(())
    }

    /// In what way a full tile is not the one that the trusted tile above tells of.
    fn why_not(&mut self, child: &Tile, above: &Tile, expected: Hash) -> Result<What, Stop<S::Error>> {
        let root = child.root();
        if let Some(position) = above.hashes().iter().position(|hash| *hash == root) {
            let id = u16::try_from(position).ok().and_then(|position| above.id().below(position));
            return Ok(id.map_or(What::Altered, |id| What::Moved(id.index())));
        }
        match rebuild(self.reader, child) {
            Ok(Some(rebuilt)) if rebuilt.root() == expected => Ok(What::Rebuildable(first_difference(child, &rebuilt))),
            // What lies below is not whole either. The tile is above it, and is named first.
            Ok(_) | Err(Stop::Damage(_)) => Ok(What::Altered),
            Err(error) => Err(error),
        }
    }
}

/// The tile as what lies below tells it, if that is another: the hashes over the tiles below, or those of the entries.
/// For an entry that was pruned, the tile is taken at its word.
pub(super) fn rebuild<S: Source>(reader: &mut Reader<'_, S>, tile: &Tile) -> Result<Option<Tile>, Stop<S::Error>> {
    let hashes = if let Some(bundle) = BundleId::beside(tile.id()) {
        entries::hashes(&reader.entries(bundle)?, tile)?
    } else {
        let below = (0..tile.id().width()).filter_map(|position| tile.id().below(position));
        below.map(|id| Ok(reader.tile(id)?.root())).collect::<Result<_, Stop<S::Error>>>()?
    };
    let rebuilt = Tile::new(tile.id(), hashes);
    Ok((rebuilt != *tile).then_some(rebuilt))
}

/// The first position at which two tiles of one width differ.
pub(super) fn first_difference(one: &Tile, other: &Tile) -> u16 {
    let pairs = one.hashes().iter().zip(other.hashes());
    (0..).zip(pairs).find(|(_, (one, other))| one != other).map_or(0, |(position, _)| position)
}
