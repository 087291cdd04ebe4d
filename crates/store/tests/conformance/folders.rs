//! Folders and subscriptions.

use pli_store::{Change, Flags, SpecialUse, StoreError};
use pli_types::MailboxId;

use crate::support::{Backend, Fixture, is_not_found, refused, uids};

async fn names(at: &Fixture, mailbox: MailboxId) -> Vec<String> {
    at.store.folders(mailbox).await.unwrap().into_iter().map(|folder| folder.name).collect()
}

pub(crate) async fn a_mailbox_begins_with_five_folders(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let folders = at.store.folders(mailbox).await.unwrap();
    let uses: Vec<_> = folders.iter().map(|folder| (folder.name.as_str(), folder.special_use)).collect();
    let expected = [
        ("INBOX", None),
        ("Drafts", Some(SpecialUse::Drafts)),
        ("Junk", Some(SpecialUse::Junk)),
        ("Sent", Some(SpecialUse::Sent)),
        ("Trash", Some(SpecialUse::Trash)),
    ];
    assert_eq!(uses, expected);
    assert!(folders.iter().all(|folder| folder.selectable && folder.uid_validity.0 > 0));
    assert_eq!(at.store.subscriptions(mailbox).await.unwrap(), ["INBOX", "Drafts", "Junk", "Sent", "Trash"]);
}

pub(crate) async fn missing_parents_are_made(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let id = at.store.create_folder(mailbox, "Archives/2026/03/").await.unwrap();
    assert_eq!(at.folder(mailbox, "Archives/2026/03").await.id, id);
    assert!(names(&at, mailbox).await.starts_with(&["INBOX", "Archives", "Archives/2026"].map(str::to_owned)));
    assert!(is_not_found(&at.store.create_folder(MailboxId(99), "x").await));
}

pub(crate) async fn a_name_is_taken_once_and_inbox_in_any_case(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    for taken in ["Sent", "INBOX", "Inbox", "inbox/"] {
        refused!(at.store.create_folder(mailbox, taken).await, StoreError::Conflict(_));
    }
    for bad in ["", "/", "a//b", "/a", "line\nbreak"] {
        refused!(at.store.create_folder(mailbox, bad).await, StoreError::Conflict(_));
    }
    at.store.create_folder(mailbox, "sent").await.unwrap();
    at.store.create_folder(mailbox, "inbox/Été").await.unwrap();
    at.folder(mailbox, "INBOX/Été").await;
}

pub(crate) async fn a_folder_with_children_cannot_be_deleted_nor_can_inbox(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    at.store.create_folder(mailbox, "a/b").await.unwrap();
    at.store.create_folder(mailbox, "ab").await.unwrap();
    refused!(at.store.delete_folder(mailbox, "a", Vec::new()).await, StoreError::Conflict(_));
    refused!(at.store.delete_folder(mailbox, "inbox", Vec::new()).await, StoreError::Conflict(_));
    assert!(is_not_found(&at.store.delete_folder(mailbox, "none", Vec::new()).await));
    let folder = at.folder(mailbox, "a/b").await.id;
    at.append(folder, b"12345", Flags::default()).await;
    let message = at.store.open_folder(folder, false).await.unwrap().entries[0].message;
    at.store.delete_folder(mailbox, "a/b", Vec::new()).await.unwrap();
    at.store.delete_folder(mailbox, "a", Vec::new()).await.unwrap();
    assert!(is_not_found(&at.store.open_folder(folder, false).await));
    assert!(is_not_found(&at.store.body(message).await));
    assert_eq!(at.used("a@hospital.test").await, 0);
    at.folder(mailbox, "ab").await;
}

pub(crate) async fn a_folder_made_anew_has_another_uid_validity(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let mut last = at.folder(mailbox, "Trash").await.uid_validity;
    // The clock stands still.
    for _ in 0..3 {
        at.store.delete_folder(mailbox, "Trash", Vec::new()).await.unwrap();
        at.store.create_folder(mailbox, "Trash").await.unwrap();
        let now = at.folder(mailbox, "Trash").await.uid_validity;
        assert!(now > last, "{now} after {last}");
        last = now;
    }
}

