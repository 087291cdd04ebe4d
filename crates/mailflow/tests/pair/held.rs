//! Mail that is held until an admin decides, and senders who guess at patients.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::{Event, EventKind, Face};
use pli_mailflow::{IntakeConfig, NotReleased, Released};
use pli_policy::Reason;
use pli_store::{Held, NewMessage, NewSpace, QueueRow, SpaceState};
use pli_types::{MessageId, QueueId, Relation, ReversePath};

use crate::relay::{OFFICINE, PATIENT, Relay, address_of, letter, recipient};

const PATIENCE: Duration = Duration::from_secs(25);
const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
/// Has a space, and no mailbox yet.
const NEW: &str = "297022A02077878@patient.mssante.fr";

/// Takes a doctor's letter in that is held for this recipient.
async fn hold(relay: &Relay, to: &str, sender: &str) -> QueueRow {
    let (id, now) = (MessageId::at(relay.now()), relay.now());
    let mut writer = relay.store.stage(id).unwrap();
    writer.write(&letter(sender)).await.unwrap();
    let held = Held {
        id: QueueId::at(now),
        recipient: recipient(to),
        reason: "message-too-big".to_owned(),
        expires_at: now + SignedDuration::from_hours(96),
    };
    let sender = ReversePath::Address(address_of(sender));
    let body = writer.finish().await.unwrap();
    relay.store.accept(NewMessage { held: vec![held], ..NewMessage::new(id, now, sender, body) }).await.unwrap();
    relay.store.queue_rows(9).await.unwrap().pop().unwrap()
}

fn admin(relay: &Relay) -> Event {
    let detail = Some("the right patient after all".into());
    Event { actor: Some("uid:0".into()), detail, ..Event::new(relay.now(), EventKind::Released, Face::Cli) }
}

async fn space(relay: &Relay, address: &str, state: SpaceState) {
    let patient = address_of(address).ins().unwrap();
    relay.store.put_spaces(vec![NewSpace { patient, state, born: None }], Vec::new()).await.unwrap();
}

#[tokio::test]
async fn what_is_released_does_all_that_a_delivery_does() {
    let relay = Relay::start().await;
    space(&relay, NEW, SpaceState::Open).await;
    let row = hold(&relay, NEW, DOCTOR).await;
    let patient = address_of(NEW).ins().unwrap();
    assert!(relay.store.contact(&patient, &address_of(DOCTOR)).await.unwrap().is_none(), "nobody has it yet");
    let judged = relay.intake.release(&row, admin(&relay), true).await.unwrap();
    assert_eq!((judged, relay.store.queue_rows(9).await.unwrap().len()), (Released::Delivered, 1));
    relay.intake.release(&row, admin(&relay), false).await.unwrap();
    assert_eq!(relay.inbox(NEW).await, [letter(DOCTOR)]);
    let contact = relay.store.contact(&patient, &address_of(DOCTOR)).await.unwrap().unwrap();
    assert_eq!(contact.relation, Relation::Open);
    let mailbox = relay.mailbox(NEW).await.id;
    assert_eq!(relay.store.received(mailbox, "1@client.test").await.unwrap().unwrap().message, row.message);
    let story = relay.events_of(row.message).await;
    let told: Vec<_> = story.iter().map(|event| (event.kind.as_str(), event.actor.as_deref())).collect();
    assert_eq!(told, [("released", Some("uid:0")), ("delivered", Some("uid:0"))]);
    assert!(story[0].detail.is_some() && story[0].reason.as_deref() == Some("message-too-big"));
    relay.stop().await;
}

#[tokio::test]
async fn a_space_that_was_closed_meanwhile_takes_nothing_that_is_released() {
    let relay = Relay::start().await;
    let row = hold(&relay, PATIENT, DOCTOR).await;
    space(&relay, PATIENT, SpaceState::Closed).await;
    let refused = relay.intake.release(&row, admin(&relay), false).await;
    assert!(matches!(refused, Err(NotReleased::Refused(Reason::PatientClosed))), "{refused:?}");
    assert!(relay.store.queue_rows(9).await.unwrap()[0].held.is_some(), "it is held as before");
    relay.stop().await;
}

#[tokio::test]
async fn what_is_held_for_someone_elsewhere_is_sent_once_it_is_released() {
    let relay = Relay::start().await;
    let row = hold(&relay, DOCTOR, OFFICINE).await;
    let way_out = relay.deliver();
    assert_eq!(relay.peer.connections(), 0);
    assert_eq!(relay.intake.release(&row, admin(&relay), false).await.unwrap(), Released::Due);
    relay.story(row.message, &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test]
async fn what_is_dropped_or_waits_for_too_long_is_reported_to_its_sender() {
    let relay = Relay::start().await;
    let (dropped, late) = (hold(&relay, PATIENT, OFFICINE).await, hold(&relay, PATIENT, OFFICINE).await);
    let way_out = relay.deliver();
    relay.store.drop_held(dropped.id, relay.now(), Vec::new()).await.unwrap();
    relay.story(dropped.message, &["reported"]).await;
    relay.clock.advance(SignedDuration::from_hours(97));
    // The worker looks when the queue changes: anything that does will do.
    let other = hold(&relay, PATIENT, OFFICINE).await;
    relay.store.drop_held(other.id, relay.now(), Vec::new()).await.unwrap();
    let story = relay.story(late.message, &["reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(story[0].reason.as_deref(), Some("message-too-big"));
    assert!(relay.inbox(OFFICINE).await.len() >= 2);
    assert!(relay.inbox(PATIENT).await.is_empty());
    relay.stop().await;
}

/// Each is another patient: the number counts up, the key is made to fit.
fn nobody(number: u64) -> String {
    let body = 160_012_020_000_000_u64 / 100 + number;
    format!("{body:013}{:02}@patient.mssante.fr", 97 - body % 97)
}

#[tokio::test]
async fn whoever_guesses_at_patients_is_put_off_for_known_ones_too_and_nobody_else_is() {
    let mut relay = Relay::start().await;
    relay.intake.config = Arc::new(IntakeConfig { unknown_per_peer: 3, ..(*relay.intake.config).clone() });
    let clinic = relay.server("mx.clinique.test", 11);
    for number in 0..3 {
        relay.send(&clinic, DOCTOR, &[&nobody(number)], &letter(DOCTOR)).await.unwrap();
    }
    for patient in [&nobody(3), PATIENT] {
        let refusal = relay.send(&clinic, DOCTOR, &[patient], &letter(DOCTOR)).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.temporary), (Reason::RateExceeded, true), "{patient}");
    }
    relay.send(&clinic, DOCTOR, &[OFFICINE], &letter(DOCTOR)).await.unwrap();
    relay.send(&relay.submitter().await, OFFICINE, &[PATIENT], &letter(OFFICINE)).await.unwrap();
    relay.clock.advance(SignedDuration::from_hours(1));
    relay.send(&clinic, DOCTOR, &[PATIENT], &letter(DOCTOR)).await.unwrap();
    relay.stop().await;
}
