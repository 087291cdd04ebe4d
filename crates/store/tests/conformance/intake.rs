//! `accept`: what is answered is kept, all of it or nothing.

use std::sync::Arc;

use futures_util::FutureExt;
use pli_audit::EventKind;
use pli_store::{Change, StoreError};
use pli_types::{MailboxId, Uid};

use crate::support::{Backend, event, is_not_found, refused, uids};

pub(crate) async fn what_was_accepted_is_there_after_reopening(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let small = at.message(b"small", &[mailbox]).await;
    let mut large = at.relayed(&crate::support::noise(200_000), &["b@clinic.test"]).await;
    large.deliveries = vec![mailbox];
    let (small_id, large_id) = (small.id, large.id);
    at.store.accept(small).await.unwrap();
    assert_eq!(at.store.accept(large).await.unwrap().id, large_id);

    let at = at.reopen().await;
    assert_eq!(&at.store.body(small_id).await.unwrap()[..], b"small");
    assert_eq!(at.store.body(large_id).await.unwrap(), crate::support::noise(200_000));
    assert_eq!(at.uids(at.inbox(mailbox).await).await, uids(&[1, 2]));
    assert_eq!(at.store.queue_rows(10).await.unwrap().len(), 1);
    assert_eq!(at.store.events_of(small_id).await.unwrap(), [event(small_id, EventKind::Accepted)]);
    assert_eq!(at.used("a@hospital.test").await, 200_005);
}

pub(crate) async fn deliveries_land_in_inbox_and_count(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (a, b) = (at.mailbox("a@hospital.test").await, at.mailbox("b@hospital.test").await);
    let mut changes = at.store.subscribe();
    // Two addresses of one mailbox: it gets the message once.
    let message = at.message(b"12345", &[a, b, a]).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    for (mailbox, name) in [(a, "a@hospital.test"), (b, "b@hospital.test")] {
        let inbox = at.inbox(mailbox).await;
        let view = at.store.open_folder(inbox, false).await.unwrap();
        assert_eq!(view.entries.len(), 1);
        assert_eq!((view.entries[0].uid, view.entries[0].message, view.entries[0].size), (Uid(1), id, 5));
        assert_eq!(view.entries[0].internal_date, at.now());
        assert_eq!(view.uid_next, Uid(2));
        assert_eq!(at.used(name).await, 5);
        assert_eq!(changes.try_recv().unwrap(), Change::Folder(mailbox, inbox));
    }
    assert!(changes.try_recv().is_err(), "nothing waits to be relayed");
}

pub(crate) async fn a_caller_that_vanishes_cancels_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let message = at.message(b"kept", &[mailbox]).await;
    let id = message.id;
    // Polled once, it is queued; then the caller goes away.
    assert!(at.store.accept(message).now_or_never().is_none(), "it cannot be done so fast");
    // Writes are done in the order in which they were queued.
    at.store.append_audit(Vec::new()).await.unwrap();
    assert_eq!(&at.store.body(id).await.unwrap()[..], b"kept");
    assert_eq!(at.uids(at.inbox(mailbox).await).await, uids(&[1]));
}

pub(crate) async fn one_bad_message_in_a_batch_fails_alone(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let mut messages = Vec::new();
    for number in 0..20_u8 {
        let to = if number == 7 { MailboxId(4711) } else { mailbox };
        messages.push(at.message(&[number], &[to]).await);
    }
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    let accepted = messages.into_iter().map(|message| at.store.accept(message));
    let results = futures_util::future::join_all(accepted).await;
    for (number, result) in results.iter().enumerate() {
        assert_eq!(is_not_found(result), number == 7, "{number}: {result:?}");
        assert_eq!(at.store.body(ids[number]).await.is_ok(), number != 7);
        assert_eq!(at.store.events_of(ids[number]).await.unwrap().is_empty(), number == 7);
    }
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 19);
    assert_eq!(at.used("a@hospital.test").await, 19);
}

pub(crate) async fn an_id_is_accepted_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let first = at.message(b"first", &[mailbox]).await;
    let mut second = at.message(b"second", &[mailbox]).await;
    second.id = first.id;
    second.body = at.stage(first.id, b"second").await;
    let id = first.id;
    at.store.accept(first).await.unwrap();
    refused!(at.store.accept(second).await, StoreError::Conflict(_));
    assert_eq!(&at.store.body(id).await.unwrap()[..], b"first");
    assert_eq!(at.uids(at.inbox(mailbox).await).await, uids(&[1]));
}

pub(crate) async fn a_message_for_nobody_leaves_its_record_only(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let message = at.message(b"for nobody", &[]).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    assert!(is_not_found(&at.store.body(id).await));
    assert_eq!(at.store.events_of(id).await.unwrap().len(), 1);
}

pub(crate) async fn many_callers_at_once_lose_nothing(backend: &dyn Backend) {
    let at = Arc::new(backend.fresh().await);
    let mut mailboxes = Vec::new();
    for number in 0..3 {
        mailboxes.push(at.mailbox(&format!("m{number}@hospital.test")).await);
    }
    let callers = (0..16_usize).map(|caller| {
        let (at, mailboxes) = (Arc::clone(&at), mailboxes.clone());
        async move {
            for number in 0..20 {
                let mut message = at.relayed(&[0; 100], &["x@clinic.test", "y@clinic.test"]).await;
                message.deliveries = vec![mailboxes[(caller + number) % 3], mailboxes[(caller + number + 1) % 3]];
                at.store.accept(message).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(callers).await;
    let mut entries = 0;
    for mailbox in mailboxes {
        let found = at.uids(at.inbox(mailbox).await).await;
        let expected: Vec<Uid> = (1..).map(Uid).take(found.len()).collect();
        assert_eq!(found, expected, "each UID once, none left out");
        entries += found.len();
    }
    assert_eq!(entries, 16 * 20 * 2);
    assert_eq!(at.store.queue_rows(1000).await.unwrap().len(), 16 * 20 * 2);
}
