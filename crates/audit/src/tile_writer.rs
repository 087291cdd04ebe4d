//! [`TileWriter`]: appends to a tree and makes its tiles; what a sealer keeps between two checkpoints.

use std::collections::BTreeSet;

use crate::hash::Hash;
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileId, TileSet, edge};
use crate::tree::{Frontier, MissingNode, Nodes as _};

/// A tree that grows and hands out its new tiles. It holds the right edge, less than 256 hashes a level, and the tiles
/// that were filled since they were last [taken](Self::take_tiles).
#[derive(Debug, Clone, Default)]
pub struct TileWriter {
    frontier: Frontier,
    /// The hashes of each level's last tile while it is partial.
    open: Vec<Vec<Hash>>,
    filled: Vec<Tile>,
    /// How large the tree was when tiles were last taken.
    taken: u64,
}

impl TileWriter {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tiles that [`Self::resume`] needs.
    #[must_use]
    pub fn tiles_to_resume(size: u64) -> BTreeSet<TileId> {
        edge(size).collect()
    }

    /// Goes on with a tree that is stored. The caller compares [`Self::root`] with the checkpoint's: tiles that were
    /// changed in the meantime lead to another.
    pub fn resume(size: u64, tiles: &TileSet) -> Result<Self, MissingNode> {
        let mut open = Vec::new();
        for id in edge(size) {
            open.resize(usize::from(id.level()), Vec::new());
            let hashes = (0..id.width()).map(|position| {
                let node = id.node(position);
                tiles.node(node).ok_or(MissingNode(node))
            });
            open.push(hashes.collect::<Result<_, _>>()?);
        }
        Ok(Self { frontier: Frontier::resume(size, tiles)?, open, filled: Vec::new(), taken: size })
    }

    /// Appends an entry's hash ([`Hash::leaf`]).
    pub fn append(&mut self, leaf: Hash) {
        self.frontier.append(leaf);
        self.push(0, leaf);
    }

    /// A hash at the end of a level. The hash over a tile that it fills goes to the level above.
    fn push(&mut self, level: u8, hash: Hash) {
        let at = usize::from(level);
        if self.open.len() <= at {
            self.open.resize(at + 1, Vec::with_capacity(usize::from(TILE_WIDTH)));
        }
        let Some(hashes) = self.open.get_mut(at) else { return };
        hashes.push(hash);
        if hashes.len() < usize::from(TILE_WIDTH) {
            return;
        }
        let hashes = std::mem::take(hashes);
        let span = u32::from(TILE_HEIGHT) * (u32::from(level) + 1);
        let index = (self.frontier.size() >> span) - 1;
        let Some(id) = TileId::of_tree(level, index, self.frontier.size()) else { return };
        let tile = Tile::new(id, hashes);
        let root = tile.root();
        self.filled.push(tile);
        self.push(level + 1, root);
    }

    /// The tiles that the tree did not have, in this form, when they were last taken: those of
    /// [`tiles_of_growth`](crate::tile::tiles_of_growth). They are to be stored before a checkpoint of this size is
    /// handed out.
    pub fn take_tiles(&mut self) -> Vec<Tile> {
        let size = self.size();
        let mut tiles = std::mem::take(&mut self.filled);
        for id in edge(size).filter(|id| TileId::of_tree(id.level(), id.index(), self.taken) != Some(*id)) {
            if let Some(hashes) = self.open.get(usize::from(id.level())) {
                tiles.push(Tile::new(id, hashes.clone()));
            }
        }
        self.taken = size;
        tiles
    }

    /// How many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::{tiles_of, tiles_of_growth};
    use crate::tree::root;
    use crate::tree::tests::leaves;

    #[test]
    fn each_batch_makes_the_tiles_of_its_growth() {
        let tree = leaves(70_000);
        let mut writer = TileWriter::new();
        let mut stored = TileSet::new();
        let mut old = 0;
        for new in [1, 2, 255, 256, 257, 257, 300, 1024, 65_535, 65_536, 65_537, 66_000, 70_000] {
            for index in old..new {
                writer.append(tree.0[index]);
            }
            let tiles = writer.take_tiles();
            let ids: BTreeSet<TileId> = tiles.iter().map(Tile::id).collect();
            assert_eq!(ids.len(), tiles.len());
            assert_eq!(ids, tiles_of_growth(old as u64, new as u64).collect(), "{old} to {new}");
            for tile in tiles {
                stored.insert(tile);
            }
            assert_eq!(root(new as u64, &stored), Ok(writer.root()), "{new}");
            old = new;
        }
        assert_eq!(writer.root(), root(70_000, &tree).unwrap());
    }

    #[test]
    fn a_writer_that_resumes_goes_on_where_it_stopped() {
        let tree = leaves(66_100);
        for size in [0, 1, 255, 256, 257, 511, 512, 65_536, 65_600] {
            let mut first = TileWriter::new();
            tree.0[..size].iter().for_each(|leaf| first.append(*leaf));
            let all: Vec<Tile> = first.take_tiles();
            assert_eq!(all.len(), tiles_of(size as u64).count());
            let wanted = TileWriter::tiles_to_resume(size as u64);
            let edge = all.into_iter().filter(|tile| wanted.contains(&tile.id())).collect();
            let mut second = TileWriter::resume(size as u64, &edge).unwrap();
            assert_eq!(second.root(), first.root());
            for leaf in &tree.0[size..size + 500] {
                first.append(*leaf);
                second.append(*leaf);
            }
            assert_eq!((second.root(), second.size()), (first.root(), first.size()));
            let by_id = |mut tiles: Vec<Tile>| {
                tiles.sort_by_key(Tile::id);
                tiles
            };
            assert_eq!(by_id(second.take_tiles()), by_id(first.take_tiles()));
        }
    }

    #[test]
    fn without_its_edge_no_tree_is_resumed() {
        assert!(TileWriter::resume(300, &TileSet::new()).is_err());
        assert_eq!(TileWriter::resume(0, &TileSet::new()).unwrap().root(), Hash::EMPTY);
    }
}
