//! Entry bundles: the entries themselves, 256 at a time, beside the level-0 tile with their hashes (C2SP tlog-tiles).
//!
//! An entry stands behind its length, two bytes, big-endian, and so has 65,535 bytes at most. The encoder of events
//! keeps far below (`crate::event`); a longer one is refused here and never cut: its hash would be that of something
//! else.
//!
//! An entry whose time is over may be *pruned*: it stands in its bundle with length zero, its hash stays in the
//! level-0 tile, and all that is above stays provable. No real entry is empty, so the two cannot be taken for one another.
//! A bundle always tells of as many entries as its tile has hashes.

use std::fmt;

use crate::tile::{TILE_WIDTH, TileId, parse_place, place};

/// The longest entry: what two bytes can tell.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// The longest bundle. Whoever reads one from outside need not take in more.
pub const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (2 + ENTRY_BYTES_MAX);

/// One bundle: its index, and how many entries it tells of. Both are those of its level-0 tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundleId {
    index: u64,
    width: u16,
}

impl BundleId {
    /// The bundle of this index as it is in a tree of this size; none if such a tree does not reach so far.
    #[must_use]
    pub fn of_tree(index: u64, size: u64) -> Option<Self> {
        TileId::of_tree(0, index, size).and_then(Self::beside)
    }

    /// The bundle with the entries whose hashes a tile holds; none if it is not of level 0.
    #[must_use]
    pub fn beside(tile: TileId) -> Option<Self> {
        (tile.level() == 0).then(|| Self { index: tile.index(), width: tile.width() })
    }

    /// Which one it is, from the left.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many entries it tells of: 1 to 256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// The index of its first entry.
    #[must_use]
    pub fn first_entry(self) -> u64 {
        self.index * u64::from(TILE_WIDTH)
    }

    /// Reads what [`fmt::Display`] writes, and nothing else.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (index, width) = parse_place(path.strip_prefix("tile/entries/")?)?;
        let id = Self { index, width };
        (id.to_string() == path).then_some(id)
    }
}

/// The path of a bundle: `tile/entries/x001/234`, and `tile/entries/x001/234.p/5` for a partial one.
impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/entries/{}", place(self.index, self.width))
    }
}

/// Every bundle of a tree, left to right.
pub fn bundles_of(size: u64) -> impl Iterator<Item = BundleId> {
    (0..size.div_ceil(u64::from(TILE_WIDTH))).filter_map(move |index| BundleId::of_tree(index, size))
}

/// One entry of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The bytes whose hash the tree holds.
    Kept(&'a [u8]),
    /// It was removed when its time was over; only its hash is left.
    Pruned,
}

/// An entry that no bundle can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Longer than [`ENTRY_BYTES_MAX`].
    #[error("an entry of {0} bytes is too long: 65,535 is the most")]
    TooLong(usize),
    /// Nothing at all: that is how a pruned entry is written.
    #[error("an entry without bytes cannot be told from one that was pruned")]
    Empty,
}

/// Appends an entry to a bundle's bytes.
pub fn push(bundle: &mut Vec<u8>, entry: Entry<'_>) -> Result<(), EntryError> {
    let bytes = match entry {
        Entry::Kept([]) => return Err(EntryError::Empty),
        Entry::Kept(bytes) => bytes,
        Entry::Pruned => &[],
    };
    let length = u16::try_from(bytes.len()).map_err(|_| EntryError::TooLong(bytes.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(bytes);
    Ok(())
}

/// The rest of a bundle is no whole entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bundle ends in the middle of an entry")]
pub struct BundleCut;

/// Reads a bundle's entries one after the other, to its last byte; nothing follows a cut one.
pub fn entries(bundle: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, BundleCut>> {
    let mut rest = bundle;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = rest.split_first_chunk().and_then(|(length, behind)| {
            let length = usize::from(u16::from_be_bytes(*length));
            behind.split_at_checked(length)
        });
        let Some((entry, behind)) = split else {
            rest = &[];
            return Some(Err(BundleCut));
        };
        rest = behind;
        Some(Ok(if entry.is_empty() { Entry::Pruned } else { Entry::Kept(entry) }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_tlog_tiles() {
        for (path, index, width) in [
            ("tile/entries/000", 0, 256),
            ("tile/entries/x001/234", 1234, 256),
            ("tile/entries/x001/x234/067.p/5", 1_234_067, 5),
        ] {
            assert_eq!(BundleId { index, width }.to_string(), path);
            assert_eq!(BundleId::parse(path), Some(BundleId { index, width }));
        }
        for bad in ["tile/0/000", "tile/entries/0", "tile/entries/000.p/256", "tile/entries/x000/000", "entries/000"] {
            assert_eq!(BundleId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tree_has_a_bundle_beside_each_tile_of_entries() {
        let bundles: Vec<BundleId> = bundles_of(600).collect();
        let of = |index, width| BundleId { index, width };
        assert_eq!(bundles, [of(0, 256), of(1, 256), of(2, 88)]);
        assert_eq!(bundles_of(512).count(), 2);
        assert_eq!(bundles_of(0).count(), 0);
        assert_eq!(of(2, 88).first_entry(), 512);
    }

    #[test]
    fn the_bytes_of_a_bundle_are_pinned() {
        let mut bundle = Vec::new();
        push(&mut bundle, Entry::Kept(b"{}")).unwrap();
        push(&mut bundle, Entry::Pruned).unwrap();
        push(&mut bundle, Entry::Kept(&[7; 258])).unwrap();
        let expected = [b"\0\x02{}\0\0\x01\x02".as_slice(), &[7; 258]].concat();
        assert_eq!(bundle, expected);
        let read: Vec<_> = entries(&bundle).collect();
        assert_eq!(read, [Ok(Entry::Kept(b"{}")), Ok(Entry::Pruned), Ok(Entry::Kept(&[7; 258]))]);
        assert_eq!(entries(&[]).count(), 0);
    }

    #[test]
    fn an_entry_that_cannot_be_told_is_refused_and_leaves_nothing() {
        let mut bundle = Vec::new();
        let long = vec![0; ENTRY_BYTES_MAX + 1];
        assert_eq!(push(&mut bundle, Entry::Kept(&long)), Err(EntryError::TooLong(65_536)));
        assert_eq!(push(&mut bundle, Entry::Kept(&[])), Err(EntryError::Empty));
        assert!(bundle.is_empty());
        assert_eq!(push(&mut bundle, Entry::Kept(&long[1..])), Ok(()));
    }

    #[test]
    fn a_bundle_that_ends_in_an_entry_says_so_once() {
        for cut in [&b"\0"[..], b"\0\x02{", b"\0\x02{}\0", b"\0\x02{}\0\x01"] {
            let read: Vec<_> = entries(cut).collect();
            assert_eq!(read.iter().filter(|entry| entry.is_err()).count(), 1, "{cut:?}");
            assert_eq!(read.last(), Some(&Err(BundleCut)), "{cut:?}");
        }
    }
}
