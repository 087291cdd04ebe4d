//! Messages that come again, because a peer has not heard our 250.

use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{
    Arrival, ContactEvent, Correspondence, Held, NewMessage, Outcome, Repeated, Returned, Settlement, StoreError,
    Target,
};
use pli_types::{ContactTurn, DsnNotify, Ins, MailboxId, Marked, MessageId, QueueId, Recipient};

use crate::support::{Backend, Fixture, address, event, is_not_found, refused, uids};

const KEPT: SignedDuration = SignedDuration::from_hours(24);
const PATIENT: &str = "279035121518989";
const DOCTOR: &str = "dr.martin@clinic.test";

/// The same message for all of its recipients, known again by this key.
fn known(at: &Fixture, key: u8, message: NewMessage) -> NewMessage {
    let repeated = |target, recipient: String| Repeated {
        target,
        patient: None,
        event: pli_audit::Event { recipient: Some(recipient.into()), ..event(message.id, EventKind::Duplicate) },
    };
    let mut recipients: Vec<Repeated> = Vec::new();
    for mailbox in &message.deliveries {
        recipients.push(repeated(Target::Mailbox(*mailbox), format!("mailbox {mailbox}")));
    }
    let rows = message.relays.iter().map(|row| (row.id, &row.recipient));
    let rows = rows.chain(message.returns.iter().map(|row| (row.id, &row.recipient)));
    for (id, recipient) in rows.chain(message.held.iter().map(|row| (row.id, &row.recipient))) {
        recipients.push(repeated(Target::Row(id), recipient.address.reveal()));
    }
    let mut audit = message.audit.clone();
    for repeated in &recipients {
        if let Target::Mailbox(_) = repeated.target {
            audit.push(pli_audit::Event {
                recipient: repeated.event.recipient.clone(),
                ..event(message.id, EventKind::Delivered)
            });
        }
    }
    let arrival = Arrival { key: [key; 32], until: at.now() + KEPT, recipients };
    NewMessage { audit, arrival: Some(arrival), ..message }
}

async fn accept(at: &Fixture, message: NewMessage) -> MessageId {
    let id = message.id;
    assert_eq!(at.store.accept(message).await.unwrap().id, id, "the 250 is the repeat's own");
    id
}

/// One for these mailboxes and these addresses elsewhere.
async fn letter(at: &Fixture, key: u8, mailboxes: &[MailboxId], elsewhere: &[&str]) -> NewMessage {
    let message = at.relayed(b"a letter", elsewhere).await;
    known(at, key, NewMessage { deliveries: mailboxes.to_vec(), ..message })
}

async fn kinds(at: &Fixture, message: MessageId) -> Vec<EventKind> {
    at.store.events_of(message).await.unwrap().iter().map(|event| event.kind).collect()
}

async fn waiting(at: &Fixture) -> Vec<String> {
    at.store.queue_rows(100).await.unwrap().iter().map(|row| row.recipient.reveal()).collect()
}

pub(crate) async fn the_same_again_is_there_once_and_its_record_says_so(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let first = accept(&at, letter(&at, 1, &[mailbox], &["b@clinic.test"]).await).await;
    // Between the two, the process ends: what is known is kept.
    let at = at.reopen().await;
    let again = accept(&at, letter(&at, 1, &[mailbox], &["b@clinic.test"]).await).await;
    assert_eq!(at.uids(at.inbox(mailbox).await).await, uids(&[1]));
    assert_eq!(at.used("a@hospital.test").await, 8);
    assert_eq!(waiting(&at).await, ["b@clinic.test"]);
    assert!(is_not_found(&at.store.body(again).await), "nobody is left: no body is kept");
    assert_eq!(&at.store.body(first).await.unwrap()[..], b"a letter");
    let events = at.store.events_of(again).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.kind, event.recipient.as_ref().map(Marked::reveal).unwrap_or_default()))
        .collect();
    let mailbox = format!("mailbox {mailbox}");
    let expected =
        [(EventKind::Accepted, ""), (EventKind::Duplicate, &mailbox), (EventKind::Duplicate, "b@clinic.test")];
    assert_eq!(told, expected.map(|(kind, recipient)| (kind, recipient.to_owned())));
    assert_eq!(events[1].detail, Some(Marked::plain(format!("the same as {first}"))));
    assert_eq!(kinds(&at, first).await, [EventKind::Accepted, EventKind::Delivered]);
}

