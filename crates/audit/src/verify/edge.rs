//! The partial tiles of the right edge, of which the signed root is made.

use super::walk::{first_difference, rebuild};
use super::{Damage, Place, Reader, Source, Stop, What, entries};
use crate::bundle::BundleId;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::tile::{Tile, edge};
use crate::tree::fold;

/// The tiles of the edge, the highest level and so the first entries first, if they make the signed root.
pub(super) fn trusted<S: Source>(
    reader: &mut Reader<'_, S>,
    checkpoint: &Checkpoint,
) -> Result<Vec<Tile>, Stop<S::Error>> {
    let tiles: Vec<Tile> = edge(checkpoint.size()).rev().map(|id| reader.tile(id)).collect::<Result<_, _>>()?;
    if root(&tiles) == checkpoint.root() {
        return Ok(tiles);
    }
    Err(Stop::Damage(blame(reader, &tiles, checkpoint.root())?))
}

fn root<'t>(tiles: impl IntoIterator<Item = &'t Tile>) -> Hash {
    fold(&tiles.into_iter().flat_map(Tile::peaks).collect::<Vec<_>>())
}

/// Which tile keeps the edge from making the signed root? Nothing above these tiles vouches for them, so each is compared
/// with what lies below it, and whichever of the two leads to the signed root is right.
fn blame<S: Source>(reader: &mut Reader<'_, S>, tiles: &[Tile], signed: Hash) -> Result<Damage, Stop<S::Error>> {
    let rebuilt = tiles.iter().map(|tile| rebuild(reader, tile)).collect::<Result<Vec<_>, _>>()?;
    let Some((first, _)) = tiles.iter().zip(&rebuilt).find(|(_, other)| other.is_some()) else {
        return all_agree(reader, tiles);
    };
    // Some of the tiles are wrong, and for the others it is what lies below: each choice is tried, 255 at most.
    for choice in 1_u32..1 << tiles.len() {
        let chosen = tiles.iter().zip(&rebuilt).enumerate().map(|(at, (tile, other))| match other {
            Some(other) if choice >> at & 1 == 1 => (tile, other),
            _ => (tile, tile),
        });
        if root(chosen.clone().map(|(_, chosen)| chosen)) == signed
            && let Some((tile, right)) = chosen.clone().find(|(tile, chosen)| tile != chosen)
        {
            return Ok(Damage::new(tile.id(), What::Rebuildable(first_difference(tile, right))));
        }
    }
    Ok(Damage::new(first.id(), What::Contradicts))
}

/// Nothing in the record speaks against the edge, but for the root.
fn all_agree<S: Source>(reader: &mut Reader<'_, S>, tiles: &[Tile]) -> Result<Damage, Stop<S::Error>> {
    for tile in tiles {
        if let Some(bundle) = BundleId::beside(tile.id())
            && entries::has_pruned(&reader.entries(bundle)?)
        {
            return Ok(Damage::new(tile.id(), What::PrunedHash));
        }
    }
    Ok(Damage::new(Place::Checkpoint, What::RootDiffers))
}
