//! What lies in a folder: UIDs, flags, `\Recent`, copies, removal, quota.

use std::collections::BTreeSet;
use std::sync::Arc;

use pli_audit::{Event, EventKind};
use pli_store::{FlagChange, Flags, FolderStatus, StoreError};
use pli_types::{FolderId, Uid, UidValidity};

use crate::support::{Backend, Fixture, deleted, event, is_not_found, noise, refused, uids};

async fn inbox(at: &Fixture) -> FolderId {
    at.inbox(at.mailbox("a@hospital.test").await).await
}

fn seen() -> Flags {
    Flags { seen: true, ..Flags::default() }
}

fn keywords(list: &[&str]) -> Flags {
    Flags { keywords: list.iter().map(|keyword| (*keyword).to_owned()).collect(), ..Flags::default() }
}

pub(crate) async fn uids_grow_and_are_never_given_twice(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    for expected in 1..=3 {
        assert_eq!(at.append(inbox, b"x", deleted()).await, Uid(expected));
    }
    at.store.expunge(inbox, None, Vec::new()).await.unwrap();
    let at = at.reopen().await;
    assert_eq!(at.append(inbox, b"x", seen()).await, Uid(4));
    let view = at.store.open_folder(inbox, false).await.unwrap();
    assert_eq!((view.entries[0].uid, view.uid_next), (Uid(4), Uid(5)));
    assert_eq!(view.entries[0].flags, seen());
    assert!(is_not_found(&at.store.append(FolderId(999), at.entry(b"x", seen()).await).await));
}

pub(crate) async fn recent_is_told_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    let recent = |entries: &[pli_store::Entry]| {
        entries.iter().filter(|entry| entry.recent).map(|entry| entry.uid.0).collect::<Vec<_>>()
    };
    at.append(inbox, b"1", seen()).await;
    at.append(inbox, b"2", seen()).await;
    assert_eq!(at.store.folder_status(inbox).await.unwrap().recent, 2);
    assert_eq!(recent(&at.store.open_folder(inbox, false).await.unwrap().entries), [0; 0], "EXAMINE takes none");
    let view = at.store.open_folder(inbox, true).await.unwrap();
    assert_eq!(recent(&view.entries), [1, 2]);
    assert_eq!(recent(&at.store.open_folder(inbox, true).await.unwrap().entries), [0; 0]);
    assert_eq!(at.store.folder_status(inbox).await.unwrap().recent, 0);
    at.append(inbox, b"3", seen()).await;
    let changes = at.store.changes_since(inbox, view.modseq, true).await.unwrap();
    assert_eq!((changes.changed.len(), recent(&changes.changed)), (1, vec![3]));
    at.append(inbox, b"4", seen()).await;
    let changes = at.store.changes_since(inbox, view.modseq, false).await.unwrap();
    assert_eq!((changes.changed.len(), recent(&changes.changed)), (2, vec![]));
    assert_eq!(recent(&at.store.open_folder(inbox, true).await.unwrap().entries), [4]);
}

pub(crate) async fn changes_tell_what_is_new_changed_and_gone(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    for _ in 0..4 {
        at.append(inbox, b"x", Flags::default()).await;
    }
    let view = at.store.open_folder(inbox, true).await.unwrap();
    let none = at.store.changes_since(inbox, view.modseq, true).await.unwrap();
    assert_eq!((none.changed.len(), none.vanished.len(), none.modseq), (0, 0, view.modseq));

    at.store.set_flags(inbox, &uids(&[2]), FlagChange::Add, &seen(), Vec::new()).await.unwrap();
    at.store.set_flags(inbox, &uids(&[1, 3]), FlagChange::Add, &deleted(), Vec::new()).await.unwrap();
    at.store.expunge(inbox, None, Vec::new()).await.unwrap();
    at.append(inbox, b"new", Flags::default()).await;
    let first = at.store.changes_since(inbox, view.modseq, false).await.unwrap();
    let changed: Vec<_> = first.changed.iter().map(|entry| (entry.uid.0, entry.flags.seen)).collect();
    assert_eq!(changed, [(2, true), (5, false)]);
    assert_eq!(first.vanished, uids(&[1, 3]));
    assert!(first.modseq > view.modseq);

    at.store.set_flags(inbox, &uids(&[4]), FlagChange::Add, &seen(), Vec::new()).await.unwrap();
    let second = at.store.changes_since(inbox, first.modseq, false).await.unwrap();
    assert_eq!(second.changed.iter().map(|entry| entry.uid).collect::<Vec<_>>(), uids(&[4]));
    assert_eq!(second.vanished, []);
    assert!(is_not_found(&at.store.changes_since(FolderId(999), 0, false).await));
}

