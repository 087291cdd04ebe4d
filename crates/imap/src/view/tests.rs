//! What a session is told, and when.

use jiff::Timestamp;
use pli_store::Folder;
use pli_types::{FolderId, MessageId, UidValidity};

use super::*;

fn entry(uid: u32) -> Entry {
    Entry {
        uid: Uid(uid),
        message: MessageId::from_bytes([0; 16]),
        flags: Flags::default(),
        recent: false,
        internal_date: Timestamp::UNIX_EPOCH,
        size: 10,
    }
}

fn seen(uid: u32) -> Entry {
    Entry { flags: Flags { seen: true, ..Flags::default() }, ..entry(uid) }
}

fn view(uids: &[u32]) -> View {
    let folder = Folder {
        id: FolderId(1),
        name: "INBOX".to_owned(),
        special_use: None,
        selectable: true,
        uid_validity: UidValidity(1),
    };
    View::open(FolderView {
        folder,
        uid_next: Uid(100),
        modseq: 1,
        entries: uids.iter().map(|uid| entry(*uid)).collect(),
    })
}

fn changes(changed: Vec<Entry>, vanished: &[u32]) -> FolderChanges {
    FolderChanges { modseq: 2, changed, vanished: vanished.iter().map(|uid| Uid(*uid)).collect() }
}

fn set(text: &str) -> SequenceSet {
    SequenceSet::try_from(text).unwrap()
}

fn uids(pick: &Pick) -> Vec<u32> {
    pick.messages.iter().map(|picked| picked.entry.uid.0).collect()
}

#[test]
fn every_expunge_is_counted_after_the_one_before() {
    let mut view = view(&[10, 20, 30, 40, 50]);
    view.apply(changes(vec![], &[20, 30, 50]));
    assert_eq!(view.announce(true), [Update::Expunge(2), Update::Expunge(2), Update::Expunge(3)]);
    assert_eq!(view.exists(), 2);
    assert_eq!(uids(&view.pick(&set("1:2"), false).unwrap()), [10, 40]);
}

#[test]
fn numbers_hold_still_while_no_expunge_may_be_told() {
    let mut view = view(&[10, 20, 30]);
    view.apply(changes(vec![], &[10]));
    assert_eq!(view.announce(false), []);
    let pick = view.pick(&set("1:2"), false).unwrap();
    assert_eq!(uids(&pick), [20]);
    assert_eq!(pick.messages.first().unwrap().sequence, 2);
    assert!(pick.some_gone);
    assert_eq!(view.announce(true), [Update::Expunge(1)]);
    assert!(!view.pick(&set("1:2"), false).unwrap().some_gone);
}

#[test]
fn an_arrival_has_no_number_before_exists() {
    let mut view = view(&[10]);
    view.apply(changes(vec![Entry { recent: true, ..entry(20) }], &[]));
    assert_eq!(view.pick(&set("2"), false).unwrap_err(), NoSuchNumber);
    assert_eq!(view.announce(false), [Update::Exists(2), Update::Recent(1)]);
    assert_eq!(uids(&view.pick(&set("2"), false).unwrap()), [20]);
    assert_eq!(view.announce(false), []);
}

#[test]
fn what_came_and_went_between_two_looks_is_never_told() {
    let mut view = view(&[10]);
    view.apply(changes(vec![entry(20)], &[]));
    view.apply(changes(vec![], &[20]));
    assert_eq!(view.announce(true), []);
}

#[test]
fn a_late_arrival_while_expunges_wait_goes_to_the_end() {
    let mut view = view(&[10, 20]);
    view.apply(changes(vec![entry(30)], &[10]));
    assert_eq!(view.announce(false), [Update::Exists(3)]);
    assert_eq!(view.announce(true), [Update::Expunge(1)]);
    assert_eq!(uids(&view.pick(&set("1:*"), false).unwrap()), [20, 30]);
}

#[test]
fn flags_changed_by_others_are_told_and_ones_own_are_not() {
    let mut view = view(&[10, 20]);
    view.agree(&[seen(10)]);
    view.apply(changes(vec![seen(10), seen(20)], &[]));
    assert_eq!(view.announce(false), [Update::Flags(2, seen(20))]);
}

#[test]
fn a_new_keyword_is_told_once_whatever_its_case() {
    let keyword = |uid, word: &str| Entry {
        flags: Flags { keywords: [word.to_owned()].into(), ..Flags::default() },
        ..entry(uid)
    };
    let mut view = view(&[10, 20]);
    view.apply(changes(vec![keyword(10, "$Labo")], &[]));
    assert_eq!(view.announce(false), [Update::Keywords, Update::Flags(1, keyword(10, "$Labo"))]);
    view.apply(changes(vec![keyword(20, "$LABO")], &[]));
    assert_eq!(view.announce(false), [Update::Flags(2, keyword(20, "$LABO"))]);
    assert_eq!(view.keywords().collect::<Vec<_>>(), ["$Labo"]);
}

#[test]
fn the_star_is_the_last_message_told() {
    let view = view(&[10, 20]);
    assert_eq!(uids(&view.pick(&set("*"), false).unwrap()), [20]);
    assert_eq!(uids(&view.pick(&set("*"), true).unwrap()), [20]);
    assert_eq!(uids(&view.pick(&set("900:*"), true).unwrap()), [20]);
    assert_eq!(uids(&view.pick(&set("11:19"), true).unwrap()), [0_u32; 0]);
}

#[test]
fn an_empty_folder_has_no_sequence_numbers_but_may_be_asked_by_uid() {
    let view = view(&[]);
    assert_eq!(view.pick(&set("1:*"), false).unwrap_err(), NoSuchNumber);
    assert_eq!(view.pick(&set("*"), false).unwrap_err(), NoSuchNumber);
    assert!(view.pick(&set("1:*"), true).unwrap().messages.is_empty());
}

#[test]
fn a_folder_that_was_removed_is_emptied_message_by_message() {
    let mut view = view(&[10, 20]);
    view.clear();
    assert_eq!(view.announce(true), [Update::Expunge(1), Update::Expunge(1)]);
}

#[test]
fn recent_falls_when_a_recent_message_is_expunged() {
    let mut view = view(&[10]);
    view.apply(changes(vec![Entry { recent: true, ..entry(20) }], &[]));
    view.announce(true);
    view.apply(changes(vec![], &[20]));
    assert_eq!(view.announce(true), [Update::Expunge(2), Update::Recent(0)]);
}
