//! Our own entries of the directory.

use jiff::SignedDuration;
use pli_store::{DirectoryEntry, MailboxChange, MailboxKind, NewMailbox, StoreError};
use pli_types::MailboxId;

use crate::support::{Backend, Fixture, address};

fn entry(number: u16, town: &str) -> DirectoryEntry {
    DirectoryEntry { number, columns: [("town".to_owned(), town.to_owned())].into() }
}

async fn mailbox(at: &Fixture, name: &str) -> MailboxId {
    at.store.add_mailbox(NewMailbox::new(address(name), MailboxKind::Org), Vec::new()).await.unwrap()
}

pub(crate) async fn lines_are_kept_by_number_and_replaced(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (one, other) = (mailbox(&at, "a@x.test").await, mailbox(&at, "b@x.test").await);
    for (mailbox, entry) in [(other, entry(1, "Lyon")), (one, entry(2, "Brest")), (one, entry(1, "Nantes"))] {
        at.store.put_directory_entry(mailbox, None, entry, Vec::new()).await.unwrap();
    }
    at.store.put_directory_entry(one, Some(&entry(1, "Nantes")), entry(1, "Rezé"), Vec::new()).await.unwrap();
    for before in [None, Some(entry(1, "Nantes"))] {
        let late = at.store.put_directory_entry(one, before.as_ref(), entry(1, "Vertou"), Vec::new()).await;
        assert!(matches!(late, Err(StoreError::Conflict(_))), "who has not seen it as it is changes nothing: {late:?}");
    }
    let at = at.reopen().await;
    let all = at.store.directory_entries(&[other, one]).await.unwrap();
    assert_eq!(all, [(one, entry(1, "Rezé")), (one, entry(2, "Brest")), (other, entry(1, "Lyon"))]);
    assert_eq!(at.store.directory_entries(&[]).await.unwrap(), []);
    let nobody = at.store.put_directory_entry(MailboxId(99), None, entry(1, ""), Vec::new()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))), "{nobody:?}");
}

pub(crate) async fn lines_are_removed_once_one_or_all(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let one = mailbox(&at, "a@x.test").await;
    for number in 1..=3 {
        at.store.put_directory_entry(one, None, entry(number, ""), Vec::new()).await.unwrap();
    }
    for (number, removed) in [(Some(2), 1), (Some(2), 0), (None, 2), (None, 0)] {
        let done = at.store.remove_directory_entries(one, number, Vec::new()).await.unwrap();
        assert_eq!(done, removed, "{number:?}");
    }
}

pub(crate) async fn a_deleted_mailbox_takes_its_lines_along(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let one = mailbox(&at, "a@x.test").await;
    at.store.put_directory_entry(one, None, entry(1, "Lyon"), Vec::new()).await.unwrap();
    let kept = at.now().checked_add(SignedDuration::from_hours(24)).unwrap();
    let delete = MailboxChange::Delete { address_kept_until: kept };
    at.store.change_mailbox(one, delete, Vec::new()).await.unwrap();
    assert_eq!(at.store.directory_entries(&[one]).await.unwrap(), []);
}
