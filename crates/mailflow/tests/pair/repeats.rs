//! A peer that has not heard our 250 sends the same message once more.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_mailflow::{IntakeConfig, Session};
use pli_types::MessageId;

use crate::relay::{OFFICINE, PATIENT, Relay, THEIRS, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A relay that knows for a day what came.
async fn start() -> Relay {
    let mut relay = Relay::start().await;
    let config = IntakeConfig { repeats_within: Duration::from_hours(24), ..(*relay.intake.config).clone() };
    relay.intake.config = Arc::new(config);
    relay
}

async fn kinds(relay: &Relay, id: MessageId) -> Vec<EventKind> {
    relay.store.events_of(id).await.unwrap().iter().map(|event| event.kind).collect()
}

fn text(relay: &Relay) -> (Session, Vec<u8>) {
    (relay.server("mx.clinique.test", 11), letter(DOCTOR))
}

#[tokio::test]
async fn the_same_from_the_same_is_taken_again_and_read_once() {
    let relay = start().await;
    let (peer, sent) = text(&relay);
    let first = relay.send(&peer, DOCTOR, &[OFFICINE, PATIENT], &sent).await.unwrap();
    // The same server on another connection, a while later.
    relay.clock.advance(SignedDuration::from_mins(15));
    let peer = relay.server("mx.clinique.test", 11);
    let again = relay.send(&peer, DOCTOR, &[OFFICINE, PATIENT], &sent).await.unwrap();
    assert_ne!(first, again);
    assert_eq!((relay.inbox(OFFICINE).await.len(), relay.inbox(PATIENT).await.len()), (1, 1));
    assert_eq!(kinds(&relay, again).await, [EventKind::Accepted, EventKind::Duplicate, EventKind::Duplicate]);
    let events = relay.store.events_of(again).await.unwrap();
    assert_eq!(events[1].detail, Some(format!("the same as {first}")));
    assert_eq!(events[1].actor.as_deref(), Some("CN=mx.clinique.test,O=Test,C=FR"));
    assert!(!format!("{events:?}").contains("279035121518989"));
    relay.stop().await;
}

#[tokio::test]
async fn a_recipient_who_was_not_named_before_gets_it() {
    let relay = start().await;
    let (peer, sent) = text(&relay);
    relay.send(&peer, DOCTOR, &[OFFICINE], &sent).await.unwrap();
    let again = relay.send(&peer, DOCTOR, &[OFFICINE, PATIENT], &sent).await.unwrap();
    assert_eq!((relay.inbox(OFFICINE).await.len(), relay.inbox(PATIENT).await.len()), (1, 1));
    assert_eq!(kinds(&relay, again).await, [EventKind::Accepted, EventKind::Delivered, EventKind::Duplicate]);
    relay.stop().await;
}

#[tokio::test]
async fn one_difference_makes_it_another_message() {
    let relay = start().await;
    let (peer, sent) = text(&relay);
    let change = |from: &str, to: &str| {
        let at = sent.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        [&sent[..at], to.as_bytes(), &sent[at + from.len()..]].concat()
    };
    let others = [sent.clone(), change("<1@client.test>", "<2@client.test>"), change("Jean", "Jeam")];
    for other in &others {
        relay.send(&peer, DOCTOR, &[OFFICINE], other).await.unwrap();
    }
    // Another sender, in the envelope and in the header.
    relay
        .send(&peer, "dr.leroy@clinique.mssante.fr", &[OFFICINE], &change(DOCTOR, "dr.leroy@clinique.mssante.fr"))
        .await
        .unwrap();
    assert_eq!(relay.inbox(OFFICINE).await.len(), 4);
    // The same, a day later.
    relay.clock.advance(DAY);
    relay.send(&peer, DOCTOR, &[OFFICINE], &sent).await.unwrap();
    assert_eq!(relay.inbox(OFFICINE).await.len(), 5);
    relay.stop().await;
}

#[tokio::test]
async fn the_same_from_another_peer_is_another_message() {
    let relay = start().await;
    let (peer, sent) = text(&relay);
    relay.send(&peer, DOCTOR, &[OFFICINE], &sent).await.unwrap();
    relay.list(&[
        ("pharmacie.mssante.fr", "mss.pro.test"),
        ("patient.mssante.fr", "mss.pro.test"),
        (THEIRS, "mx.autre.test"),
    ]);
    let other = relay.server("mx.autre.test", 21);
    relay.send(&other, DOCTOR, &[OFFICINE], &sent).await.unwrap();
    assert_eq!(relay.inbox(OFFICINE).await.len(), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_program_that_sends_again_is_heard_once_and_one_without_message_ids_twice() {
    let relay = start().await;
    let submitter = relay.submitter().await;
    let sent = letter(OFFICINE);
    for _ in 0..2 {
        relay.send(&submitter, OFFICINE, &[PATIENT, DOCTOR], &sent).await.unwrap();
    }
    assert_eq!((relay.inbox(PATIENT).await.len(), relay.store.queue_rows(9).await.unwrap().len()), (1, 1));
    let text = String::from_utf8(sent).unwrap().replace("Message-ID: <1@client.test>\r\n", "");
    for _ in 0..2 {
        relay.send(&submitter, OFFICINE, &[PATIENT], text.as_bytes()).await.unwrap();
    }
    assert_eq!(relay.inbox(PATIENT).await.len(), 3);
    relay.stop().await;
}
