//! What is kept of each try, what counts as one, and what an admin does with rows that wait.

use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{Attempt, HeldBacklog, Lease, Outcome, Settlement};
use pli_types::{MessageId, QueueId};

use crate::support::{Backend, Fixture, event, is_not_found};

const LEASE: Duration = Duration::from_mins(5);

async fn accept(at: &Fixture) -> (MessageId, QueueId) {
    let message = at.relayed(b"body", &["a@one.test"]).await;
    let (id, row) = (message.id, message.relays[0].id);
    at.store.accept(message).await.unwrap();
    (id, row)
}

async fn claim(at: &Fixture) -> Lease {
    at.store.claim_due(at.now(), LEASE, 9).await.unwrap().remove(0)
}

fn deferred(at: &Fixture) -> Outcome {
    Outcome::Deferred { until: at.after(60), reason: "peer-refused".to_owned(), detail: "450 later".to_owned() }
}

fn attempt(at: &Fixture, line: &str) -> Attempt {
    Attempt {
        number: 0,
        at: at.now(),
        server: Some("mx.one.test[192.0.2.1]:25".to_owned()),
        reason: "peer-refused".to_owned(),
        detail: "450 later".to_owned(),
        transcript: vec!["> MAIL FROM:<>".to_owned(), line.to_owned()],
    }
}

pub(crate) async fn a_row_shows_its_last_ten_tries_and_they_go_with_it(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (_, row) = accept(&at).await;
    assert!(at.store.attempts(row).await.unwrap().is_empty());
    for number in 1..=12 {
        let kept = Some(attempt(&at, &format!("< 450 {number}")));
        let settlement = Settlement { attempt: kept, ..Settlement::new(claim(&at).await, deferred(&at)) };
        at.store.settle(vec![settlement]).await.unwrap();
        at.clock.advance(SignedDuration::from_secs(60));
    }
    let kept = at.store.attempts(row).await.unwrap();
    assert_eq!(kept.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), (3..=12).collect::<Vec<_>>());
    let last = Attempt { number: 12, at: kept[9].at, ..attempt(&at, "< 450 12") };
    assert_eq!((&kept[9], kept[9].at), (&last, at.after(-60)));
    let relayed = Outcome::Relayed { detail: "250".to_owned() };
    let late = Settlement { attempt: Some(attempt(&at, "< 250")), ..Settlement::new(claim(&at).await, relayed) };
    at.store.settle(vec![late]).await.unwrap();
    assert!(at.store.attempts(row).await.unwrap().is_empty());
}

pub(crate) async fn a_try_that_somebody_asked_for_does_not_count_in_the_back_off(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (_, row) = accept(&at).await;
    let lease = claim(&at).await;
    assert_eq!((lease.attempts, lease.steps, lease.asked), (0, 0, false));
    at.store.settle(vec![Settlement::new(lease, deferred(&at))]).await.unwrap();
    for tries in 1..4 {
        at.store.retry_now(row, at.now(), Vec::new()).await.unwrap();
        let lease = claim(&at).await;
        assert_eq!((lease.attempts, lease.steps, lease.asked), (tries, 0, true), "the pause is that of the last try");
        at.store.settle(vec![Settlement::new(lease, deferred(&at))]).await.unwrap();
    }
    at.clock.advance(SignedDuration::from_secs(60));
    let lease = claim(&at).await;
    assert_eq!((lease.attempts, lease.steps, lease.asked), (4, 1, false));
}

pub(crate) async fn what_was_not_tried_counts_as_no_try(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (_, row) = accept(&at).await;
    let settlement = Settlement { untried: true, ..Settlement::new(claim(&at).await, deferred(&at)) };
    at.store.settle(vec![settlement]).await.unwrap();
    let shown = at.store.queue_rows(9).await.unwrap().remove(0);
    assert_eq!((shown.id, shown.attempts, shown.next_attempt_at), (row, 0, at.after(60)));
    assert_eq!(shown.last_reason.as_deref(), Some("peer-refused"), "it says why it waits");
}

pub(crate) async fn an_admin_holds_what_waits_and_only_that(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (id, row) = accept(&at).await;
    let lease = claim(&at).await;
    assert!(is_not_found(&at.store.hold(row, "stopped-by-admin", at.now(), Vec::new()).await), "somebody tries it");
    at.store.settle(vec![Settlement::new(lease, deferred(&at))]).await.unwrap();
    let expires_at = at.store.queue_rows(9).await.unwrap()[0].expires_at;
    at.store.hold(row, "stopped-by-admin", at.now(), vec![event(id, EventKind::Held)]).await.unwrap();
    let shown = at.store.queue_rows(9).await.unwrap().remove(0);
    assert_eq!((shown.held.as_deref(), shown.next_attempt_at), (Some("stopped-by-admin"), expires_at));
    assert_eq!(at.store.events_of(id).await.unwrap().last().unwrap().kind, EventKind::Held);
    let backlog = HeldBacklog { waiting: 1, first_expires_at: Some(expires_at) };
    assert_eq!(at.store.held_backlog().await.unwrap(), backlog);
    assert!(is_not_found(&at.store.hold(row, "stopped-by-admin", at.now(), Vec::new()).await), "once");
    assert!(is_not_found(&at.store.drop_waiting(row, "stopped-by-admin", at.now(), Vec::new()).await));
}

pub(crate) async fn an_admin_gives_what_waits_back(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (id, row) = accept(&at).await;
    let lease = claim(&at).await;
    let refused = at.store.drop_waiting(row, "stopped-by-admin", at.now(), Vec::new()).await;
    assert!(is_not_found(&refused), "somebody tries it");
    at.store.settle(vec![Settlement::new(lease, deferred(&at))]).await.unwrap();
    let audit = vec![event(id, EventKind::Dropped)];
    at.store.drop_waiting(row, "stopped-by-admin", at.now(), audit).await.unwrap();
    let lease = claim(&at).await;
    assert_eq!((lease.returned.as_deref(), lease.expires_at), (Some("stopped-by-admin"), at.now()));
    assert_eq!(at.store.events_of(id).await.unwrap().last().unwrap().kind, EventKind::Dropped);
}
