//! The queue: leases, settlements, what an admin sees.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pli_audit::EventKind;
use pli_store::{Change, Lease, Outcome, Settled, Settlement};
use pli_types::{BodyType, Domain, DsnNotify, DsnReturn, EnvelopeParameters, QueueId, ReversePath};

use crate::support::{Backend, Fixture, address, event, is_not_found};

const LEASE: Duration = Duration::from_mins(5);

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn relayed() -> Outcome {
    Outcome::Relayed { detail: "mx.clinic.test[192.0.2.1]:25: 250 2.0.0 kept".to_owned() }
}

fn deferred(until: Timestamp) -> Outcome {
    Outcome::Deferred { until, reason: "peer-unreachable".to_owned(), detail: "connection refused".to_owned() }
}

fn settlement(lease: Lease, outcome: Outcome) -> Settlement {
    Settlement::new(lease, outcome)
}

async fn settle(at: &Fixture, lease: Lease, outcome: Outcome) -> Settled {
    at.store.settle(vec![settlement(lease, outcome)]).await.unwrap()
}

async fn claim(at: &Fixture, limit: usize) -> Vec<Lease> {
    at.store.claim_due(at.now(), LEASE, limit).await.unwrap()
}

async fn accept(at: &Fixture, recipients: &[&str]) -> pli_types::MessageId {
    let message = at.relayed(b"body", recipients).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    id
}

pub(crate) async fn a_row_is_claimed_once_by_workers_that_race(backend: &dyn Backend) {
    let at = Arc::new(backend.fresh().await);
    for number in 0..100 {
        accept(&at, &[&format!("r{number}@d{}.test", number % 7)]).await;
    }
    let workers = (0..8).map(|_| {
        let at = Arc::clone(&at);
        async move {
            let mut mine = Vec::new();
            loop {
                let leases = claim(&at, 3).await;
                if leases.is_empty() {
                    return mine;
                }
                mine.extend(leases.into_iter().map(|lease| lease.row));
            }
        }
    });
    let claimed: Vec<QueueId> = futures_util::future::join_all(workers).await.concat();
    assert_eq!(claimed.len(), 100);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), 100);
}

pub(crate) async fn a_lease_comes_back_when_its_time_is_over(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &["b@clinic.test"]).await;
    assert_eq!(at.store.next_due_at().await.unwrap(), Some(at.now()));
    let first = claim(&at, 9).await.remove(0);
    assert!(claim(&at, 9).await.is_empty());
    assert_eq!(at.store.next_due_at().await.unwrap(), Some(at.after(300)));
    assert!(at.store.queue_rows(9).await.unwrap()[0].leased);
    at.clock.advance(jiff::SignedDuration::from_secs(299));
    assert!(claim(&at, 9).await.is_empty());
    at.clock.advance(jiff::SignedDuration::from_secs(1));
    assert!(!at.store.queue_rows(9).await.unwrap()[0].leased, "it is over, though nobody has claimed it again");
    let second = claim(&at, 9).await.remove(0);
    assert_eq!(second.row, first.row);
    assert_ne!(second.token, first.token);
    // A process that ends holds nothing.
    let at = at.reopen().await;
    let third = claim(&at, 9).await.remove(0);
    assert!(third.token != second.token && third.token != first.token);
}

pub(crate) async fn a_lease_that_has_passed_to_someone_else_settles_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accept(&at, &["b@clinic.test"]).await;
    let old = claim(&at, 9).await.remove(0);
    at.clock.advance(jiff::SignedDuration::from_secs(301));
    let new = claim(&at, 9).await.remove(0);
    let mut late = settlement(old, relayed());
    late.report = Some(at.relayed(b"report", &["sender@example.test"]).await);
    late.audit = vec![event(id, EventKind::Relayed)];
    let (report, audited) = (late.report.as_ref().unwrap().id, at.store.events_of(id).await.unwrap().len());
    assert_eq!(at.store.settle(vec![late]).await.unwrap(), Settled { settled: 0, lost: 1 });
    assert!(is_not_found(&at.store.body(report).await), "its report is not taken in");
    assert_eq!(at.store.events_of(id).await.unwrap().len(), audited, "nor is it recorded");
    assert_eq!(settle(&at, new, relayed()).await, Settled { settled: 1, lost: 0 });
}

