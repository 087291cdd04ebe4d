//! One of each kind of damage: what is named, and the sentence.

use pli_audit::note::{Signature, Unsigned};
use pli_audit::{Checkpoint, CheckpointError, Hash, Place, TileId, Verdict, What};

use super::support::{ORIGIN, Record, entry, key, signed};

fn record() -> Record {
    Record::new(700, entry)
}

/// Damages a record and asks what is found.
fn found(damage: impl FnOnce(&mut Record)) -> (Place, What, String) {
    let mut record = record();
    damage(&mut record);
    let found = record.damage();
    (found.place, found.what, found.to_string())
}

fn tile(level: u8, index: u64) -> Place {
    Place::Tile { level, index }
}

fn checks(damage: impl FnOnce(&mut Record), place: Place, what: What, sentence: &str) {
    assert_eq!(found(damage), (place, what, sentence.to_owned()));
}

#[test]
fn a_checkpoint_that_counts_for_nothing() {
    let refused = |error| What::Refused(error);
    checks(|record| record.checkpoint = None, Place::Checkpoint, What::Missing, "the checkpoint is missing");
    let resign = |record: &mut Record| {
        let opened = record.opened();
        record.checkpoint = Some(opened.sign(&key(8)).unwrap().encode().into_bytes());
    };
    checks(
        resign,
        Place::Checkpoint,
        refused(CheckpointError::Unsigned(Unsigned::OtherKey)),
        "the checkpoint counts for nothing: the checkpoint is not signed by the log's key: another key of the same name \
         has signed",
    );
    let edit = |record: &mut Record| {
        let text = String::from_utf8(record.checkpoint.take().unwrap()).unwrap();
        record.checkpoint = Some(text.replacen("700", "699", 1).into_bytes());
    };
    assert_eq!(found(edit).1, refused(CheckpointError::Unsigned(Unsigned::Forged)));
}

#[test]
fn a_record_that_was_replaced_as_a_whole() {
    checks(
        |record| {
            let old = record.checkpoint.take();
            *record = Record::new(700, |index| if index == 5 { b"other".to_vec() } else { entry(index) });
            record.checkpoint = old;
        },
        Place::Checkpoint,
        What::RootDiffers,
        "the checkpoint is of another record: tiles and entries agree, and lead to another root",
    );
    let mut empty = Record::new(0, entry);
    empty.checkpoint = Some(signed(0, Hash::leaf(b""), &key(7)).encode().into_bytes());
    assert_eq!(empty.damage().what, What::RootDiffers);
}

#[test]
fn an_earlier_checkpoint_that_does_not_fit() {
    let mut record = record();
    let mut check = |earlier: Checkpoint, what, sentence: &str| match record.verdict(Some(&earlier)) {
        Verdict::Damaged(damage) => {
            assert_eq!((damage.place, damage.what), (Place::Checkpoint, what));
            assert_eq!(damage.to_string(), sentence);
        }
        Verdict::Verified(_) => panic!("{sentence}"),
    };
    check(
        Record::new(701, entry).opened(),
        What::Behind(701),
        "the checkpoint is of fewer entries than the 701 of the earlier one: the end was cut off",
    );
    for size in [1, 255, 256, 600, 700] {
        let other = Record::new(size, |index| if index == 0 { b"other".to_vec() } else { entry(index) });
        check(
            other.opened(),
            What::Fork(size),
            &format!(
                "the checkpoint stands for another history: the first {size} entries are not those of the earlier one"
            ),
        );
    }
    check(
        Checkpoint::new("other", 3, Hash::EMPTY).unwrap(),
        What::OtherLog,
        "the checkpoint is of another log than the earlier one",
    );
}

#[test]
fn a_tile_that_is_not_the_trees() {
    checks(
        |record| record.tiles.retain(|id, _| (id.level(), id.index()) != (0, 1)),
        tile(0, 1),
        What::Missing,
        "tile 1 of level 0 is missing",
    );
    checks(
        |record| record.tile(0, 1).truncate(8000),
        tile(0, 1),
        What::Length(8000),
        "tile 1 of level 0 has 8000 bytes, which is not its length",
    );
    for (level, index) in [(0, 1), (0, 2), (1, 0)] {
        checks(
            |record| record.tile(level, index)[40] ^= 1,
            tile(level, index),
            What::Rebuildable(1),
            &format!(
                "tile {index} of level {level} was altered at hash 1; what lies below it is whole, so it can be made anew"
            ),
        );
    }
    checks(
        |record| *record.tile(0, 0) = record.tile(0, 1).clone(),
        tile(0, 0),
        What::Moved(1),
        "tile 0 of level 0 was replaced by number 1",
    );
}

#[test]
fn a_tile_and_the_entry_below_it_changed_together() {
    let change = |record: &mut Record, bundle: u64| {
        record.entries(bundle, |rows| rows[9] = b"\0\x05other".to_vec());
        let hash = Hash::leaf(b"other");
        record.tile(0, bundle)[9 * 32..10 * 32].copy_from_slice(hash.as_bytes());
    };
    checks(
        |record| change(record, 1),
        tile(0, 1),
        What::Altered,
        "tile 1 of level 0 was altered: it does not fit the signed root",
    );
    // On the edge, tile and entry agree against the signed root: so does a record that was replaced as a whole.
    assert_eq!(found(|record| change(record, 2)).1, What::RootDiffers);
}