pub(crate) async fn renaming_takes_the_children_along(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    for name in ["a/é/c", "ab", "a0"] {
        at.store.create_folder(mailbox, name).await.unwrap();
    }
    let folder = at.folder(mailbox, "a").await;
    let uid = at.append(folder.id, b"x", Flags::default()).await;
    at.store.rename_folder(mailbox, "a", "new/place").await.unwrap();
    let names = names(&at, mailbox).await;
    let own: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.starts_with(['a', 'n'])).collect();
    assert_eq!(own, ["a0", "ab", "new", "new/place", "new/place/é", "new/place/é/c"]);
    assert_eq!(at.folder(mailbox, "new/place").await.id, folder.id);
    assert_eq!(at.uids(folder.id).await, [uid]);
}

pub(crate) async fn renaming_inbox_moves_its_messages(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let inbox = at.inbox(mailbox).await;
    at.store.create_folder(mailbox, "INBOX/sub").await.unwrap();
    for body in [b"1", b"2", b"3"] {
        at.append(inbox, body, Flags::default()).await;
    }
    let before = at.store.open_folder(inbox, false).await.unwrap();
    at.store.rename_folder(mailbox, "inbox", "old").await.unwrap();
    assert_eq!(at.inbox(mailbox).await, inbox);
    assert_eq!(at.uids(inbox).await, []);
    let changes = at.store.changes_since(inbox, before.modseq, false).await.unwrap();
    assert_eq!(changes.vanished, uids(&[1, 2, 3]));
    let moved = at.store.open_folder(at.folder(mailbox, "old").await.id, false).await.unwrap();
    let messages = |entries: &[pli_store::Entry]| entries.iter().map(|entry| entry.message).collect::<Vec<_>>();
    assert_eq!(messages(&moved.entries), messages(&before.entries));
    assert_eq!(moved.uid_next.0, 4);
    at.folder(mailbox, "INBOX/sub").await;
    assert_eq!(at.append(inbox, b"4", Flags::default()).await.0, 4, "INBOX gives no UID twice");
}

pub(crate) async fn a_folder_is_not_moved_below_itself_nor_onto_another(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    at.store.create_folder(mailbox, "a/b").await.unwrap();
    for (from, to) in [("a", "a/b/c"), ("a", "Sent"), ("a", "a"), ("a/b", "a"), ("Sent", "inbox")] {
        refused!(at.store.rename_folder(mailbox, from, to).await, StoreError::Conflict(_));
    }
    let long = "x".repeat(254);
    refused!(at.store.rename_folder(mailbox, "a", &long).await, StoreError::Conflict(_));
    assert!(is_not_found(&at.store.rename_folder(mailbox, "none", "other").await));
    assert_eq!(names(&at, mailbox).await, ["INBOX", "Drafts", "Junk", "Sent", "Trash", "a", "a/b"]);
}

pub(crate) async fn subscriptions_outlive_the_folder(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    at.store.create_folder(mailbox, "a").await.unwrap();
    for subscribed in [true, true] {
        at.store.set_subscribed(mailbox, "a", subscribed).await.unwrap();
    }
    at.store.delete_folder(mailbox, "a", Vec::new()).await.unwrap();
    assert!(at.store.subscriptions(mailbox).await.unwrap().contains(&"a".to_owned()));
    at.store.set_subscribed(mailbox, "a", false).await.unwrap();
    at.store.set_subscribed(mailbox, "never there", false).await.unwrap();
    assert!(!at.store.subscriptions(mailbox).await.unwrap().contains(&"a".to_owned()));
}

pub(crate) async fn changes_are_told(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let inbox = at.inbox(mailbox).await;
    let mut changes = at.store.subscribe();
    at.store.create_folder(mailbox, "a").await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::Folders(mailbox));
    at.store.rename_folder(mailbox, "a", "b").await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::Folders(mailbox));
    at.append(inbox, b"x", crate::support::deleted()).await;
    assert_eq!(changes.try_recv().unwrap(), Change::Folder(mailbox, inbox));
    at.store.expunge(inbox, None, Vec::new()).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::Folder(mailbox, inbox));
    at.store.accept(at.relayed(b"x", &["b@clinic.test"]).await).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::Queue);
    refused!(at.store.create_folder(mailbox, "b").await, StoreError::Conflict(_));
    assert!(changes.try_recv().is_err(), "what was refused is no change");
}
