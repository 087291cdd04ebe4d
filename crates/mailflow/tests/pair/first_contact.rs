//! A certificate whose revocation list nobody has asked for yet: it is asked for before anything is judged.

use std::time::Duration;

use pli_audit::Face;
use pli_mailflow::{Client, PeerOnWire, Session};
use pli_net::Shutdown;
use pli_policy::Reason;
use pli_types::EnvelopeParameters;
use rcgen::{CertificateParams, CrlDistributionPoint};

use crate::distribution_point::DistributionPoint;
use crate::relay::{OFFICINE, Relay, letter, presented, session, tls};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);

/// A relay that has the root's list only, and who serves the other one, on which these serial numbers stand.
async fn relay_and_point(revoked: &[u64], shutdown: &Shutdown) -> (Relay, DistributionPoint) {
    let mut relay = Relay::start().await;
    let list = relay.authority.publish_the_roots_list_only(revoked);
    let point = DistributionPoint::start(list, shutdown).await;
    relay.forget_revocation_lists();
    (relay, point)
}

fn names(point: &DistributionPoint) -> impl Fn(&mut CertificateParams) {
    let url = point.url();
    move |leaf| leaf.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }]
}

fn client(relay: &Relay, point: &DistributionPoint, serial: u64) -> Session {
    let leaf = relay.authority.odd_leaf("mx.clinique.test", serial, names(point));
    session(Face::Smtp, Client::Peer(PeerOnWire::new(Some(tls(Some(presented(&leaf.certificate)))))))
}

#[tokio::test]
async fn a_new_operators_first_letter_is_taken_and_its_list_is_asked_for_once() {
    let shutdown = Shutdown::default();
    let (relay, point) = relay_and_point(&[], &shutdown).await;
    let known = relay.server("mx.clinique.test", 11);
    let nobody_knows = relay.begin(&known, DOCTOR).await.map(drop).unwrap_err();
    assert_eq!(nobody_knows.reason, Reason::RevocationUnknown, "it names no distribution point");
    let peer = client(&relay, &point, 31);
    for _ in 0..3 {
        relay.send(&peer, DOCTOR, &[OFFICINE], &letter(DOCTOR)).await.unwrap();
    }
    assert_eq!(point.asked(), 1);
    relay.stop().await;
    assert!(shutdown.finish(PATIENCE).await);
}

#[tokio::test]
async fn a_new_operators_revoked_certificate_is_refused_at_its_first_letter() {
    let shutdown = Shutdown::default();
    let (relay, point) = relay_and_point(&[32], &shutdown).await;
    let sender = pli_types::ReversePath::Address(crate::relay::address_of(DOCTOR));
    let begun = relay.intake.begin(&client(&relay, &point, 32), sender, EnvelopeParameters::default()).await;
    assert_eq!(begun.map(drop).unwrap_err().reason, Reason::CertificateRevoked);
    relay.stop().await;
    assert!(shutdown.finish(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_server_is_believed_at_the_first_letter_to_it() {
    let shutdown = Shutdown::default();
    let (relay, point) = relay_and_point(&[], &shutdown).await;
    relay.peer_shows(names(&point));
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(point.asked(), 1);
    relay.stop().await;
    assert!(shutdown.finish(PATIENCE).await);
}
