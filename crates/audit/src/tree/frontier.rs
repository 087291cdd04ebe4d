//! [`Frontier`]: a tree that only grows, in the memory of its right edge.

use super::{MissingNode, Nodes, fold, peaks};
use crate::hash::Hash;

/// The perfect subtrees that a tree of this size consists of, largest first: all that is needed to append, and to
/// tell the root. Never more than 63 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of this size whose peaks (see [`peaks`]) are known.
    pub fn resume(size: u64, nodes: &impl Nodes) -> Result<Self, MissingNode> {
        let hashes = peaks(size).into_iter().map(|node| nodes.node(node).ok_or(MissingNode(node)));
        Ok(Self { size, peaks: hashes.collect::<Result<_, _>>()? })
    }

    /// Appends a leaf. Each second leaf joins the one before, each fourth the two before, and so on: one hash a leaf
    /// in the long run, as many as there are peaks at worst.
    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = Hash::node(left, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.peaks)
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::new();
        leaves.into_iter().for_each(|leaf| frontier.append(leaf));
        frontier
    }
}

#[cfg(test)]
mod tests {
    use super::super::{root, tests::leaves};
    use super::*;

    #[test]
    fn a_tree_that_grows_has_the_root_of_the_whole_at_every_size() {
        let tree = leaves(600);
        let mut frontier = Frontier::new();
        for (size, leaf) in (0..).zip(&tree.0) {
            assert_eq!((frontier.size(), frontier.root()), (size, root(size, &tree).unwrap()));
            assert_eq!(Frontier::resume(size, &tree), Ok(frontier.clone()));
            frontier.append(*leaf);
        }
    }
}