pub(crate) async fn flags_are_added_removed_and_replaced(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    at.append(inbox, b"x", keywords(&["$Forwarded"])).await;
    at.append(inbox, b"x", seen()).await;
    let both = uids(&[1, 2, 77]);
    let mut by = keywords(&["$forwarded", "Urgent"]);
    by.flagged = true;
    let entries = at.store.set_flags(inbox, &both, FlagChange::Add, &by, Vec::new()).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.uid).collect::<Vec<_>>(), uids(&[1, 2]), "77 is not there");
    let set = |list: &[&str]| keywords(list).keywords;
    assert_eq!(entries[0].flags.keywords, set(&["$Forwarded", "Urgent"]), "as first written");
    assert_eq!(entries[1].flags.keywords, set(&["$forwarded", "Urgent"]));
    assert!(entries[1].flags.seen && entries[1].flags.flagged);

    let entries =
        at.store.set_flags(inbox, &both, FlagChange::Remove, &keywords(&["URGENT"]), Vec::new()).await.unwrap();
    assert_eq!(entries[0].flags.keywords, set(&["$Forwarded"]));
    let before = at.store.open_folder(inbox, false).await.unwrap();
    assert_eq!(before.entries, entries, "what was answered is what is kept");

    let entries = at.store.set_flags(inbox, &both, FlagChange::Replace, &deleted(), Vec::new()).await.unwrap();
    assert!(entries.iter().all(|entry| entry.flags == deleted()));
    let after = at.store.open_folder(inbox, false).await.unwrap();
    at.store.set_flags(inbox, &both, FlagChange::Replace, &deleted(), Vec::new()).await.unwrap();
    assert_eq!(at.store.open_folder(inbox, false).await.unwrap().modseq, after.modseq, "nothing changed");
}

pub(crate) async fn a_copy_has_new_uids_in_the_same_order(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox_with_quota("a@hospital.test", Some(10)).await;
    let (inbox, trash) = (at.inbox(mailbox).await, at.folder(mailbox, "Trash").await);
    at.append(trash.id, b"0", Flags::default()).await;
    for body in [b"1", b"2", b"3"] {
        at.append(inbox, body, keywords(&["k"])).await;
    }
    let (validity, pairs) = at.store.copy(inbox, &uids(&[3, 1, 9]), trash.id, Vec::new()).await.unwrap();
    assert_eq!(validity, trash.uid_validity);
    assert_eq!(pairs, [(Uid(1), Uid(2)), (Uid(3), Uid(3))]);
    let source = at.store.open_folder(inbox, false).await.unwrap().entries;
    let copies = at.store.open_folder(trash.id, false).await.unwrap().entries;
    for (uid, copy) in pairs {
        let from = source.iter().find(|entry| entry.uid == uid).unwrap();
        let to = copies.iter().find(|entry| entry.uid == copy).unwrap();
        assert_eq!((to.message, &to.flags, to.size), (from.message, &from.flags, from.size));
    }
    assert_eq!(at.used("a@hospital.test").await, 6);
    // Into the folder itself, and beyond the quota.
    assert_eq!(at.store.copy(inbox, &uids(&[1, 2, 3]), inbox, Vec::new()).await.unwrap().1.len(), 3);
    refused!(at.store.copy(inbox, &uids(&[1, 2, 3]), trash.id, Vec::new()).await, StoreError::MailboxFull);
    assert_eq!(at.uids(trash.id).await.len(), 3);
    let nothing = at.store.copy(inbox, &uids(&[99]), trash.id, Vec::new()).await.unwrap();
    assert_eq!(nothing, (trash.uid_validity, vec![]));
    assert!(is_not_found(&at.store.copy(inbox, &uids(&[1]), FolderId(999), Vec::new()).await));
}

pub(crate) async fn expunge_removes_only_what_is_deleted_and_named(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    for number in 1..=5 {
        let flags = if number == 2 { Flags::default() } else { deleted() };
        at.append(inbox, b"12345", flags).await;
    }
    let gone = at.store.expunge(inbox, Some(&uids(&[1, 2, 4, 9])), Vec::new()).await.unwrap();
    assert_eq!(gone, uids(&[1, 4]));
    assert_eq!(at.uids(inbox).await, uids(&[2, 3, 5]));
    assert_eq!(at.store.expunge(inbox, None, Vec::new()).await.unwrap(), uids(&[3, 5]));
    assert_eq!(at.uids(inbox).await, uids(&[2]));
    assert_eq!(at.used("a@hospital.test").await, 5);
}

