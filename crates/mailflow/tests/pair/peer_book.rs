//! What the peer book says after connections in both directions.

use pli_mailflow::PeerRecord;

use crate::peer::Act;
use crate::relay::{OFFICINE, OURS, PATIENTS, Relay, THEIRS, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

fn only(relay: &Relay) -> PeerRecord {
    let mut records = relay.intake.peers.records();
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_brings_mail_is_written_down_once_a_connection() {
    let relay = Relay::start().await;
    let session = relay.server("mx.clinique.test", 11);
    for _ in 0..3 {
        relay.send(&session, DOCTOR, &[OFFICINE], &letter(DOCTOR)).await.unwrap();
    }
    let seen = only(&relay).incoming.unwrap();
    assert_eq!((seen.outcome.as_str(), seen.accepted, seen.refused), ("accepted", 1, 0));
    assert_eq!(
        (seen.address.to_string().as_str(), seen.tls.as_str(), seen.serial.as_str()),
        ("192.0.2.9", "TLSv1.3", "0b")
    );
    assert!(relay.begin(&session, OFFICINE).await.is_err(), "not its domain");
    let seen = only(&relay).incoming.unwrap();
    assert_eq!((seen.outcome.as_str(), seen.accepted, seen.refused), ("sender-domain-other-certificate", 1, 1));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_mail_goes_to_is_written_down_with_what_was_judged() {
    let relay = Relay::start().await;
    let way_out = relay.deliver();
    let send = async || relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    relay.story(send().await, &["relayed"]).await;
    let record = only(&relay);
    let seen = record.outgoing.unwrap();
    assert_eq!(record.name, "CN=mx.clinique.test,O=Test,C=FR");
    assert_eq!((seen.outcome.as_str(), seen.accepted, seen.refused), ("accepted", 1, 0));
    relay.list(&[(OURS, "mss.pro.test"), (PATIENTS, "mss.pro.test"), (THEIRS, "mx.moved.test")]);
    relay.story(send().await, &["deferred"]).await;
    let seen = only(&relay).outgoing.unwrap();
    assert_eq!((seen.outcome.as_str(), seen.accepted, seen.refused), ("peer-certificate-not-listed", 1, 1));
    assert!(way_out.finish(std::time::Duration::from_secs(25)).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_once_it_is_known_is_no_success() {
    let relay = Relay::start().await;
    relay.peer.act(|heard| (heard.tls && heard.line.starts_with("EHLO")).then_some(Act::Hang));
    let way_out = relay.deliver();
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    relay.story(id, &["deferred"]).await;
    let seen = only(&relay).outgoing.unwrap();
    assert_eq!((seen.outcome.as_str(), seen.accepted, seen.refused), ("peer-unreachable", 0, 1));
    assert!(way_out.finish(std::time::Duration::from_secs(25)).await);
    relay.stop().await;
}
