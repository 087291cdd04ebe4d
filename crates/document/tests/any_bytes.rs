//! Whatever comes: no panic, the same answer however it is cut, and no more inflated than a message may cost.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use pli_document::{Examination, examine};
use proptest::prelude::*;
use support::*;

fn check(message: &[u8], cut: usize) {
    let whole = examine(message);
    assert!(whole.documents.inflated_bytes() <= 12 * 1024 * 1024);
    let mut examination = Examination::of_size(message.len() as u64);
    let (left, right) = message.split_at(cut.min(message.len()));
    examination.feed(left);
    examination.feed(right);
    assert_eq!(examination.finish(), whole);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_message(bytes: Vec<u8>, cut: usize) {
        check(&bytes, cut);
    }

    #[test]
    fn any_archive(bytes: Vec<u8>) {
        check(&message(&bytes), 0);
    }

    /// Bytes of an honest archive changed, where a reader looks.
    #[test]
    fn an_archive_with_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut archive = honest(DOMINIQUE);
        for (at, byte) in changes {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        check(&message(&archive), 0);
    }

    /// An honest archive whose documents were changed before it was made.
    #[test]
    fn documents_with_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let (mut metadata, mut cda) = (metadata(DOMINIQUE, "DOC0001.XML").into_bytes(), cda(DOMINIQUE, "34112-3").into_bytes());
        for (at, byte) in changes {
            let at = at.index(metadata.len() + cda.len());
            match metadata.get_mut(at) {
                Some(place) => *place = byte,
                None => cda[at - metadata.len()] = byte,
            }
        }
        check(&message(&zip(&[Raw::deflated(METADATA, &metadata), Raw::deflated(DOCUMENT, &cda)])), 0);
    }
}
