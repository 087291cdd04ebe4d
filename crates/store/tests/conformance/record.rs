//! The record.

use std::time::Duration;

use pli_audit::{Event, EventKind};
use pli_store::{Outcome, Settlement};
use pli_types::Person;

use crate::audit_log::seal;
use crate::support::{Backend, Fixture, event};

const INS: &str = "279035121518989";
const OTHER: &str = "297022A02077878";

pub(crate) async fn events_of_a_message_come_in_order(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (message, other) = (at.id(), at.id());
    let kinds = [EventKind::Accepted, EventKind::Deferred, EventKind::Deferred, EventKind::Relayed];
    for kind in kinds {
        at.store.append_audit(vec![event(message, kind), event(other, EventKind::Opened)]).await.unwrap();
    }
    let told: Vec<_> = at.store.events_of(message).await.unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(told, kinds);
}

pub(crate) async fn rows_of_their_own_are_kept(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut refusal = event(at.id(), EventKind::Refused);
    refusal.remote = Some("192.0.2.1".to_owned());
    refusal.reason = Some("peer-certificate-not-listed".to_owned());
    at.store.append_audit(vec![refusal.clone()]).await.unwrap();
    let at = at.reopen().await;
    assert_eq!(at.store.events_of(refusal.message.unwrap()).await.unwrap(), [refusal]);
}

pub(crate) async fn a_person_in_the_record_is_who_he_was(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (first, second) = (at.id(), at.id());
    let letter = |id, recipient: &str| Event {
        recipient: Some(recipient.into()),
        detail: Some(format!("550 no mailbox <{INS}>, nor jean.dupont").into()),
        ..event(id, EventKind::Failed)
    };
    // Two in one batch, one of them new in the next, one known by then.
    let both =
        [letter(first, &format!("{INS}@patient.mssante.fr")), letter(second, &format!("{OTHER}@patient.mssante.fr"))];
    at.store.append_audit(both.to_vec()).await.unwrap();
    at.store.append_audit(vec![letter(first, OTHER)]).await.unwrap();
    let at = at.reopen().await;
    assert_eq!(at.store.events_of(first).await.unwrap(), [both[0].clone(), letter(first, OTHER)]);
    assert_eq!(at.store.events_of(second).await.unwrap(), [both[1].clone()]);
}

pub(crate) async fn the_record_outlives_its_message(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let message = at.relayed(b"gone soon", &["b@clinic.test"]).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    let lease = at.store.claim_due(at.now(), Duration::from_mins(1), 1).await.unwrap().remove(0);
    let outcome = Outcome::Relayed { detail: "250 2.0.0 kept".to_owned() };
    let audit = vec![event(id, EventKind::Relayed)];
    at.store.settle(vec![Settlement { audit, ..Settlement::new(lease, outcome) }]).await.unwrap();
    assert!(at.store.body(id).await.is_err());
    assert_eq!(at.store.events_of(id).await.unwrap().len(), 2);
}

pub(crate) async fn the_record_is_read_in_order_page_by_page(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.events_from(0, 10).await.unwrap(), []);
    let letter =
        |n: u8| Event { recipient: Some(INS.into()), reason: Some(n.to_string()), ..event(at.id(), EventKind::Opened) };
    let events: Vec<Event> = (0..7).map(letter).collect();
    at.store.append_audit(events.clone()).await.unwrap();
    assert!(seal(&at, 4).await);
    let mut read = Vec::new();
    loop {
        let page = at.store.events_from(read.len() as u64, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read.iter().map(|one| one.index).collect::<Vec<_>>(), (0..7).collect::<Vec<u64>>());
    assert_eq!(at.store.events_at(&[5, 2, 99]).await.unwrap(), [read[2].clone(), read[5].clone()]);
    assert_eq!(read.into_iter().map(|one| one.event.unwrap()).collect::<Vec<_>>(), events);
}

/// An entry about one of the two, in turn.
async fn record_both(at: &Fixture, count: usize) {
    for person in [INS, OTHER].into_iter().cycle().take(count) {
        let about = Event { recipient: Some(person.into()), ..event(at.id(), EventKind::Opened) };
        at.store.append_audit(vec![about]).await.unwrap();
    }
}

pub(crate) async fn what_is_about_a_person_is_found_sealed_or_not(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let about =
        async |person: &str, from, limit| at.store.entries_about(&Person::parse(person), from, limit).await.unwrap();
    assert_eq!(about(INS, 0, 10).await, [0; 0], "nobody knows him");
    record_both(&at, 10).await;
    for sealed in [0, 5, 10] {
        if sealed > 0 {
            assert!(seal(&at, sealed).await);
        }
        assert_eq!(about(INS, 0, 10).await, [0, 2, 4, 6, 8], "{sealed}");
        assert_eq!(about(&INS[..13], 0, 10).await, [0, 2, 4, 6, 8], "without its key");
        assert_eq!(about(OTHER, 3, 2).await, [3, 5], "{sealed}");
        assert_eq!(about(OTHER, 6, 10).await, [7, 9], "{sealed}");
        assert_eq!(about(OTHER, 10, 10).await, [0; 0], "{sealed}");
    }
}