#[test]
fn more_than_one_thing_on_the_edge() {
    checks(
        |record| {
            record.tile(0, 2)[0] ^= 1;
            record.entries(2, |rows| rows[9][20] ^= 1);
        },
        tile(0, 2),
        What::Contradicts,
        "tile 2 of level 0 does not fit the signed root, nor does what lies below it",
    );
    // Two tiles of the edge: what lies below both is whole, and the first one is named.
    let both = |record: &mut Record| {
        record.tile(0, 2)[0] ^= 1;
        record.tile(1, 0)[0] ^= 1;
    };
    assert_eq!(found(both).0, tile(1, 0));
    assert_eq!(found(both).1, What::Rebuildable(0));
}

#[test]
fn a_changed_hash_of_a_pruned_entry() {
    let mut record = Record::pruned(700, entry, |index| index == 520);
    record.tile(0, 2)[8 * 32] ^= 1;
    let damage = record.damage();
    assert_eq!((damage.place, damage.what), (tile(0, 2), What::PrunedHash));
    assert_eq!(
        damage.to_string(),
        "tile 2 of level 0 holds a changed hash of a pruned entry, or the record as a whole was replaced"
    );
    // Where another entry's hash was changed, the entry tells.
    let mut record = Record::pruned(700, entry, |index| index == 520);
    record.tile(0, 2)[9 * 32] ^= 1;
    assert_eq!(record.damage().what, What::Rebuildable(9));
    // In a full tile the tile above tells, and the pruned entry cannot.
    let mut record = Record::pruned(700, entry, |index| index == 300);
    record.tile(0, 1)[(300 - 256) * 32] ^= 1;
    assert_eq!((record.damage().place, record.damage().what), (tile(0, 1), What::Altered));
}

#[test]
fn an_entry_that_is_not_the_records() {
    checks(
        |record| record.entries(1, |rows| rows[4][20] ^= 1),
        Place::Entry(260),
        What::Altered,
        "entry 260 was altered: it does not fit the signed root",
    );
    checks(
        |record| record.entries(1, |rows| drop(rows.remove(4))),
        Place::Entry(260),
        What::Removed,
        "entry 260 was removed: the next one stands in its place",
    );
    checks(
        |record| record.entries(1, |rows| drop(rows.pop())),
        Place::Entry(511),
        What::Cut,
        "entry 511 is cut off: its bundle ends before it",
    );
    checks(
        |record| record.entries(1, |rows| rows.swap(4, 9)),
        Place::Entry(260),
        What::Moved(265),
        "entry 260 was replaced by number 265",
    );
    checks(
        |record| record.entries(1, |rows| rows.insert(5, rows[4].clone())),
        Place::Entry(261),
        What::Repeated(260),
        "entry 261 was replaced by number 260, which stands there a second time",
    );
    checks(
        |record| record.entries(1, |rows| rows.insert(4, b"\0\x05other".to_vec())),
        Place::Entry(260),
        What::Inserted,
        "entry 260 is preceded by something that is no entry of the record",
    );
    checks(
        |record| record.bundle(2).push(0),
        Place::Entry(699),
        What::Surplus,
        "entry 699 is the last of its bundle, and is followed by something",
    );
    checks(
        |record| record.bundles.retain(|id, _| id.index() != 1),
        Place::Entry(256),
        What::Missing,
        "entry 256 is missing",
    );
}

#[test]
fn the_first_of_several_is_named() {
    let several = |record: &mut Record| {
        record.entries(2, |rows| rows[0][9] ^= 1);
        record.tile(0, 1)[0] ^= 1;
        record.entries(0, |rows| rows[200][9] ^= 1);
        record.entries(0, |rows| rows[100][9] ^= 1);
    };
    assert_eq!(found(several).0, Place::Entry(100));
}

#[test]
fn a_witness_beside_the_log_changes_nothing() {
    let mut record = record();
    let mut text = record.checkpoint.take().unwrap();
    let line = "\u{2014} witness.example/w1 AAAAAgMEBQ==";
    assert!(Signature::parse(line).is_ok());
    text.extend_from_slice(format!("{line}\n").as_bytes());
    record.checkpoint = Some(text);
    assert_eq!(record.verified().other_signatures, 1);
    assert_eq!(record.opened().origin(), ORIGIN);
}

#[test]
fn what_could_not_be_asked_is_no_verdict() {
    struct Closed(Record);
    impl pli_audit::Source for Closed {
        type Error = TileId;
        fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, TileId> {
            Ok(self.0.checkpoint.clone())
        }
        fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, TileId> {
            Err(id)
        }
        fn entries(&mut self, _: pli_audit::BundleId) -> Result<Option<Vec<u8>>, TileId> {
            Ok(None)
        }
    }
    let key = key(7);
    let audit = pli_audit::Audit { key: key.verifier(), trusted: false, earlier: None };
    assert_eq!(audit.verify(&mut Closed(record())).unwrap_err(), TileId::of_tree(1, 0, 700).unwrap());
}
