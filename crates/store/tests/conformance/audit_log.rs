//! The record's tree.

use std::sync::Arc;

use pli_audit::verify::What;
use pli_audit::{
    BundleId, Checkpoint, Damage, EventKind, Hash, Leaf, Place, SignerKey, Tile, TileId, TileSet, TileWriter, Verdict,
};
use pli_store::{Checking, NewSeal, StoreError};
use pli_types::Secret;

use crate::support::{Backend, Fixture, event, refused};

const ORIGIN: &str = "mss.a.test/audit";

pub(crate) fn key() -> SignerKey {
    SignerKey::from_seed(ORIGIN, &Secret::new([7; 32])).unwrap()
}

/// The step that a sealer takes from what lies in the store, as far as this many entries.
async fn step(at: &Fixture, to: u64) -> NewSeal {
    let from = at.store.sealed().await.unwrap().map_or(0, |sealed| sealed.size);
    let mut edge = TileSet::new();
    for id in TileWriter::tiles_to_resume(from) {
        let bytes = at.store.tiles(&[id]).await.unwrap().remove(0).unwrap();
        edge.insert(Tile::decode(id, &bytes).unwrap());
    }
    let mut writer = TileWriter::resume(from, &edge).unwrap();
    let rows = at.store.entries_from(from, usize::try_from(to - from).unwrap()).await.unwrap();
    let mut about = Vec::new();
    for (expected, (index, bytes)) in (from..).zip(&rows) {
        assert_eq!(*index, expected);
        writer.append(Hash::leaf(bytes));
        about.extend(Leaf::parse(bytes).unwrap().subjects().map(|subject| (subject, *index)));
    }
    assert_eq!(writer.size(), to);
    let checkpoint = Checkpoint::new(ORIGIN, to, writer.root()).unwrap().sign(&key()).unwrap().encode();
    NewSeal { from, size: to, tiles: writer.take_tiles(), checkpoint, about, at: at.now() }
}

pub(crate) async fn seal(at: &Fixture, to: u64) -> bool {
    let step = step(at, to).await;
    at.store.seal(step).await.unwrap()
}

async fn record(at: &Fixture, count: usize) {
    let events = (0..count).map(|_| event(at.id(), EventKind::Opened)).collect();
    at.store.append_audit(events).await.unwrap();
}

async fn check(at: &Fixture) -> Verdict {
    let with = Checking { key: key().verifier().clone(), trusted: true, earlier: None };
    pli_store::verify(Arc::clone(&at.store), with).await.unwrap().verdict
}

pub(crate) async fn sound_to(at: &Fixture, size: u64) {
    sound(at, size, 0).await;
}

pub(crate) async fn sound(at: &Fixture, size: u64, pruned: u64) {
    match check(at).await {
        Verdict::Verified(verified) => assert_eq!((verified.tree_size, verified.pruned), (size, pruned)),
        Verdict::Damaged(damage) => panic!("{damage}"),
    }
}

pub(crate) async fn a_record_that_is_sealed_step_by_step_can_be_checked(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.sealed().await.unwrap(), None);
    record(&at, 600).await;
    for to in [1, 2, 200, 256, 257, 513, 600] {
        assert!(seal(&at, to).await, "{to}");
        sound_to(&at, to).await;
    }
}

pub(crate) async fn what_was_sealed_is_sealed_after_any_end_of_the_store(backend: &dyn Backend) {
    let at = backend.fresh().await;
    record(&at, 300).await;
    assert!(seal(&at, 299).await);
    let kept = at.store.sealed().await.unwrap();
    let at = at.reopen().await;
    assert_eq!(at.store.sealed().await.unwrap(), kept);
    sound_to(&at, 299).await;
    record(&at, 1).await;
    assert!(seal(&at, 301).await);
    sound_to(&at, 301).await;
}

