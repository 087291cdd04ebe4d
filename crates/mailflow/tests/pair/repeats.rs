//! A peer that has not heard our 250 sends the same message once more.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_mailflow::{IntakeConfig, Session};
use pli_store::PartyState;
use pli_types::{DsnNotify, MessageId, Recipient};

use crate::relay::{OFFICINE, PATIENT, Relay, THEIRS, address_of, letter, recipient};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);
const SUCCESS: DsnNotify = DsnNotify { success: true, failure: true, delay: false };
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A relay that knows for a day what came.
async fn start() -> Relay {
    let mut relay = Relay::start().await;
    let config = IntakeConfig { repeats_within: Duration::from_hours(24), ..(*relay.intake.config).clone() };
    relay.intake.config = Arc::new(config);
    relay
}

async fn kinds(relay: &Relay, id: MessageId) -> Vec<EventKind> {
    relay.events_of(id).await.iter().map(|event| event.kind).collect()
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
    let events = relay.events_of(again).await;
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

/// Sends it for these, each of whom is to be confirmed or not.
async fn send(relay: &Relay, to: &[(&str, DsnNotify)]) -> MessageId {
    let to = to.iter().map(|(address, notify)| Recipient { notify: *notify, ..recipient(address) }).collect();
    relay.send_to(&relay.submitter().await, OFFICINE, to, &letter(OFFICINE)).await.unwrap()
}

/// What has become of it with each of its recipients: by address, in the order of the envelope.
async fn parties(relay: &Relay, id: MessageId) -> Vec<(&'static str, PartyState)> {
    let name = |key| {
        let is_his = |address: &&str| relay.intake.masker.lookup_address(&address_of(address)) == key;
        [OFFICINE, PATIENT, DOCTOR].into_iter().find(is_his).unwrap()
    };
    let story = relay.store.story(id).await.unwrap().unwrap();
    story.parties.iter().map(|party| (name(party.recipient), party.state)).collect()
}

/// Lets everything go its way, and counts the confirmations in the sender's mailbox.
async fn confirmations(relay: &Relay) -> usize {
    let way_out = relay.deliver();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !relay.store.queue_rows(9).await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the queue is not empty");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(way_out.finish(PATIENCE).await);
    let inbox = relay.inbox(OFFICINE).await;
    inbox.iter().filter(|mail| String::from_utf8_lossy(mail).contains("\r\nAction: delivered\r\n")).count()
}

#[tokio::test]
async fn what_comes_again_is_confirmed_once() {
    let relay = start().await;
    let first = send(&relay, &[(PATIENT, SUCCESS)]).await;
    // Before the confirmation is written, and after.
    let again = send(&relay, &[(PATIENT, SUCCESS)]).await;
    assert_eq!(confirmations(&relay).await, 1);
    let last = send(&relay, &[(PATIENT, SUCCESS)]).await;
    assert_eq!((confirmations(&relay).await, relay.inbox(PATIENT).await.len()), (1, 1));
    for repeat in [again, last] {
        assert_eq!(kinds(&relay, repeat).await, [EventKind::Accepted, EventKind::Duplicate], "one recipient, one line");
        assert_eq!(parties(&relay, repeat).await, [], "nothing becomes of it: its recipient has the first");
        assert!(relay.store.story(repeat).await.unwrap().unwrap().ended_at.is_some());
        assert!(relay.store.body(repeat).await.is_err(), "and nothing of it is kept");
    }
    assert_eq!(parties(&relay, first).await, [(PATIENT, PartyState::Delivered)]);
    relay.stop().await;
}

#[tokio::test]
async fn who_asks_the_second_time_alone_is_told_that_it_was_delivered() {
    let relay = start().await;
    send(&relay, &[(PATIENT, DsnNotify::default())]).await;
    let again = send(&relay, &[(PATIENT, SUCCESS)]).await;
    assert_eq!((confirmations(&relay).await, relay.inbox(PATIENT).await.len()), (1, 1));
    assert_eq!(kinds(&relay, again).await, [EventKind::Accepted, EventKind::Duplicate, EventKind::Reported]);
    assert_eq!(parties(&relay, again).await, []);
    assert!(relay.store.body(again).await.is_err(), "nothing of it is kept once that is told");
    relay.stop().await;
}

#[tokio::test]
async fn the_story_of_a_repeat_has_those_alone_whom_it_reaches() {
    let relay = start().await;
    let first = send(&relay, &[(PATIENT, SUCCESS)]).await;
    let again = send(&relay, &[(PATIENT, SUCCESS), (DOCTOR, DsnNotify::default()), (OFFICINE, SUCCESS)]).await;
    let waits = [(DOCTOR, PartyState::Accepted), (OFFICINE, PartyState::Delivered)];
    assert_eq!(parties(&relay, again).await, waits, "each once");
    assert_eq!(confirmations(&relay).await, 2, "one for each recipient who was asked about");
    assert_eq!(parties(&relay, again).await, [(DOCTOR, PartyState::Relayed), (OFFICINE, PartyState::Delivered)]);
    assert_eq!(parties(&relay, first).await, [(PATIENT, PartyState::Delivered)]);
    assert_eq!((relay.inbox(PATIENT).await.len(), relay.peer.contents().len()), (1, 1));
    relay.stop().await;
}
