//! Our own entries of the directory.

use jiff::SignedDuration;
use pli_store::national::Search;
use pli_store::{DirectoryEntry, MailboxChange, MailboxDetails, MailboxKind, MailboxState, NewMailbox, StoreError};
use pli_types::{MailboxId, StructureId};

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

/// Each step changes what is found, in the transaction that changes the mailbox or the entry.
pub(crate) async fn words_follow_their_mailbox(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let one = mailbox(&at, "a@x.test").await;
    let found = async |words: &str| {
        let search = Search { words: words.to_owned(), ..Search::default() };
        !at.store.likely_mailboxes(&search).await.unwrap().is_empty()
    };
    let change = async |change| at.store.change_mailbox(one, change, Vec::new()).await.unwrap();
    let put = async |before: Option<&DirectoryEntry>, entry| {
        at.store.put_directory_entry(one, before, entry, Vec::new()).await.unwrap();
    };
    put(None, entry(1, "Angoulême")).await;
    assert!(!found("angouleme").await, "not published");
    change(MailboxChange::Publish).await;
    assert!(found("ANGOULEME").await && found("ang").await && !found("an").await && !found("angoulemes").await);
    put(Some(&entry(1, "Angoulême")), entry(1, "Niort")).await;
    assert!(found("niort").await && !found("angouleme").await);
    put(None, entry(2, "Cognac")).await;
    at.store.remove_directory_entries(one, Some(1), Vec::new()).await.unwrap();
    assert!(found("cognac").await && !found("niort").await);
    let details = MailboxDetails { service: "Imagerie".to_owned(), ..MailboxDetails::default() };
    change(MailboxChange::Details(details.clone())).await;
    assert!(found("imagerie cognac").await);
    change(MailboxChange::Holder { rpps: None, structure: Some(StructureId::parse("990000069").unwrap()) }).await;
    assert!(found("990000069").await);
    for (away, back) in [
        (MailboxChange::Suspend, MailboxChange::Resume),
        (MailboxChange::Unpublish, MailboxChange::Publish),
        (
            MailboxChange::Details(MailboxDetails { unlisted: true, ..details.clone() }),
            MailboxChange::Details(details.clone()),
        ),
    ] {
        change(away.clone()).await;
        assert!(!found("cognac").await, "{away:?}");
        change(back.clone()).await;
        assert!(found("cognac").await, "{back:?}");
    }
    for (state, shown) in [(MailboxState::Suspended, false), (MailboxState::Open, true)] {
        at.store.set_mailbox_state(one, state, Vec::new()).await.unwrap();
        assert_eq!(found("cognac").await, shown, "{state:?}");
    }
    let kept = at.now().checked_add(SignedDuration::from_hours(24)).unwrap();
    change(MailboxChange::Delete { address_kept_until: kept }).await;
    assert!(!found("cognac").await);
}

pub(crate) async fn many_are_narrowed_word_by_word_and_come_by_address(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut expected = Vec::new();
    // More than are few, and backwards.
    for number in (0..1200).rev() {
        let one = mailbox(&at, &format!("a{number:04}@x.test")).await;
        at.store.change_mailbox(one, MailboxChange::Publish, Vec::new()).await.unwrap();
        let town = if number % 2 == 0 { "Lyon Nord" } else { "Lyon Sud" };
        at.store.put_directory_entry(one, None, entry(1, town), Vec::new()).await.unwrap();
        expected.push(one);
    }
    expected.reverse();
    let find = async |town: &str| {
        let search = Search { town: town.to_owned(), kind: "org".to_owned(), ..Search::default() };
        at.store.likely_mailboxes(&search).await.unwrap()
    };
    assert_eq!(find("lyo").await, expected);
    let north: Vec<_> = expected.iter().copied().step_by(2).collect();
    assert_eq!(find("lyon nord").await, north);
    assert_eq!(find("lyon ouest").await, []);
    let records = at.store.records_of(&[north[1], north[0], MailboxId(99_999)]).await.unwrap();
    assert_eq!(records.iter().map(|record| record.mailbox.id).collect::<Vec<_>>(), north[..2]);
}