pub(crate) async fn rows_for_one_destination_come_together(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let first = accept(&at, &["a@one.test", "b@two.test", "c@one.test"]).await;
    at.clock.advance(jiff::SignedDuration::from_secs(1));
    let second = accept(&at, &["d@one.test", "e@one.test", "f@one.test"]).await;
    let groups = |leases: &[Lease]| {
        leases.iter().map(|lease| (lease.message, lease.recipient.address.reveal())).collect::<Vec<_>>()
    };
    // One fits, but the group of two does not fit beside what is older.
    let mut taken = groups(&claim(&at, 3).await);
    taken.sort();
    let expected = ["a@one.test", "b@two.test", "c@one.test"].map(|name| (first, name.to_owned()));
    assert_eq!(taken, expected);
    let taken = groups(&claim(&at, 2).await);
    assert_eq!(
        taken,
        ["d@one.test", "e@one.test"].map(|name| (second, name.to_owned())),
        "a group above the limit is cut"
    );
    assert_eq!(groups(&claim(&at, 2).await), [(second, "f@one.test".to_owned())]);
    assert!(claim(&at, 0).await.is_empty());
}

pub(crate) async fn a_relayed_row_is_gone_and_the_body_with_the_last(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accept(&at, &["a@one.test", "b@two.test"]).await;
    let mut leases = claim(&at, 9).await;
    assert_eq!(settle(&at, leases.remove(0), relayed()).await.settled, 1);
    assert_eq!(&at.store.body(id).await.unwrap()[..], b"body");
    let failed = Outcome::Failed { reason: "expired-in-queue".to_owned(), detail: String::new() };
    assert_eq!(settle(&at, leases.remove(0), failed).await.settled, 1);
    assert!(is_not_found(&at.store.body(id).await));
    assert!(at.store.queue_rows(9).await.unwrap().is_empty());
    assert_eq!(at.store.next_due_at().await.unwrap(), None);
}

pub(crate) async fn a_deferred_row_waits_with_its_reason(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &["a@one.test"]).await;
    let lease = claim(&at, 9).await.remove(0);
    let until = at.after(900);
    let mut told = settlement(lease, deferred(until));
    told.delay_reported = true;
    at.store.settle(vec![told]).await.unwrap();
    assert!(claim(&at, 9).await.is_empty());
    assert_eq!(at.store.next_due_at().await.unwrap(), Some(until));
    let row = at.store.queue_rows(9).await.unwrap().remove(0);
    assert_eq!((row.attempts, row.next_attempt_at, row.leased), (1, until, false));
    assert_eq!(row.last_reason.as_deref(), Some("peer-unreachable"));
    assert_eq!(row.last_detail.as_deref(), Some("connection refused"));
    let lease = at.store.claim_due(until, LEASE, 9).await.unwrap().remove(0);
    assert_eq!((lease.attempts, lease.delay_reported), (1, true));
    settle(&at, lease, deferred(until)).await;
    let lease = at.store.claim_due(until, LEASE, 9).await.unwrap().remove(0);
    assert!(lease.delay_reported, "once told, always told");
}

pub(crate) async fn a_report_is_taken_in_with_the_settlement(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("sender@example.test").await;
    let id = accept(&at, &["a@one.test", "b@two.test"]).await;
    let mut settlements = Vec::new();
    let mut reports = Vec::new();
    for (number, lease) in claim(&at, 9).await.into_iter().enumerate() {
        let mut report = if number == 0 {
            at.message(b"report", &[mailbox]).await
        } else {
            at.relayed(b"report", &["other@three.test"]).await
        };
        report.sender = ReversePath::Null;
        reports.push(report.id);
        let outcome = Outcome::Failed { reason: "peer-tls".to_owned(), detail: String::new() };
        settlements.push(Settlement {
            report: Some(report),
            audit: vec![event(id, EventKind::Failed)],
            ..settlement(lease, outcome)
        });
    }
    assert_eq!(at.store.settle(settlements).await.unwrap(), Settled { settled: 2, lost: 0 });
    assert!(is_not_found(&at.store.body(id).await));
    assert_eq!(at.store.events_of(id).await.unwrap().len(), 3);
    assert_eq!(at.store.open_folder(at.inbox(mailbox).await, false).await.unwrap().entries[0].message, reports[0]);
    let leases = claim(&at, 9).await;
    assert_eq!((leases.len(), leases[0].message, &leases[0].sender), (1, reports[1], &ReversePath::Null));
}

pub(crate) async fn a_settlement_counts_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &["a@one.test", "b@one.test"]).await;
    let leases = claim(&at, 9).await;
    let until = at.after(60);
    assert_eq!(settle(&at, leases[0].clone(), deferred(until)).await.settled, 1);
    assert_eq!(settle(&at, leases[0].clone(), relayed()).await, Settled { settled: 0, lost: 1 });
    assert_eq!(settle(&at, leases[1].clone(), relayed()).await.settled, 1);
    assert_eq!(settle(&at, leases[1].clone(), relayed()).await, Settled { settled: 0, lost: 1 });
    assert_eq!(at.store.queue_rows(9).await.unwrap().len(), 1);
}