pub(crate) async fn who_has_not_got_it_gets_it(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (a, b) = (at.mailbox("a@hospital.test").await, at.mailbox("b@hospital.test").await);
    accept(&at, letter(&at, 1, &[a], &["x@clinic.test"]).await).await;
    let again = accept(&at, letter(&at, 1, &[a, b], &["x@clinic.test", "y@clinic.test"]).await).await;
    assert_eq!(at.uids(at.inbox(a).await).await, uids(&[1]));
    assert_eq!(at.uids(at.inbox(b).await).await, uids(&[1]));
    assert_eq!(waiting(&at).await, ["x@clinic.test", "y@clinic.test"]);
    assert_eq!(&at.store.body(again).await.unwrap()[..], b"a letter");
    let expected = [EventKind::Accepted, EventKind::Delivered, EventKind::Duplicate, EventKind::Duplicate];
    assert_eq!(kinds(&at, again).await, expected);
    // One whose mail was held, and is not any more, has not got it.
    let held = |id| Held {
        id,
        recipient: Recipient { address: address("z@clinic.test"), notify: DsnNotify::default(), orcpt: None },
        reason: "virus".to_owned(),
        expires_at: at.after(3600),
    };
    let message = at.message(b"a letter", &[]).await;
    let message = NewMessage { held: vec![held(QueueId::at(at.now()))], ..message };
    accept(&at, known(&at, 2, message)).await;
    let message = at.message(b"a letter", &[]).await;
    let message = NewMessage { held: vec![held(QueueId::at(at.now()))], ..message };
    accept(&at, known(&at, 2, message)).await;
    accept(&at, letter(&at, 2, &[], &["z@clinic.test"]).await).await;
    assert_eq!(waiting(&at).await, ["x@clinic.test", "y@clinic.test", "z@clinic.test", "z@clinic.test"]);
}

pub(crate) async fn what_differs_in_anything_is_another_message(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    for key in [1, 2, 1, 3] {
        accept(&at, letter(&at, key, &[mailbox], &[]).await).await;
    }
    // What Pli writes itself is known by nothing.
    for _ in 0..2 {
        accept(&at, at.message(b"a letter", &[mailbox]).await).await;
    }
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 3 + 2);
}

pub(crate) async fn after_its_time_it_is_another_message(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let send = async || accept(&at, letter(&at, 1, &[mailbox], &[]).await).await;
    send().await;
    at.clock.advance(KEPT - SignedDuration::from_secs(1));
    send().await;
    assert_eq!(at.store.forget_arrivals(at.now(), 10).await.unwrap(), 0);
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 1);
    // A repeat does not make the time longer.
    at.clock.advance(SignedDuration::from_secs(1));
    send().await;
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 2);
    send().await;
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 2, "and from then on anew");
    for key in 2..5 {
        accept(&at, letter(&at, key, &[mailbox], &[]).await).await;
    }
    at.clock.advance(KEPT);
    let forget = async || at.store.forget_arrivals(at.now(), 3).await.unwrap();
    assert_eq!([forget().await, forget().await, forget().await], [3, 1, 0]);
    send().await;
    assert_eq!(at.uids(at.inbox(mailbox).await).await.len(), 6);
}

