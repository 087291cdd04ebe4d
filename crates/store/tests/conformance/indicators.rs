//! What is counted, month by month.

use pli_audit::EventKind;
use pli_store::{Counted, Indicator, MailboxKind, Month, NewConnections, NewCounts, NewMailbox, StoreError};
use pli_types::MailboxId;

use crate::support::{Backend, Fixture, address, event};

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

fn one(label: &str, value: u64) -> (Month, Indicator) {
    let [domain, mailbox_type, measure, label] = ["a.test", "PER", "sent-code", label].map(str::to_owned);
    (month("2026-10"), Indicator { domain, mailbox_type, measure, label, value })
}

async fn counted(at: &Fixture) -> Vec<(String, u64)> {
    let all = at.store.indicators(month("2026-10")).await.unwrap();
    all.into_iter().map(|indicator| (indicator.label, indicator.value)).collect()
}

pub(crate) async fn a_stretch_of_the_record_is_counted_once_whoever_is_faster(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.counted().await.unwrap(), Counted::default());
    let stretch = |from, to, value| NewCounts { from, to, added: vec![one("A", value)], connections: Vec::new() };
    let (one, other) = tokio::join!(at.store.count(stretch(0, 5, 2)), at.store.count(stretch(0, 5, 2)));
    assert_ne!(one.unwrap(), other.unwrap());
    assert!(!at.store.count(stretch(3, 9, 100)).await.unwrap(), "a stretch that begins elsewhere");
    assert!(at.store.count(stretch(5, 6, 1)).await.unwrap());
    let at = at.reopen().await;
    assert_eq!(at.store.counted().await.unwrap(), Counted { entries: 6, closed: None });
    assert_eq!(counted(&at).await, [("A".to_owned(), 3)]);
    assert!(matches!(at.store.count(stretch(6, 6, 1)).await, Err(StoreError::Conflict(_))));
}

pub(crate) async fn senders_cannot_fill_the_store_with_labels(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let added = (0..700).map(|number| one(&format!("C{number:04}"), 1)).collect();
    let counts = NewCounts { from: 0, to: 1, added, connections: Vec::new() };
    assert!(at.store.count(counts).await.unwrap());
    let known = NewCounts { from: 1, to: 2, added: vec![one("C0007", 4)], connections: Vec::new() };
    assert!(at.store.count(known).await.unwrap());
    let all = counted(&at).await;
    assert_eq!((all.len(), all.iter().map(|(_, value)| value).sum::<u64>()), (501, 704));
    assert!(all.contains(&("C0007".to_owned(), 5)) && all.contains(&("other".to_owned(), 200)), "{all:?}");
}

pub(crate) async fn a_month_is_closed_once_and_in_its_turn(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (september, october) = (month("2026-09"), month("2026-10"));
    let close = async |after, month, value| {
        at.store.close_month(after, month, at.now(), vec![one("x", value).1]).await.unwrap()
    };
    assert!(close(None, september, 1).await);
    assert!(!close(None, october, 5).await);
    assert!(close(Some(september), october, 2).await);
    assert!(!close(Some(september), october, 2).await);
    assert_eq!(counted(&at).await, [("x".to_owned(), 2)]);
    assert_eq!(at.store.counted().await.unwrap().closed, Some(october));
}

pub(crate) async fn sign_ins_are_counted_by_mailbox_and_patients_are_left_out(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let office = at.mailbox("office@a.test").await;
    let patient = NewMailbox::new(address("279035121518989@patient.mssante.fr"), MailboxKind::Patient);
    at.store.add_mailbox(patient, Vec::new()).await.unwrap();
    let came = |month: &str, mailbox: MailboxId, seconds, count| NewConnections {
        month: self::month(month),
        mailbox,
        count,
        last_at: at.after(seconds),
    };
    for (from, connections) in
        [came("2026-10", office, 9, 2), came("2026-10", office, 5, 1), came("2026-11", office, 99, 4)]
            .into_iter()
            .enumerate()
    {
        let from = from as u64;
        let counts = NewCounts { from, to: from + 1, added: Vec::new(), connections: vec![connections] };
        assert!(at.store.count(counts).await.unwrap());
    }
    let october = at.store.connections(month("2026-10"), at.now(), at.after(50), None, 10).await.unwrap();
    let october: Vec<_> = october.into_iter().map(|one| (one.mailbox, one.last_at, one.count)).collect();
    assert_eq!(october, [(office, Some(at.after(9)), 3)]);
    let after = at.store.connections(month("2026-10"), at.now(), at.after(50), Some(office), 10).await.unwrap();
    assert!(after.is_empty());
}

pub(crate) async fn the_entries_about_messages_are_found(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (one, other) = (at.id(), at.id());
    let events = [one, other, one].map(|message| event(message, EventKind::Accepted)).to_vec();
    at.store.append_audit(events).await.unwrap();
    let found = at.store.entries_of_messages(&[one]).await.unwrap();
    assert_eq!(found.iter().map(|(message, _)| *message).collect::<Vec<_>>(), [one, one]);
    assert!(at.store.entries_of_messages(&[at.id()]).await.unwrap().is_empty());
}
