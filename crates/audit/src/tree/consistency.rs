//! Consistency proofs: the older tree is the beginning of the newer one (RFC 6962 §2.1.2, RFC 9162 §2.1.4).

use std::ops::Range;

use super::{MissingNode, Node, Nodes, ProofError, perfect_subtrees, range_hash, split};
use crate::hash::Hash;

/// The nodes that a proof is made of.
#[must_use]
pub fn nodes(old: u64, new: u64) -> Vec<Node> {
    ranges(old, new).into_iter().flat_map(perfect_subtrees).collect()
}

/// The proof. It is empty from a tree to itself and from the tree without leaves; and where the older tree is larger
/// than the newer, which no verification believes.
pub fn prove(old: u64, new: u64, nodes: &impl Nodes) -> Result<Vec<Hash>, MissingNode> {
    ranges(old, new).into_iter().map(|range| range_hash(range, nodes)).collect()
}

/// SUBPROOF of RFC 6962 §2.1.2: at every split the half in which the older tree does not end, down to the last perfect
/// subtree of the older tree; that one too, unless it is the older tree itself, whose root the asker has.
fn ranges(old: u64, new: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return path;
    }
    let mut inside = 0..new;
    while inside.end != old {
        let middle = inside.start + split(inside.end - inside.start);
        if old <= middle {
            path.push(middle..inside.end);
            inside.end = middle;
        } else {
            path.push(inside.start..middle);
            inside.start = middle;
        }
    }
    if inside.start != 0 {
        path.push(inside);
    }
    path.reverse();
    path
}

/// Does the proof lead to both roots? The algorithm of RFC 9162 §2.1.4.2, which shares nothing with the making of proofs
/// above. Every tree begins with the tree without leaves, whose root must then be [`Hash::EMPTY`].
pub fn verify(old: u64, old_root: Hash, new: u64, new_root: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == new || old == 0 {
        let expected = if old == new { new_root } else { Hash::EMPTY };
        return match proof {
            [] if old_root == expected => Ok(()),
            [] => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    let mut hashes = proof.iter().copied();
    // An older tree that is perfect is where its own proof begins.
    let first = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let first = first.ok_or(ProofError::Length)?;
    let shift = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_reached, mut new_reached) = (first, first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            old_reached = Hash::node(hash, old_reached);
            new_reached = Hash::node(hash, new_reached);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_reached = Hash::node(new_reached, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    match last {
        0 if old_reached == old_root && new_reached == new_root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root;
    use super::super::tests::{ENTRIES, Leaves, ROOTS, hash, hex, leaves};
    use super::*;

    /// Proofs in the well-known tree: from, to, hashes.
    const VECTORS: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];

    #[test]
    fn the_well_known_tree_has_its_well_known_proofs() {
        let tree = Leaves(ENTRIES.iter().map(|entry| Hash::leaf(&hex(entry))).collect());
        let root = |size: u64| hash(ROOTS[usize::try_from(size).unwrap() - 1]);
        for (old, new, hashes) in VECTORS {
            let expected: Vec<Hash> = hashes.iter().map(|text| hash(text)).collect();
            assert_eq!(prove(old, new, &tree).unwrap(), expected, "{old} to {new}");
            assert_eq!(verify(old, root(old), new, root(new), &expected), Ok(()));
        }
    }

    #[test]
    fn a_proof_shows_one_growth() {
        let tree = leaves(40);
        let root = |size| root(size, &tree).unwrap();
        for new in 1..=40 {
            for old in 1..=new {
                let mut proof = prove(old, new, &tree).unwrap();
                assert_eq!(verify(old, root(old), new, root(new), &proof), Ok(()), "{old} to {new}");
                assert!(verify(old, Hash::EMPTY, new, root(new), &proof).is_err());
                assert!(verify(old, root(old), new, Hash::EMPTY, &proof).is_err());
                proof.push(Hash::EMPTY);
                assert_eq!(verify(old, root(old), new, root(new), &proof), Err(ProofError::Length));
                proof.pop();
                if proof.pop().is_some() {
                    assert_eq!(verify(old, root(old), new, root(new), &proof), Err(ProofError::Length));
                }
            }
        }
    }

    #[test]
    fn nothing_is_the_beginning_of_everything_and_nothing_shrinks() {
        let tree = leaves(3);
        let whole = root(3, &tree).unwrap();
        assert_eq!(prove(0, 3, &tree), Ok(vec![]));
        assert_eq!(verify(0, Hash::EMPTY, 3, whole, &[]), Ok(()));
        assert_eq!(verify(0, whole, 3, whole, &[]), Err(ProofError::Root));
        assert_eq!(verify(0, Hash::EMPTY, 3, whole, &[whole]), Err(ProofError::Length));
        assert_eq!(verify(3, whole, 2, root(2, &tree).unwrap(), &[]), Err(ProofError::OutOfRange));
    }
}
