//! Tiles: the tree's hashes as they are stored and handed out (C2SP tlog-tiles).
//!
//! A tile of level L holds up to 256 neighbouring nodes of height 8 · L; what lies between two levels is computed from
//! the lower one. A full tile never changes. The last tile of a level is *partial* until it is full, and a partial tile
//! of another width is another resource with another path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::hash::Hash;
use crate::tree::{self, Frontier, Node, Nodes, SIZE_MAX};

/// How many levels of the tree lie between two levels of tiles.
pub const TILE_HEIGHT: u8 = 8;

/// How many hashes a full tile holds, and how many entries a full bundle.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// The highest level that the largest tree has.
const LEVEL_MAX: u8 = 63 / TILE_HEIGHT;

/// One tile: its level, its index in the level, and how many hashes it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

impl TileId {
    /// The tile of this level and index as it is in a tree of this size; none if such a tree does not reach so far.
    #[must_use]
    pub fn of_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = hashes_in_level(level, size);
        let rest = hashes.checked_sub(index.checked_mul(u64::from(TILE_WIDTH))?).filter(|rest| *rest > 0)?;
        Some(Self { level, index, width: u16::try_from(rest).unwrap_or(TILE_WIDTH).min(TILE_WIDTH) })
    }

    /// The level: 0 holds the hashes of entries.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// Which one of its level, from the left.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it holds: 1 to 256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Does it hold 256 hashes?
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::from(self.width) * Hash::BYTES
    }

    /// The first entry below it.
    #[must_use]
    pub fn first_entry(self) -> u64 {
        self.index << (TILE_HEIGHT * (self.level + 1)).min(63)
    }

    /// The node whose hash stands at this position.
    #[must_use]
    pub fn node(self, position: u16) -> Node {
        let index = self.index * u64::from(TILE_WIDTH) + u64::from(position);
        Node { level: self.level * TILE_HEIGHT, index }
    }

    /// The full tile whose hash stands at this position; none in a tile of level 0, whose hashes are those of entries.
    #[must_use]
    pub fn below(self, position: u16) -> Option<Self> {
        Some(Self { level: self.level.checked_sub(1)?, index: self.node(position).index, width: TILE_WIDTH })
    }

    /// Which hashes of it a node is made of, if the node can be computed from it: where to begin, and how many.
    fn span(self, node: Node) -> Option<(usize, usize)> {
        let above = node.level.checked_sub(self.level * TILE_HEIGHT).filter(|above| *above < TILE_HEIGHT)?;
        let start = (node.index << above).checked_sub(self.index * u64::from(TILE_WIDTH))?;
        let (start, count) = (usize::try_from(start).ok()?, 1 << above);
        (start + count <= usize::from(self.width)).then_some((start, count))
    }

    /// The tile from which a node is computed, in a tree of this size.
    fn holding(node: Node, size: u64) -> Option<Self> {
        let above = node.level % TILE_HEIGHT;
        Self::of_tree(node.level / TILE_HEIGHT, (node.index << above) / u64::from(TILE_WIDTH), size)
    }

    /// Reads what [`fmt::Display`] writes, and nothing else.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let (index, width) = parse_place(rest)?;
        let id = Self { level: level.parse().ok().filter(|level| *level <= LEVEL_MAX)?, index, width };
        (id.to_string() == path).then_some(id)
    }
}

/// The path of a tile: `tile/0/x001/234`, and `tile/0/x001/234.p/5` for a partial one.
impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/{}", self.level, place(self.index, self.width))
    }
}

/// How many hashes a tree of this size has in a level of tiles.
fn hashes_in_level(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

/// The end of a path: the index in groups of three digits, all but the last with an `x`, and the width of what is
/// partial.
pub(crate) fn place(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width == TILE_WIDTH { path } else { format!("{path}.p/{width}") }
}

/// Reads leniently; whoever calls it compares what he would have written.
pub(crate) fn parse_place(path: &str) -> Option<(u64, u16)> {
    let (index, width) = match path.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (path, TILE_WIDTH),
    };
    let mut number: u64 = 0;
    for group in index.split('/') {
        let digits: u64 = group.trim_start_matches('x').parse().ok().filter(|digits| *digits < 1000)?;
        number = number.checked_mul(1000)?.checked_add(digits)?;
    }
    // Beyond it no tree reaches, and a number times the width must stay one.
    (number <= SIZE_MAX / u64::from(TILE_WIDTH)).then_some((number, width))
}

