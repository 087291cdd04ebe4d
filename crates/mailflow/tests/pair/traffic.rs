//! How much may come in: messages a minute, and messages at one time.

use std::sync::Arc;

use jiff::SignedDuration;
use pli_mailflow::{IntakeConfig, Refusal, Session, ShareLimits, TrafficLimits, Transaction};
use pli_policy::Reason;

use crate::relay::{HOSPITAL, OFFICINE, PATIENT, Relay, letter, recipient};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const TOO_MUCH: Refusal = Refusal { reason: Reason::RateExceeded, temporary: true };

async fn start(traffic: TrafficLimits) -> Relay {
    let mut relay = Relay::start().await;
    relay.intake.config = Arc::new(IntakeConfig { traffic, ..(*relay.intake.config).clone() });
    relay
}

fn hospital(relay: &Relay) -> Session {
    relay.server("mta.hopital.test", 12)
}

fn nurse() -> String {
    format!("nurse@{HOSPITAL}")
}

#[tokio::test]
async fn a_peer_brings_so_many_a_minute_and_holds_up_no_other() {
    let relay = start(TrafficLimits { per_peer: 2, per_account: 1, ..TrafficLimits::default() }).await;
    let peer = relay.server("mx.clinique.test", 11);
    let send = async |to: &str| relay.send(&peer, DOCTOR, &[to], &letter(DOCTOR)).await.map(drop);
    assert_eq!([send(OFFICINE).await, send(PATIENT).await], [Ok(()), Ok(())]);
    // On whichever connection.
    let again = relay.server("mx.clinique.test", 11);
    assert_eq!(relay.begin(&again, DOCTOR).await.map(drop), Err(TOO_MUCH));
    assert_eq!(relay.begin(&peer, DOCTOR).await.map(drop), Err(TOO_MUCH));
    relay.begin(&hospital(&relay), &nurse()).await.unwrap();
    let submitter = relay.submitter().await;
    relay.begin(&submitter, OFFICINE).await.unwrap();
    assert_eq!(relay.begin(&submitter, OFFICINE).await.map(drop), Err(TOO_MUCH), "accounts have a number of their own");
    relay.clock.advance(SignedDuration::from_secs(30));
    assert_eq!([send(OFFICINE).await, send(OFFICINE).await], [Ok(()), Err(TOO_MUCH)]);
    relay.stop().await;
}

/// So many messages of this peer, each in the middle of its body.
async fn begun(relay: &Relay, peer: &Session, sender: &str, messages: usize) -> Vec<Transaction> {
    let mut begun = Vec::new();
    for _ in 0..messages {
        let mut message = relay.begin(peer, sender).await.unwrap();
        message.recipient(recipient(OFFICINE)).await.unwrap();
        message.write(&letter(sender)).await.unwrap();
        begun.push(message);
    }
    begun
}

#[tokio::test]
async fn one_that_holds_all_it_may_leaves_the_others_room() {
    let relay = start(TrafficLimits { share: ShareLimits { all: 8, each: 6 }, ..TrafficLimits::default() }).await;
    let greedy = relay.server("mx.clinique.test", 11);
    let mut held = begun(&relay, &greedy, DOCTOR, 6).await;
    assert_eq!(relay.begin(&greedy, DOCTOR).await.map(drop), Err(TOO_MUCH));
    // Another's messages come in, one after the other.
    let other = hospital(&relay);
    for number in 1..=3 {
        relay.send(&other, &nurse(), &[OFFICINE], &letter(&nurse())).await.unwrap();
        assert_eq!(relay.inbox(OFFICINE).await.len(), number);
    }
    // What ends, by its end or by its connection's, gives its place back.
    held.pop().unwrap().commit().await.unwrap();
    drop(held.pop());
    held.extend(begun(&relay, &greedy, DOCTOR, 2).await);
    assert_eq!(relay.begin(&greedy, DOCTOR).await.map(drop), Err(TOO_MUCH));
    // Nor do two together take the last place of all: a message of Pli's own needs none.
    let held_too = begun(&relay, &other, &nurse(), 2).await;
    let third = relay.submitter().await;
    assert_eq!(relay.begin(&third, OFFICINE).await.map(drop), Err(TOO_MUCH), "all are taken");
    drop(held_too);
    relay.begin(&third, OFFICINE).await.unwrap();
    relay.stop().await;
}
