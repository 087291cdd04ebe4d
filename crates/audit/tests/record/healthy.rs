//! Records that are what was signed. None of them may alarm anyone.

use pli_audit::{Checkpoint, Verdict};

use super::support::{ORIGIN, Record, entry, key};

#[test]
fn a_record_of_any_size_is_verified() {
    for size in (0..=40).chain([255, 256, 257, 511, 512, 513, 700]) {
        let mut record = Record::new(size, entry);
        let opened = record.opened();
        let verified = record.verified();
        assert_eq!((verified.tree_size, verified.root), (size, opened.root()));
        assert_eq!((verified.pruned, verified.pruned_last, verified.other_signatures), (0, None, 0));
        assert_eq!((verified.origin.as_str(), verified.trusted, verified.earlier), (ORIGIN, true, None));
        assert_eq!(verified.key_fingerprint, key(7).verifier().fingerprint());
    }
}

#[test]
fn a_record_with_three_levels_of_tiles_is_verified() {
    for size in [65_535, 65_536, 66_000] {
        assert_eq!(Record::new(size, |index| index.to_be_bytes().to_vec()).verified().tree_size, size);
    }
}

#[test]
fn a_record_continues_every_earlier_one() {
    let mut record = Record::new(700, entry);
    for size in (0..=20).chain([255, 256, 257, 511, 512, 513, 699, 700]) {
        let earlier: Checkpoint = Record::new(size, entry).opened();
        match record.verdict(Some(&earlier)) {
            Verdict::Verified(verified) => assert_eq!(verified.earlier, Some(size)),
            Verdict::Damaged(damage) => panic!("{size}: {damage}"),
        }
    }
}

#[test]
fn pruned_entries_are_counted_and_alarm_nobody() {
    let whole = Record::new(700, entry).opened();
    for (pruned, count, last) in [
        ((|_| true) as fn(u64) -> bool, 700, 699),
        (|index| index < 300, 300, 299),
        (|index| index % 7 == 3, 100, 696),
        (|index| index == 0, 1, 0),
        (|index| index == 699, 1, 699),
    ] {
        let mut record = Record::pruned(700, entry, pruned);
        assert_eq!(record.opened(), whole, "pruning changes no root");
        let verified = record.verified();
        assert_eq!((verified.pruned, verified.pruned_last), (count, Some(last)));
    }
}