/// Every tile that a tree has which it did not have when it was smaller, in this form: level by level, left to right.
/// Before a checkpoint of the new size is handed out, these must be stored.
pub fn tiles_of_growth(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    (0..=LEVEL_MAX).flat_map(move |level| {
        let (before, after) = (hashes_in_level(level, old), hashes_in_level(level, new));
        let width = u64::from(TILE_WIDTH);
        let tiles = if after > before { before / width..after.div_ceil(width) } else { 0..0 };
        tiles.filter_map(move |index| TileId::of_tree(level, index, new))
    })
}

/// Every tile of a tree: level by level, left to right.
pub fn tiles_of(size: u64) -> impl Iterator<Item = TileId> {
    tiles_of_growth(0, size)
}

/// The tiles of a tree of this size from which these nodes are computed, each once.
#[must_use]
pub fn tiles_for(nodes: &[Node], size: u64) -> BTreeSet<TileId> {
    nodes.iter().filter_map(|node| TileId::holding(*node, size)).collect()
}

/// A tile and its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    id: TileId,
    hashes: Vec<Hash>,
}

/// A tile that is longer or shorter than its width tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{id} has {found} bytes instead of {}", id.bytes())]
pub struct TileLength {
    /// Which one.
    pub id: TileId,
    /// How many bytes there are.
    pub found: usize,
}

impl Tile {
    /// A tile with the hashes that its id tells of.
    pub(crate) fn new(id: TileId, hashes: Vec<Hash>) -> Self {
        debug_assert_eq!(hashes.len(), usize::from(id.width), "a tile is as wide as it says");
        Self { id, hashes }
    }

    /// Reads a tile. Whether its hashes are right is another question (`crate::verify`).
    pub fn decode(id: TileId, bytes: &[u8]) -> Result<Self, TileLength> {
        let (hashes, rest) = bytes.as_chunks::<{ Hash::BYTES }>();
        if bytes.len() != id.bytes() || !rest.is_empty() {
            return Err(TileLength { id, found: bytes.len() });
        }
        Ok(Self { id, hashes: hashes.iter().copied().map(Hash::from_bytes).collect() })
    }

    /// The bytes that are stored and handed out: the hashes, one after the other.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> TileId {
        self.id
    }

    /// Its hashes, left to right.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The hash over all of it. That of a full tile stands in the tile above.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.hashes.iter().copied().collect::<Frontier>().root()
    }

    /// The roots of the perfect subtrees that it consists of, left to right. Those of the tiles of a tree's right edge,
    /// the highest level first, are the [peaks](tree::peaks) of the tree.
    pub fn peaks(&self) -> impl Iterator<Item = Hash> {
        tree::peaks(self.hashes.len() as u64)
            .into_iter()
            .filter_map(|Node { level, index }| self.span_root(usize::try_from(index << level).ok()?, 1 << level))
    }

    fn span_root(&self, start: usize, count: usize) -> Option<Hash> {
        Some(self.hashes.get(start..start + count)?.iter().copied().collect::<Frontier>().root())
    }
}

/// The nodes from the tile's own level up to below the next one.
impl Nodes for Tile {
    fn node(&self, node: Node) -> Option<Hash> {
        let (start, count) = self.id.span(node)?;
        self.span_root(start, count)
    }
}

/// Some tiles of one tree, from which its nodes are computed.
#[derive(Debug, Clone, Default)]
pub struct TileSet(BTreeMap<(u8, u64), Tile>);

impl TileSet {
    /// A set without tiles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a tile in. Of two widths of one tile the later one stays.
    pub fn insert(&mut self, tile: Tile) {
        self.0.insert((tile.id.level, tile.id.index), tile);
    }
}

impl FromIterator<Tile> for TileSet {
    fn from_iter<I: IntoIterator<Item = Tile>>(tiles: I) -> Self {
        Self(tiles.into_iter().map(|tile| ((tile.id.level, tile.id.index), tile)).collect())
    }
}

impl Nodes for TileSet {
    fn node(&self, node: Node) -> Option<Hash> {
        let id = TileId::holding(node, SIZE_MAX)?;
        self.0.get(&(id.level, id.index))?.node(node)
    }
}

/// The partial tiles of a tree's right edge, from level 0 up: what is needed to go on, and what its root is made of.
#[must_use]
pub fn edge(size: u64) -> impl DoubleEndedIterator<Item = TileId> {
    (0..=LEVEL_MAX).filter_map(move |level| {
        let hashes = hashes_in_level(level, size);
        TileId::of_tree(level, hashes / u64::from(TILE_WIDTH), size)
    })
}

#[cfg(test)]
mod tests;
