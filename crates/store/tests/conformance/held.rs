//! Mail that is held until an admin decides.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{Change, Held, HeldBacklog, Lease, QueueBacklog, Release, StoreError};
use pli_types::{Domain, DsnNotify, MailboxId, MessageId, QueueId, Recipient};

use crate::support::{Backend, Fixture, address, event, is_not_found, refused};

const LEASE: Duration = Duration::from_mins(5);
const LIFETIME: i64 = 5 * 24 * 3600;

fn held(at: &Fixture, recipient: &str) -> Held {
    let recipient = Recipient { address: address(recipient), notify: DsnNotify::default(), orcpt: None };
    let reason = "message-too-big".to_owned();
    Held { id: QueueId::at(at.now()), recipient, reason, expires_at: at.after(LIFETIME) }
}

/// A message held for this recipient; its id and its row's.
async fn accept(at: &Fixture, recipient: &str) -> (MessageId, QueueId) {
    let mut message = at.message(b"body", &[]).await;
    let held = held(at, recipient);
    let (id, row) = (message.id, held.id);
    message.held.push(held);
    at.store.accept(message).await.unwrap();
    (id, row)
}

async fn claim(at: &Fixture) -> Vec<Lease> {
    at.store.claim_due(at.now(), LEASE, 9).await.unwrap()
}

fn deliver(mailbox: MailboxId) -> Release {
    let keywords = BTreeSet::from(["Prescription".to_owned()]);
    Release::Deliver { mailbox, keywords, contacts: Vec::new(), correspondence: None }
}

pub(crate) async fn a_held_row_waits_whatever_is_tried_and_names_its_reason(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (_, row) = accept(&at, "b@clinic.test").await;
    let shown = at.store.queue_rows(9).await.unwrap().remove(0);
    assert_eq!(
        (shown.held.as_deref(), shown.last_reason.as_deref()),
        (Some("message-too-big"), Some("message-too-big"))
    );
    assert_eq!((shown.expires_at, shown.next_attempt_at), (at.after(LIFETIME), at.after(LIFETIME)));
    assert!(is_not_found(&at.store.retry_now(row, at.now(), Vec::new()).await));
    let clinic = Domain::parse("clinic.test").unwrap();
    assert_eq!(at.store.hasten(&[clinic], at.now(), Vec::new()).await.unwrap(), 0);
    let at = at.reopen().await;
    at.clock.advance(SignedDuration::from_secs(LIFETIME - 1));
    assert!(claim(&at).await.is_empty());
    let expected = HeldBacklog { waiting: 1, first_expires_at: Some(at.after(1)) };
    assert_eq!(at.store.held_backlog().await.unwrap(), expected);
}

pub(crate) async fn the_depth_of_the_queue_tells_what_waits_what_is_due_and_what_is_held(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.queue_backlog(at.now()).await.unwrap(), QueueBacklog::default());
    accept(&at, "held@clinic.test").await;
    at.clock.advance(SignedDuration::from_secs(10));
    let first = at.now();
    for recipients in [&["a@clinic.test", "b@clinic.test"][..], &["c@clinic.test"]] {
        let message = at.relayed(b"body", recipients).await;
        at.store.accept(message).await.unwrap();
        at.clock.advance(SignedDuration::from_secs(10));
    }
    let (due_since, oldest_accepted_at) = (Some(first), Some(first));
    let expected = QueueBacklog { waiting: 3, due: 3, due_since, oldest_accepted_at };
    assert_eq!(at.store.queue_backlog(at.now()).await.unwrap(), expected, "what is held is as old, and is not counted");
    assert_eq!(claim(&at).await.len(), 3);
    let expected = QueueBacklog { due: 0, due_since: None, ..expected };
    assert_eq!(at.store.queue_backlog(at.now()).await.unwrap(), expected, "what is tried waits, and is not due");
    assert_eq!(at.store.held_backlog().await.unwrap().waiting, 1);
}

