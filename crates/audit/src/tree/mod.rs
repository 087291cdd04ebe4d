//! The Merkle tree of RFC 6962 §2.1 over the record's entries.
//!
//! Every hash that a root or a proof consists of is the hash of a range of leaves, and every such range is a row of
//! perfect subtrees, [`Node`]s, which are what is stored. So a proof is told first (which ranges), then looked up
//! (which nodes), then computed; only the looking up needs the store, and whoever asks for a proof can fetch the
//! tiles for it beforehand (`crate::tile`).

pub mod consistency;
mod frontier;
pub mod inclusion;

use std::ops::Range;

pub use frontier::Frontier;

use crate::hash::Hash;

/// The largest tree: databases and the Go implementations count in signed 64 bits.
pub const SIZE_MAX: u64 = u64::MAX >> 1;

/// A perfect subtree: the 2^level leaves from index · 2^level on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its height: 0 is a leaf. Below 64.
    pub level: u8,
    /// Which one of its level, from the left.
    pub index: u64,
}

/// Where hashes of stored nodes are looked up.
pub trait Nodes {
    /// The node's hash, if it is there.
    fn node(&self, node: Node) -> Option<Hash>;
}

/// A node that is needed and not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of node {} of level {} is not there", .0.index, .0.level)]
pub struct MissingNode(pub Node);

/// A proof that does not show what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The question has no answer: an index outside of the tree, or a smaller tree after a larger one.
    #[error("an entry or a tree of that number is not part of a tree of that size")]
    OutOfRange,
    /// A proof for these numbers has more hashes, or fewer.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The root of the first `size` leaves.
pub fn root(size: u64, nodes: &impl Nodes) -> Result<Hash, MissingNode> {
    range_hash(0..size, nodes)
}

/// The nodes of the first `size` leaves, left to right: what is kept to go on appending, and what their root is made
/// of.
#[must_use]
pub fn peaks(size: u64) -> Vec<Node> {
    perfect_subtrees(0..size)
}

/// The hash of a range as RFC 6962 cuts it: it begins at a multiple of the smallest power of two that holds it.
fn range_hash(range: Range<u64>, nodes: &impl Nodes) -> Result<Hash, MissingNode> {
    let hashes = perfect_subtrees(range).into_iter().map(|node| nodes.node(node).ok_or(MissingNode(node)));
    Ok(fold(&hashes.collect::<Result<Vec<_>, _>>()?))
}

/// The hash over neighbouring perfect subtrees, higher ones first: the last two become one, and so on to the left.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    hashes.iter().rev().copied().reduce(|right, left| Hash::node(left, right)).unwrap_or(Hash::EMPTY)
}

fn perfect_subtrees(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = range.start;
    while let Some(level) = range.end.saturating_sub(at).checked_ilog2() {
        // An exponent of a u64 is below 64.
        nodes.push(Node { level: u8::try_from(level).unwrap_or(u8::MAX), index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// Where RFC 6962 §2.1 splits a range of `length` leaves, two or more: the largest power of two below it.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// All leaves in memory, their subtrees computed anew each time.
    pub(crate) struct Leaves(pub(crate) Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&self, node: Node) -> Option<Hash> {
            let start = usize::try_from(node.index << node.level).ok()?;
            let leaves = self.0.get(start..start + (1 << node.level))?;
            Some(plain_root(leaves))
        }
    }

    /// The definition of RFC 6962 §2.1, word for word.
    pub(crate) fn plain_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY,
            [one] => *one,
            more => {
                let (left, right) = more.split_at(usize::try_from(split(more.len() as u64)).unwrap());
                Hash::node(plain_root(left), plain_root(right))
            }
        }
    }

    pub(crate) fn leaves(count: u64) -> Leaves {
        Leaves((0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect())
    }

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        text.as_bytes().chunks(2).map(pair).collect()
    }

    pub(crate) fn hash(text: &str) -> Hash {
        Hash::from_bytes(hex(text).try_into().unwrap())
    }

    /// The eight entries on which implementations of RFC 6962 are tested since the first one, and their roots.
    pub(crate) const ENTRIES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    pub(crate) const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_well_known_tree_has_its_well_known_roots() {
        let tree = Leaves(ENTRIES.iter().map(|entry| Hash::leaf(&hex(entry))).collect());
        assert_eq!(root(0, &tree), Ok(Hash::EMPTY));
        for (size, expected) in (1..).zip(ROOTS) {
            assert_eq!(root(size, &tree), Ok(hash(expected)), "{size}");
        }
    }

    #[test]
    fn a_root_is_that_of_the_definition() {
        let tree = leaves(300);
        for size in 0..=300 {
            assert_eq!(root(size, &tree), Ok(plain_root(&tree.0[..usize::try_from(size).unwrap()])), "{size}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert_eq!(root(6, &leaves(5)), Err(MissingNode(Node { level: 1, index: 2 })));
    }

    #[test]
    fn the_largest_tree_has_sixty_three_peaks() {
        let nodes = peaks(SIZE_MAX);
        assert_eq!(nodes.len(), 63);
        assert_eq!(nodes.first(), Some(&Node { level: 62, index: 0 }));
        assert_eq!(nodes.last(), Some(&Node { level: 0, index: SIZE_MAX - 1 }));
    }
}
