//! Against `ct-merkle`, an implementation of RFC 6962 that is not ours.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use pli_audit::tree::{MissingNode, consistency, inclusion};
use pli_audit::{Frontier, Hash, TileSet, TileWriter};
use sha2::Sha256;

use super::support::Dice;

/// The same tree in both implementations.
struct Both {
    theirs: MemoryBackedTree<Sha256, Vec<u8>>,
    frontier: Frontier,
    writer: TileWriter,
    tiles: TileSet,
    roots: Vec<Hash>,
}

impl Both {
    fn new() -> Self {
        Self {
            theirs: MemoryBackedTree::new(),
            frontier: Frontier::new(),
            writer: TileWriter::new(),
            tiles: TileSet::new(),
            roots: vec![Hash::EMPTY],
        }
    }

    fn leaf(index: u64) -> Vec<u8> {
        format!("entry {index}").into_bytes()
    }

    fn grow(&mut self) {
        let leaf = Self::leaf(self.frontier.size());
        self.frontier.append(Hash::leaf(&leaf));
        self.writer.append(Hash::leaf(&leaf));
        for tile in self.writer.take_tiles() {
            self.tiles.insert(tile);
        }
        self.theirs.push(leaf);
        self.roots.push(self.frontier.root());
    }

    fn size(&self) -> u64 {
        self.frontier.size()
    }

    fn roots_agree(&self) {
        let theirs = self.theirs.root();
        assert_eq!(self.frontier.root().as_bytes(), theirs.as_bytes().as_slice(), "{}", self.size());
        assert_eq!(self.writer.root(), self.frontier.root());
    }

    fn inclusion_agrees(&self, index: u64) {
        let (size, root) = (self.size(), self.frontier.root());
        let proof = inclusion::prove(index, size, &self.tiles).unwrap();
        let theirs = self.theirs.prove_inclusion(usize::try_from(index).unwrap());
        assert_eq!(bytes(&proof), theirs.as_bytes(), "{index} in {size}");
        assert_eq!(inclusion::verify(index, size, Hash::leaf(&Self::leaf(index)), &proof, root), Ok(()));
    }

    /// From a size that is not 0, for which the other implementation has no proof.
    fn consistency_agrees(&self, old: u64) {
        let (new, root) = (self.size(), self.frontier.root());
        let proof = consistency::prove(old, new, &self.tiles).unwrap();
        let theirs = self.theirs.prove_consistency(usize::try_from(new - old).unwrap());
        assert_eq!(bytes(&proof), theirs.as_bytes(), "{old} to {new}");
        let old_root = self.roots[usize::try_from(old).unwrap()];
        assert_eq!(consistency::verify(old, old_root, new, root, &proof), Ok(()));
    }
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn small_trees_agree_at_every_size() {
    let (mut both, mut dice) = (Both::new(), Dice(1));
    both.roots_agree();
    for size in 1..=600_u64 {
        both.grow();
        both.roots_agree();
        let some = dice.below(both.roots.len() - 1) as u64;
        for index in [0, size / 2, some, size - 1] {
            both.inclusion_agrees(index);
            both.consistency_agrees(index + 1);
        }
    }
}

#[test]
fn large_trees_agree_at_random_sizes() {
    let (mut both, mut dice) = (Both::new(), Dice(2));
    for _ in 0..25 {
        for _ in 0..=dice.below(500) {
            both.grow();
        }
        both.roots_agree();
        for _ in 0..10 {
            let index = dice.below(both.roots.len() - 1) as u64;
            both.inclusion_agrees(index);
            both.consistency_agrees(index + 1);
        }
    }
    assert!(both.size() > 3000);
}

#[test]
fn without_a_tile_there_is_no_proof() {
    let missing: Result<_, MissingNode> = inclusion::prove(0, 600, &TileSet::new());
    assert!(missing.is_err());
}