pub(crate) async fn a_held_message_is_released_into_a_mailbox_as_a_delivery_is(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("b@here.test").await;
    let (id, row) = accept(&at, "b@here.test").await;
    at.clock.advance(SignedDuration::from_secs(60));
    let mut changes = at.store.subscribe();
    let recorded = vec![event(id, EventKind::Released)];
    at.store.release(row, deliver(mailbox), at.now(), recorded).await.unwrap();
    let inbox = at.inbox(mailbox).await;
    let entry = at.store.open_folder(inbox, false).await.unwrap().entries.remove(0);
    assert_eq!((entry.message, entry.internal_date, entry.size), (id, at.now(), 4));
    assert!(entry.flags.keywords.contains("Prescription") && !entry.flags.seen);
    assert_eq!(changes.try_recv().unwrap(), Change::Folder(mailbox, inbox), "a program in IDLE is told");
    assert_eq!(&at.store.body(id).await.unwrap()[..], b"body");
    assert_eq!(at.used("b@here.test").await, 4);
    assert!(at.store.queue_rows(9).await.unwrap().is_empty());
    assert_eq!(at.store.events_of(id).await.unwrap().last().unwrap().kind, EventKind::Released);
    assert_eq!(at.store.held_backlog().await.unwrap(), HeldBacklog::default());
}

pub(crate) async fn a_held_message_is_released_to_another_server_with_time_of_its_own(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (_, row) = accept(&at, "b@clinic.test").await;
    at.clock.advance(SignedDuration::from_secs(LIFETIME - 1));
    let mut changes = at.store.subscribe();
    let until = at.after(LIFETIME);
    at.store.release(row, Release::Relay { expires_at: until }, at.now(), Vec::new()).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::Queue);
    let lease = claim(&at).await.remove(0);
    assert_eq!((lease.row, lease.returned, lease.expires_at), (row, None, until));
}

pub(crate) async fn a_dropped_message_goes_back_to_its_sender(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (id, row) = accept(&at, "b@clinic.test").await;
    at.store.drop_held(row, at.now(), vec![event(id, EventKind::Dropped)]).await.unwrap();
    let lease = claim(&at).await.remove(0);
    assert_eq!((lease.row, lease.returned.as_deref()), (row, Some("message-too-big")));
    assert_eq!(at.store.events_of(id).await.unwrap().last().unwrap().kind, EventKind::Dropped);
}

pub(crate) async fn what_nobody_decided_on_in_time_goes_back(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("b@here.test").await;
    let (_, row) = accept(&at, "b@here.test").await;
    assert_eq!(at.store.next_due_at().await.unwrap(), Some(at.after(LIFETIME)));
    at.clock.advance(SignedDuration::from_secs(LIFETIME));
    let lease = claim(&at).await.remove(0);
    assert_eq!(lease.returned.as_deref(), Some("message-too-big"));
    assert!(
        is_not_found(&at.store.release(row, deliver(mailbox), at.now(), Vec::new()).await),
        "it is on its way back"
    );
    assert!(is_not_found(&at.store.drop_held(row, at.now(), Vec::new()).await));
}

pub(crate) async fn what_is_decided_once_is_not_decided_again(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("b@here.test").await;
    let (id, row) = accept(&at, "b@here.test").await;
    at.store.release(row, deliver(mailbox), at.now(), Vec::new()).await.unwrap();
    let audited = at.store.events_of(id).await.unwrap().len();
    let again = at.store.release(row, deliver(mailbox), at.now(), vec![event(id, EventKind::Released)]).await;
    assert!(is_not_found(&again));
    assert!(is_not_found(&at.store.drop_held(row, at.now(), vec![event(id, EventKind::Dropped)]).await));
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 1);
    assert_eq!(at.store.events_of(id).await.unwrap().len(), audited, "nothing is recorded of what was not done");
}

pub(crate) async fn a_full_mailbox_takes_nothing_that_is_released(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox_with_quota("b@here.test", Some(3)).await;
    let (_, row) = accept(&at, "b@here.test").await;
    refused!(at.store.release(row, deliver(mailbox), at.now(), Vec::new()).await, StoreError::MailboxFull);
    assert_eq!(at.store.held_backlog().await.unwrap().waiting, 1, "it is held as before");
}