pub(crate) async fn of_two_sealers_one_is_faster_and_the_other_leaves_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    record(&at, 10).await;
    assert!(seal(&at, 3).await);
    let (paused, awake) = (step(&at, 5).await, step(&at, 9).await);
    assert!(at.store.seal(awake).await.unwrap());
    let kept = at.store.sealed().await.unwrap();
    assert!(!at.store.seal(paused).await.unwrap());
    assert_eq!(at.store.sealed().await.unwrap(), kept);
    sound_to(&at, 9).await;
    // Both at once, several times over.
    record(&at, 40).await;
    for to in [20, 30, 40] {
        let (one, two) = (step(&at, to).await, step(&at, to + 1).await);
        let (one, two) = tokio::join!(at.store.seal(one), at.store.seal(two));
        assert_ne!(one.unwrap(), two.unwrap(), "{to}");
    }
    let size = at.store.sealed().await.unwrap().unwrap().size;
    sound_to(&at, size).await;
}

pub(crate) async fn a_seal_adds_an_entry(backend: &dyn Backend) {
    let at = backend.fresh().await;
    record(&at, 2).await;
    assert!(seal(&at, 2).await);
    let nothing = NewSeal { from: 2, ..step(&at, 2).await };
    refused!(at.store.seal(nothing).await, StoreError::Conflict(_));
}

pub(crate) async fn a_write_that_is_undone_leaves_no_gap(backend: &dyn Backend) {
    let at = backend.fresh().await;
    record(&at, 1).await;
    at.mailbox("cardio@hospital.test").await;
    for _ in 0..3 {
        let taken = crate::support::new_mailbox("cardio@hospital.test", None);
        refused!(at.store.add_mailbox(taken, vec![event(at.id(), EventKind::Opened)]).await, StoreError::Conflict(_));
        record(&at, 2).await;
    }
    let at = at.reopen().await;
    record(&at, 1).await;
    let indexes: Vec<u64> = at.store.entries_from(0, 100).await.unwrap().iter().map(|row| row.0).collect();
    assert_eq!(indexes, (0..8).collect::<Vec<u64>>());
    assert_eq!(at.store.entries_from(3, 2).await.unwrap().iter().map(|row| row.0).collect::<Vec<_>>(), [3, 4]);
}

pub(crate) async fn what_is_recorded_is_told_and_counted_until_it_is_sealed(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut recorded = at.store.recorded();
    assert_eq!(at.store.unsealed().await.unwrap().waiting, 0);
    record(&at, 3).await;
    recorded.changed().await.unwrap();
    assert_eq!(*recorded.borrow_and_update(), 3);
    let unsealed = at.store.unsealed().await.unwrap();
    assert_eq!((unsealed.waiting, unsealed.first_at), (3, Some(at.now())));
    assert!(seal(&at, 2).await);
    assert_eq!(at.store.unsealed().await.unwrap().waiting, 1);
    assert!(seal(&at, 3).await);
    assert_eq!(at.store.unsealed().await.unwrap(), pli_store::UnsealedLog::default());
}

pub(crate) async fn a_tile_is_handed_out_as_it_was_when_it_was_narrower(backend: &dyn Backend) {
    let at = backend.fresh().await;
    record(&at, 300).await;
    assert!(seal(&at, 10).await);
    let narrow = TileId::of_tree(0, 0, 10).unwrap();
    let then = at.store.tiles(&[narrow]).await.unwrap();
    assert!(seal(&at, 300).await);
    assert_eq!(at.store.tiles(&[narrow]).await.unwrap(), then);
    let absent = TileId::of_tree(0, 9, 5000).unwrap();
    assert_eq!(at.store.tiles(&[absent]).await.unwrap(), [None]);
    assert_eq!(at.store.bundle(BundleId::beside(absent).unwrap()).await.unwrap(), None);
}

pub(crate) async fn entries_of_a_message_are_found(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (one, other) = (at.id(), at.id());
    for id in [one, other, one] {
        at.store.append_audit(vec![event(id, EventKind::Opened)]).await.unwrap();
    }
    assert_eq!(at.store.entries_of(one).await.unwrap(), [0, 2]);
    assert_eq!(at.store.entries_of(at.id()).await.unwrap(), [0; 0]);
}

/// Where a record was damaged behind the store's back.
pub(crate) async fn damaged(at: &Fixture, size: usize, tamper: impl AsyncFnOnce(&Fixture)) -> (Place, What) {
    record(at, size).await;
    assert!(seal(at, size as u64).await);
    tamper(at).await;
    match check(at).await {
        Verdict::Damaged(Damage { place, what }) => (place, what),
        Verdict::Verified(verified) => panic!("{verified:?}"),
    }
}
