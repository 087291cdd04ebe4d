//! Whatever is read: it is refused, or it is what would have been written. Nothing else is taken for the same thing.

use pli_audit::bundle::entries;
use pli_audit::tree::{consistency, inclusion};
use pli_audit::{BundleId, Checkpoint, Hash, Note, Proof, SignedCheckpoint, TileId};
use proptest::prelude::*;

use super::support::{key, signed};

/// A valid text with some bytes of it exchanged, taken out or put in.
fn nearly(valid: String) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..2_usize, prop::collection::vec(any::<u8>(), 0..2));
    prop::collection::vec(edit, 1..3).prop_map(move |edits| {
        let mut bytes = valid.clone().into_bytes();
        for (at, away, instead) in edits {
            let at = at.index(bytes.len());
            bytes.splice(at..(at + away).min(bytes.len()), instead);
        }
        bytes
    })
}

fn checkpoint() -> SignedCheckpoint {
    signed(1, Hash::leaf(b"entry"), &key(7))
}

fn proof() -> String {
    Proof::new(0, vec![Hash::EMPTY], &checkpoint()).with_extra(b"extra".to_vec()).encode()
}

proptest! {
    #[test]
    fn a_note_has_one_form(bytes in nearly(checkpoint().encode())) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.encode().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_checkpoint_has_one_form(bytes in nearly(checkpoint().checkpoint().text())) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(read) = Checkpoint::parse(&text) {
            prop_assert_eq!(read.text(), text.as_ref());
        }
    }

    #[test]
    fn only_the_signed_text_is_opened(bytes in nearly(checkpoint().encode())) {
        if let Ok(opened) = SignedCheckpoint::open(&bytes, key(7).verifier()) {
            let signed = checkpoint();
            prop_assert_eq!(opened.checkpoint(), signed.checkpoint());
        }
    }

    #[test]
    fn a_proof_has_one_form(bytes in nearly(proof())) {
        if let Ok(read) = Proof::parse(&bytes) {
            prop_assert_eq!(read.encode().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_path_has_one_form(bytes in prop_oneof![
        nearly("tile/0/x001/x234/067.p/5".to_owned()),
        nearly("tile/entries/x001/234.p/5".to_owned()),
    ]) {
        let path = String::from_utf8_lossy(&bytes);
        if let Some(id) = TileId::parse(&path) {
            prop_assert_eq!(id.to_string(), path.as_ref());
        }
        if let Some(id) = BundleId::parse(&path) {
            prop_assert_eq!(id.to_string(), path.as_ref());
        }
    }

    #[test]
    fn bytes_of_any_kind_are_refused_without_a_fuss(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Note::parse(&bytes).is_err());
        prop_assert!(Proof::parse(&bytes).is_err());
        prop_assert!(entries(&bytes).count() <= bytes.len());
    }

    #[test]
    fn a_proof_of_any_numbers_and_hashes_ends(index: u64, size: u64, count in 0..70_usize) {
        let hashes = vec![Hash::EMPTY; count];
        let included = inclusion::verify(index, size, Hash::EMPTY, &hashes, Hash::EMPTY);
        prop_assert!(included.is_err() || (index, size, count) == (0, 1, 0));
        let grown = consistency::verify(index, Hash::EMPTY, size, Hash::leaf(b""), &hashes);
        prop_assert!(grown.is_err() || (index, count) == (0, 0));
    }
}
