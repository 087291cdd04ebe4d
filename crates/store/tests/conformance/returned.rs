//! Recipients whose mail goes back to its sender: rows of the queue for which no server is tried.

use std::time::Duration;

use pli_audit::EventKind;
use pli_store::{Lease, NewMessage, Outcome, Returned, Settled, Settlement};
use pli_types::{DsnNotify, MessageId, QueueId, Recipient};

use crate::support::{Backend, Fixture, address, event, is_not_found};

const LEASE: Duration = Duration::from_mins(5);
const NOBODY: &str = "297022A02077878@patient.mssante.fr";

fn returned(at: &Fixture, recipient: &str) -> Returned {
    let notify = DsnNotify { success: false, failure: true, delay: false };
    Returned {
        id: QueueId::at(at.now()),
        recipient: Recipient { address: address(recipient), notify, orcpt: Some("rfc822;x".to_owned()) },
        reason: "patient-unknown".to_owned(),
    }
}

async fn accept(at: &Fixture, message: NewMessage) -> MessageId {
    let id = message.id;
    at.store.accept(message).await.unwrap();
    id
}

async fn claim(at: &Fixture) -> Vec<Lease> {
    at.store.claim_due(at.now(), LEASE, 9).await.unwrap()
}

fn failed(lease: Lease, report: Option<NewMessage>, message: MessageId) -> Settlement {
    let outcome = Outcome::Failed { reason: "patient-unknown".to_owned(), detail: String::new() };
    let audit = vec![event(message, EventKind::Failed), event(message, EventKind::Reported)];
    Settlement { report, audit, ..Settlement::new(lease, outcome) }
}

pub(crate) async fn a_returned_row_carries_its_reason_from_the_start_and_is_due_at_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut message = at.relayed(b"body", &["a@one.test"]).await;
    message.returns.push(returned(&at, NOBODY));
    let id = accept(&at, message).await;
    let rows = at.store.queue_rows(9).await.unwrap();
    let shown: Vec<_> = rows.iter().map(|row| (row.returned.as_deref(), row.last_reason.as_deref())).collect();
    assert_eq!(shown, [(None, None), (Some("patient-unknown"), Some("patient-unknown"))]);
    let leases = claim(&at).await;
    let lease = leases.iter().find(|lease| lease.returned.is_some()).unwrap();
    assert_eq!((leases.len(), lease.message, lease.returned.as_deref()), (2, id, Some("patient-unknown")));
    assert_eq!(lease.recipient, returned(&at, NOBODY).recipient);
    assert_eq!((lease.destination.as_str(), lease.expires_at), ("patient.mssante.fr", at.now()));
}

pub(crate) async fn a_returned_row_and_its_report_are_one_settlement(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let sender = at.mailbox("sender@example.test").await;
    let mut message = at.message(b"body", &[]).await;
    message.returns.push(returned(&at, NOBODY));
    let id = accept(&at, message).await;
    let report = at.message(b"report", &[sender]).await;
    let settlement = failed(claim(&at).await.remove(0), Some(report), id);
    assert_eq!(at.store.settle(vec![settlement]).await.unwrap(), Settled { settled: 1, lost: 0 });
    assert_eq!(at.uids(at.inbox(sender).await).await.len(), 1);
    assert!(at.store.queue_rows(9).await.unwrap().is_empty());
    assert!(is_not_found(&at.store.body(id).await), "nothing of it is kept any longer");
}

pub(crate) async fn a_returned_row_outlives_a_crash_and_is_reported_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let sender = at.mailbox("sender@example.test").await;
    let mut message = at.message(b"body", &[]).await;
    message.returns.push(returned(&at, NOBODY));
    let id = accept(&at, message).await;
    let before = claim(&at).await.remove(0);
    let at = at.reopen().await;
    let after = claim(&at).await.remove(0);
    assert_eq!((after.row, after.returned.as_deref()), (before.row, Some("patient-unknown")));
    for (lease, expected) in [(after, Settled { settled: 1, lost: 0 }), (before, Settled { settled: 0, lost: 1 })] {
        let report = at.message(b"report", &[sender]).await;
        assert_eq!(at.store.settle(vec![failed(lease, Some(report), id)]).await.unwrap(), expected);
    }
    assert_eq!(at.uids(at.inbox(sender).await).await.len(), 1);
}

pub(crate) async fn a_message_that_is_only_returned_is_kept_until_it_is_reported(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut message = at.message(b"header", &[]).await;
    message.returns.push(returned(&at, NOBODY));
    let id = accept(&at, message).await;
    let until = at.after(600);
    let outcome = Outcome::Deferred { until, reason: "mailbox-full".to_owned(), detail: "waits".to_owned() };
    let lease = claim(&at).await.remove(0);
    let settlement = Settlement::new(lease, outcome);
    at.store.settle(vec![settlement]).await.unwrap();
    assert_eq!(&at.store.body(id).await.unwrap()[..], b"header", "its report needs the header");
    assert!(claim(&at).await.is_empty());
    let row = at.store.queue_rows(9).await.unwrap().remove(0);
    assert_eq!((row.returned.as_deref(), row.last_reason.as_deref()), (Some("patient-unknown"), Some("mailbox-full")));
    let lease = at.store.claim_due(until, LEASE, 9).await.unwrap().remove(0);
    assert_eq!(lease.returned.as_deref(), Some("patient-unknown"), "it still goes back");
}
