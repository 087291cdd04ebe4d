//! Inclusion proofs: this entry is in that tree, at this place (RFC 6962 §2.1.1, RFC 9162 §2.1.3).

use std::ops::Range;

use super::{MissingNode, Node, Nodes, ProofError, perfect_subtrees, range_hash, split};
use crate::hash::Hash;

/// The nodes that a proof is made of; none of them if the index lies outside of the tree.
#[must_use]
pub fn nodes(index: u64, size: u64) -> Vec<Node> {
    ranges(index, size).into_iter().flat_map(perfect_subtrees).collect()
}

/// The proof: one hash a level, from the leaf's sibling up to the root's child. It is empty for a tree of one leaf, and
/// where the index lies outside of the tree, which no verification believes.
pub fn prove(index: u64, size: u64, nodes: &impl Nodes) -> Result<Vec<Hash>, MissingNode> {
    ranges(index, size).into_iter().map(|range| range_hash(range, nodes)).collect()
}

/// PATH of RFC 6962 §2.1.1: at every split the half that the entry is not in.
fn ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    let mut inside = 0..size;
    while index < size && inside.end - inside.start > 1 {
        let middle = inside.start + split(inside.end - inside.start);
        if index < middle {
            path.push(middle..inside.end);
            inside.end = middle;
        } else {
            path.push(inside.start..middle);
            inside.start = middle;
        }
    }
    path.reverse();
    path
}

/// Does the proof lead from this leaf to this root? The algorithm of RFC 9162 §2.1.3.2, which shares nothing with the
/// making of proofs above.
pub fn verify(index: u64, size: u64, leaf: Hash, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut at, mut last) = (index, size - 1);
    let mut reached = leaf;
    for hash in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            reached = Hash::node(*hash, reached);
            // A node without a right sibling is its own parent, until it is a right child.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            reached = Hash::node(reached, *hash);
        }
        at >>= 1;
        last >>= 1;
    }
    match last {
        0 if reached == root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root;
    use super::super::tests::{ENTRIES, Leaves, ROOTS, hash, hex, leaves};
    use super::*;

    /// Proofs in the well-known tree: index, size, hashes.
    const VECTORS: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];

    #[test]
    fn the_well_known_tree_has_its_well_known_proofs() {
        let tree = Leaves(ENTRIES.iter().map(|entry| Hash::leaf(&hex(entry))).collect());
        for (index, size, hashes) in VECTORS {
            let expected: Vec<Hash> = hashes.iter().map(|text| hash(text)).collect();
            assert_eq!(prove(index, size, &tree).unwrap(), expected, "{index} in {size}");
            let at = |number: u64| usize::try_from(number).unwrap();
            let root = hash(ROOTS[at(size) - 1]);
            assert_eq!(verify(index, size, tree.0[at(index)], &expected, root), Ok(()));
        }
    }

    #[test]
    fn a_proof_shows_one_entry_at_one_place_in_one_tree() {
        let tree = leaves(40);
        for size in 1..=40 {
            let root = root(size, &tree).unwrap();
            for index in 0..size {
                let leaf = tree.0[usize::try_from(index).unwrap()];
                let proof = prove(index, size, &tree).unwrap();
                assert_eq!(verify(index, size, leaf, &proof, root), Ok(()));
                assert!(verify(index, size, Hash::leaf(b"other"), &proof, root).is_err());
                assert!(verify(index, size, leaf, &proof, Hash::EMPTY).is_err());
                for elsewhere in (0..size + 2).filter(|elsewhere| *elsewhere != index) {
                    assert!(verify(elsewhere, size, leaf, &proof, root).is_err(), "{index} as {elsewhere} in {size}");
                }
            }
        }
    }

    #[test]
    fn a_hash_too_many_and_a_hash_too_few_are_errors_of_length() {
        let tree = leaves(40);
        for size in 1..=40 {
            let root = root(size, &tree).unwrap();
            for index in 0..size {
                let leaf = tree.0[usize::try_from(index).unwrap()];
                let mut proof = prove(index, size, &tree).unwrap();
                proof.push(Hash::EMPTY);
                assert_eq!(verify(index, size, leaf, &proof, root), Err(ProofError::Length));
                proof.pop();
                if proof.pop().is_some() {
                    assert_eq!(verify(index, size, leaf, &proof, root), Err(ProofError::Length));
                }
            }
        }
    }

    #[test]
    fn nothing_is_in_the_tree_beyond_its_end() {
        assert_eq!(prove(3, 3, &leaves(3)), Ok(vec![]));
        assert_eq!(verify(3, 3, Hash::EMPTY, &[], Hash::EMPTY), Err(ProofError::OutOfRange));
        assert_eq!(verify(0, 0, Hash::EMPTY, &[], Hash::EMPTY), Err(ProofError::OutOfRange));
    }
}
