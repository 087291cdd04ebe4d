//! Whose turn it is in the queue.

use std::time::Duration;

use jiff::SignedDuration;
use pli_store::{Change, Lease, Outcome, Settlement};
use pli_types::{Domain, MessageId, ReversePath};

use crate::support::{Backend, Fixture};

const LEASE: Duration = Duration::from_mins(5);

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

async fn accept(at: &Fixture, recipients: &[&str]) -> MessageId {
    let message = at.relayed(b"body", recipients).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    id
}

async fn claim(at: &Fixture, limit: usize, sated: &[Domain]) -> Vec<String> {
    let leases = at.store.claim_turns(at.now(), LEASE, limit, sated).await.unwrap();
    leases.iter().map(|lease| lease.recipient.address.reveal()).collect()
}

async fn put_off(at: &Fixture, lease: Lease, seconds: i64) {
    let outcome = Outcome::Deferred {
        until: at.after(seconds),
        reason: "peer-unreachable".to_owned(),
        detail: "no answer".to_owned(),
    };
    at.store.settle(vec![Settlement::new(lease, outcome)]).await.unwrap();
}

pub(crate) async fn where_more_is_due_than_is_claimed_destinations_take_turns(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for number in 0..30 {
        accept(&at, &[&format!("r{number}@dead.test")]).await;
        at.clock.advance(SignedDuration::from_secs(1));
    }
    accept(&at, &["a@one.test", "b@one.test"]).await;
    at.clock.advance(SignedDuration::from_secs(1));
    accept(&at, &["c@two.test"]).await;
    // Three of the oldest for each, and never more than is asked for.
    let first = claim(&at, 9, &[]).await;
    assert_eq!(first, ["r0@dead.test", "r1@dead.test", "r2@dead.test", "a@one.test", "b@one.test", "c@two.test"]);
    assert_eq!(claim(&at, 2, &[]).await, ["r3@dead.test", "r4@dead.test"], "what nobody else wants is taken whole");
    assert_eq!(claim(&at, 99, &[]).await.len(), 25);
}

pub(crate) async fn a_destination_that_has_enough_gets_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for number in 0..5 {
        accept(&at, &[&format!("r{number}@slow.test")]).await;
    }
    accept(&at, &["a@one.test"]).await;
    let sated = [domain("slow.test")];
    assert_eq!(claim(&at, 3, &sated).await, ["a@one.test"], "where more is due than fits");
    assert_eq!(claim(&at, 99, &sated).await, [""; 0], "and where all fits");
    assert_eq!(claim(&at, 99, &[]).await.len(), 5);
}

pub(crate) async fn notices_go_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for number in 0..9 {
        accept(&at, &[&format!("r{number}@one.test")]).await;
    }
    at.clock.advance(SignedDuration::from_secs(60));
    let mut notice = at.relayed(b"report", &["author@two.test"]).await;
    notice.sender = ReversePath::Null;
    at.store.accept(notice).await.unwrap();
    assert_eq!(claim(&at, 2, &[]).await, ["author@two.test", "r0@one.test"]);
    let mut notice = at.relayed(b"report", &["author@one.test"]).await;
    notice.sender = ReversePath::Null;
    at.store.accept(notice).await.unwrap();
    assert_eq!(claim(&at, 99, &[]).await.first().map(String::as_str), Some("author@one.test"));
}

pub(crate) async fn a_lease_given_up_is_due_again_and_counts_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &["a@one.test"]).await;
    let leases = at.store.claim_due(at.now(), LEASE, 9).await.unwrap();
    at.store.unclaim(&leases).await.unwrap();
    let again = at.store.claim_due(at.now(), LEASE, 9).await.unwrap();
    assert_eq!((again.len(), again[0].attempts, again[0].steps), (1, 0, 0));
    at.store.unclaim(&leases).await.unwrap();
    assert!(at.store.claim_due(at.now(), LEASE, 9).await.unwrap().is_empty(), "it is somebody else's by now");
}

pub(crate) async fn a_server_that_is_there_again_wakes_what_waits_for_it(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &["a@one.test", "b@one.test", "c@one.test", "d@two.test"]).await;
    for lease in at.store.claim_due(at.now(), LEASE, 9).await.unwrap() {
        put_off(&at, lease, 3600).await;
    }
    let mut changes = at.store.subscribe();
    assert_eq!(at.store.wake(&domain("one.test"), at.now(), 2).await.unwrap(), 2);
    assert_eq!(changes.try_recv().unwrap(), Change::Queue);
    assert_eq!(at.store.wake(&domain("one.test"), at.now(), 2).await.unwrap(), 1);
    assert_eq!(at.store.wake(&domain("one.test"), at.now(), 2).await.unwrap(), 0);
    assert_eq!(claim(&at, 9, &[]).await.len(), 3, "and nobody else's");
}