pub(crate) async fn retry_now_makes_a_row_due(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accept(&at, &["a@one.test"]).await;
    let lease = claim(&at, 9).await.remove(0);
    let row = lease.row;
    at.store.retry_now(row, at.now(), Vec::new()).await.unwrap();
    assert!(claim(&at, 9).await.is_empty(), "somebody is trying it right now");
    settle(&at, lease, deferred(at.after(900))).await;
    at.store.retry_now(row, at.now(), vec![event(id, EventKind::Changed)]).await.unwrap();
    assert_eq!(claim(&at, 9).await.len(), 1);
    assert_eq!(at.store.events_of(id).await.unwrap().last().unwrap().kind, EventKind::Changed);
    assert!(is_not_found(&at.store.retry_now(QueueId::at(at.now()), at.now(), Vec::new()).await));
}

pub(crate) async fn hastened_rows_are_due_and_no_others(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accept(&at, &["a@one.test", "b@one.test", "c@two.test", "d@three.test"]).await;
    for lease in claim(&at, 9).await {
        settle(&at, lease, deferred(at.after(3600))).await;
    }
    let mut changes = at.store.subscribe();
    let gone = [domain("one.test"), domain("two.test"), domain("\u{e9}.test")];
    let recorded = vec![event(id, EventKind::Changed)];
    assert_eq!(at.store.hasten(&gone, at.now(), recorded).await.unwrap(), 3);
    assert_eq!(changes.try_recv().unwrap(), Change::Queue, "the worker is told, and does not sleep on");
    assert_eq!(at.store.events_of(id).await.unwrap().last().unwrap().kind, EventKind::Changed);
    let mut due: Vec<_> = claim(&at, 9).await.iter().map(|lease| lease.recipient.address.reveal()).collect();
    due.sort();
    assert_eq!(due, ["a@one.test", "b@one.test", "c@two.test"]);
    assert_eq!(at.store.next_due_at().await.unwrap(), Some(at.after(300)), "the leases");
}

pub(crate) async fn a_row_that_somebody_tries_is_not_hastened(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &["a@one.test"]).await;
    let lease = claim(&at, 9).await.remove(0);
    assert_eq!(at.store.hasten(&[domain("one.test")], at.now(), Vec::new()).await.unwrap(), 0);
    assert!(claim(&at, 9).await.is_empty(), "it is not tried twice at once");
    assert_eq!(settle(&at, lease, relayed()).await.settled, 1, "the lease still holds");
}

pub(crate) async fn nothing_hastened_is_nothing_recorded(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accept(&at, &["a@one.test"]).await;
    let before = at.store.events_of(id).await.unwrap().len();
    for destinations in [vec![], vec![domain("two.test")], vec![domain("one.test")]] {
        let recorded = vec![event(id, EventKind::Changed)];
        // A row that is due already needs no haste.
        assert_eq!(at.store.hasten(&destinations, at.now(), recorded).await.unwrap(), 0);
    }
    assert_eq!(at.store.events_of(id).await.unwrap().len(), before);
}

pub(crate) async fn what_waits_is_shown_oldest_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut expected = Vec::new();
    for number in 0..5 {
        expected.push(accept(&at, &[&format!("r{number}@one.test")]).await);
    }
    let shown = |limit| {
        let store = at.store.clone();
        async move { store.queue_rows(limit).await.unwrap().iter().map(|row| row.message).collect::<Vec<_>>() }
    };
    assert_eq!(shown(9).await, expected);
    assert_eq!(shown(2).await, expected[..2]);
    let row = at.store.queue_rows(1).await.unwrap().remove(0);
    assert_eq!((row.recipient.reveal(), row.attempts), ("r0@one.test".to_owned(), 0));
    assert_eq!((row.next_attempt_at, row.last_reason), (at.now(), None));
}

pub(crate) async fn a_claim_tells_all_that_the_courier_needs(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut message = at.relayed(b"12345", &["\"a b\"@one.test"]).await;
    message.sender = ReversePath::Address(address("Dr.É@example.test"));
    message.parameters = EnvelopeParameters {
        body: BodyType::EightBitMime,
        smtputf8: true,
        ret: Some(DsnReturn::Headers),
        envid: Some("x+3Dy".to_owned()),
    };
    message.relays[0].recipient.notify = DsnNotify { success: true, failure: false, delay: true };
    message.relays[0].recipient.orcpt = Some("rfc822;a+2Bb@one.test".to_owned());
    let (id, sender, parameters, relay) =
        (message.id, message.sender.clone(), message.parameters.clone(), message.relays[0].clone());
    at.store.accept(message).await.unwrap();
    let lease = claim(&at, 9).await.remove(0);
    assert_eq!((lease.row, lease.message), (relay.id, id));
    assert_eq!((lease.sender, lease.parameters), (sender, parameters));
    assert_eq!((lease.recipient, lease.destination), (relay.recipient, relay.destination));
    assert_eq!((lease.attempts, lease.delay_reported, lease.size), (0, false, 5));
    assert_eq!((lease.accepted_at, lease.expires_at), (at.now(), relay.expires_at));
}