pub(crate) async fn nothing_expunged_is_nothing_recorded(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    let about = at.id();
    let audit = || vec![event(about, EventKind::Deleted)];
    assert_eq!(at.store.expunge(inbox, None, audit()).await.unwrap(), []);
    at.append(inbox, b"x", deleted()).await;
    at.store.expunge(inbox, None, audit()).await.unwrap();
    assert_eq!(at.store.events_of(about).await.unwrap(), [], "another was expunged");
}

pub(crate) async fn what_is_done_to_messages_is_recorded_of_each(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let inbox = at.inbox(mailbox).await;
    for _ in 0..2 {
        at.append(inbox, b"x", Flags::default()).await;
    }
    let entries = at.store.open_folder(inbox, false).await.unwrap().entries;
    let told = |kind| vec![Event { message: None, ..event(entries[0].message, kind) }];
    let both = uids(&[1, 2, 9]);
    let (add, opened) = (FlagChange::Add, told(EventKind::Opened));
    at.store.set_flags(inbox, &both[..1], add, &seen(), opened.clone()).await.unwrap();
    at.store.set_flags(inbox, &both, add, &seen(), opened.clone()).await.unwrap();
    at.store.set_flags(inbox, &both, add, &deleted(), opened).await.unwrap();
    let folder = at.store.create_folder(mailbox, "a").await.unwrap();
    at.store.copy(inbox, &both, folder, told(EventKind::Copied)).await.unwrap();
    at.store.expunge(inbox, None, told(EventKind::Moved)).await.unwrap();
    at.store.delete_folder(mailbox, "a", told(EventKind::Deleted)).await.unwrap();
    for entry in entries {
        let events = at.store.events_of(entry.message).await.unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["opened", "copied", "moved", "deleted"]);
    }
}

pub(crate) async fn an_append_beyond_the_quota_is_refused_and_leaves_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox_with_quota("a@hospital.test", Some(100_000)).await;
    let inbox = at.inbox(mailbox).await;
    at.append(inbox, &noise(60_000), deleted()).await;
    let too_much = at.entry(&noise(80_000), Flags::default()).await;
    let id = too_much.id;
    refused!(at.store.append(inbox, too_much).await, StoreError::MailboxFull);
    assert!(is_not_found(&at.store.body(id).await));
    assert_eq!(at.used("a@hospital.test").await, 60_000);
    at.store.expunge(inbox, None, Vec::new()).await.unwrap();
    assert_eq!(at.append(inbox, &noise(100_000), Flags::default()).await, Uid(2));
}

pub(crate) async fn status_counts_what_is_there(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let inbox = inbox(&at).await;
    let uid_validity: UidValidity = at.store.open_folder(inbox, false).await.unwrap().folder.uid_validity;
    let empty = FolderStatus { messages: 0, recent: 0, unseen: 0, uid_next: Uid(1), uid_validity };
    assert_eq!(at.store.folder_status(inbox).await.unwrap(), empty);
    for flags in [seen(), Flags::default(), Flags::default()] {
        at.append(inbox, b"x", flags).await;
    }
    let status = FolderStatus { messages: 3, recent: 3, unseen: 2, uid_next: Uid(4), uid_validity };
    assert_eq!(at.store.folder_status(inbox).await.unwrap(), status);
    assert_eq!(at.store.folder_status(inbox).await.unwrap(), status, "asking takes nothing");
    assert!(is_not_found(&at.store.folder_status(FolderId(999)).await));
}

pub(crate) async fn appends_that_race_get_each_uid_once(backend: &dyn Backend) {
    let at = Arc::new(backend.fresh().await);
    let inbox = inbox(&at).await;
    let callers = (0..40).map(|_| {
        let at = Arc::clone(&at);
        async move {
            let uid = at.append(inbox, b"x", Flags::default()).await;
            let view = at.store.open_folder(inbox, true).await.unwrap();
            assert!(view.entries.iter().any(|entry| entry.uid == uid), "what was answered is seen");
            let recent: Vec<Uid> = view.entries.iter().filter(|entry| entry.recent).map(|entry| entry.uid).collect();
            (uid, recent)
        }
    });
    let given = futures_util::future::join_all(callers).await;
    let all: BTreeSet<Uid> = (1..=40).map(Uid).collect();
    assert_eq!(given.iter().map(|(uid, _)| *uid).collect::<BTreeSet<_>>(), all);
    let told: Vec<Uid> = given.into_iter().flat_map(|(_, recent)| recent).collect();
    assert_eq!(told.len(), 40, "each is recent for one session");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), all);
}