pub(crate) async fn repeats_in_one_batch_are_merged(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (a, b) = (at.mailbox("a@hospital.test").await, at.mailbox("b@hospital.test").await);
    let mut messages = Vec::new();
    for number in 0..12_u8 {
        // Two messages that come six times each, the last one for somebody else too.
        let to = if number < 10 { vec![a] } else { vec![a, b] };
        messages.push(letter(&at, number % 2, &to, &["x@clinic.test"]).await);
    }
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    // Nobody is asked to wait: the store takes as many at a time as it likes.
    let all = futures_util::future::join_all(messages.into_iter().map(|message| at.store.accept(message))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(at.uids(at.inbox(a).await).await, uids(&[1, 2]));
    assert_eq!(at.uids(at.inbox(b).await).await, uids(&[1, 2]));
    assert_eq!(waiting(&at).await.len(), 2);
    let kept = futures_util::future::join_all(ids.iter().map(|id| at.store.body(*id))).await;
    let kept: Vec<_> = kept.iter().enumerate().filter(|(_, body)| body.is_ok()).map(|(number, _)| number).collect();
    assert_eq!(kept, [0, 1, 10, 11]);
}

pub(crate) async fn a_merged_message_changes_nothing_between_people(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let patient = Ins::parse(PATIENT).unwrap();
    let new =
        pli_store::NewMailbox::new(address(&format!("{PATIENT}@patient.mssante.fr")), pli_store::MailboxKind::Patient);
    let mailbox = at.store.add_mailbox(new, Vec::new()).await.unwrap();
    let other = at.mailbox("b@hospital.test").await;
    let letter = async |to: &[MailboxId]| {
        let mut message = letter(&at, 1, to, &[]).await;
        for repeated in &mut message.arrival.as_mut().unwrap().recipients {
            repeated.patient = (repeated.target == Target::Mailbox(mailbox)).then(|| patient.clone());
        }
        let turn = ContactEvent {
            patient: patient.clone(),
            contact: address(DOCTOR),
            turn: ContactTurn::Wrote,
            by: address(DOCTOR),
            at: at.now(),
            message: Some(message.id),
        };
        let correspondence = Correspondence {
            message_id: "1@clinic.test".to_owned(),
            from: address(DOCTOR),
            reply_to: Vec::new(),
            answerable: true,
            receipt_to: None,
        };
        NewMessage { contacts: vec![turn], correspondence: Some(correspondence), ..message }
    };
    let first = accept(&at, letter(&[mailbox]).await).await;
    let again = accept(&at, letter(&[mailbox, other]).await).await;
    let history = at.store.contact_history(&patient, &address(DOCTOR)).await.unwrap();
    assert_eq!(history.iter().map(|event| event.message).collect::<Vec<_>>(), [Some(first)]);
    let received =
        async |mailbox| at.store.received(mailbox, "1@clinic.test").await.unwrap().map(|known| known.message);
    assert_eq!(received(mailbox).await, Some(first));
    assert_eq!(received(other).await, Some(again));
}

pub(crate) async fn who_was_not_reached_may_be_written_to_again(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let returned = |at: &Fixture| Returned {
        id: QueueId::at(at.now()),
        recipient: Recipient { address: address("gone@hospital.test"), notify: DsnNotify::default(), orcpt: None },
        reason: "patient-unknown".to_owned(),
    };
    let send = async || {
        let message = at.relayed(b"a letter", &["x@clinic.test", "y@clinic.test"]).await;
        accept(&at, known(&at, 1, NewMessage { returns: vec![returned(&at)], ..message })).await
    };
    send().await;
    send().await;
    assert_eq!(waiting(&at).await.len(), 3);
    let leases = at.store.claim_due(at.now(), Duration::from_mins(5), 9).await.unwrap();
    let settle = leases.into_iter().map(|lease| {
        let (reason, detail) = (String::new(), String::new());
        let outcome = if lease.recipient.address == address("y@clinic.test") {
            Outcome::Relayed { detail }
        } else {
            Outcome::Failed { reason, detail }
        };
        Settlement {
            lease,
            outcome,
            report: None,
            delay_reported: false,
            audit: Vec::new(),
            attempt: None,
            untried: false,
        }
    });
    at.store.settle(settle.collect()).await.unwrap();
    assert!(waiting(&at).await.is_empty());
    send().await;
    assert_eq!(waiting(&at).await, ["x@clinic.test", "gone@hospital.test"], "he who has it gets it no second time");
}

pub(crate) async fn what_was_not_kept_is_no_first_one(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let lost = letter(&at, 1, &[mailbox, MailboxId(4711)], &[]).await;
    let again = letter(&at, 1, &[mailbox], &[]).await;
    let id = again.id;
    // In one batch, or one after the other: the first one fails.
    let (lost, again) = futures_util::future::join(at.store.accept(lost), at.store.accept(again)).await;
    refused!(lost, StoreError::NotFound(_));
    again.unwrap();
    assert_eq!(at.uids(at.inbox(mailbox).await).await, uids(&[1]));
    assert_eq!(kinds(&at, id).await, [EventKind::Accepted, EventKind::Delivered]);
}
