//! What delivery does while our own certificate, or we as a server, are at fault.

use std::time::Duration;

use jiff::SignedDuration;
use pli_net::ClientTls;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};

use crate::peer::Act;
use crate::relay::{OFFICINE, Relay, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);

/// What is at fault with our certificate, whether it is revoked, the code, and the words that name the date.
type Case = (fn(&mut CertificateParams), bool, &'static str, &'static str);

const CASES: [Case; 4] = [
    (
        |leaf| leaf.not_after = date_time_ymd(2026, 5, 1),
        false,
        "certificate-expired",
        "; valid until 2026-05-01T00:00:00Z; ",
    ),
    (
        |leaf| leaf.not_before = date_time_ymd(2026, 7, 1),
        false,
        "certificate-not-yet-valid",
        "; valid from 2026-07-01T00:00:00Z; ",
    ),
    (|_| {}, true, "certificate-revoked", "from 2026-01-01T00:00:00Z until 2036-01-01T00:00:00Z"),
    (
        |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        true,
        "certificate-revoked",
        "from 2026-01-01T00:00:00Z until 2036-01-01T00:00:00Z",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_our_certificate_cannot_be_believed_mail_waits_and_nobody_is_asked() {
    for (change, revoked, code, told) in CASES {
        let relay = Relay::start().await;
        let files = relay.authority.odd_leaf("mss.pro.test", 20, change);
        if revoked {
            relay.revoke(20);
        }
        let tls = ClientTls::new(&files).unwrap();
        let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
        let way_out = relay.deliver_showing(&tls);
        let story = relay.story(id, &["deferred", "reported"]).await;
        let deferred = story.last().unwrap();
        assert_eq!((deferred.kind.as_str(), deferred.reason.as_deref()), ("deferred", Some(code)));
        let detail = deferred.detail.as_deref().unwrap();
        assert!(detail.starts_with("our own certificate CN=mss.pro.test,O=Test,C=FR, serial 14; "), "{detail}");
        assert!(detail.contains(told), "{detail}");
        assert_eq!(relay.peer.connections(), 0);

        let renewed = relay.authority.leaf("mss.pro.test", 21);
        std::fs::copy(renewed.certificate, &files.certificate).unwrap();
        std::fs::copy(renewed.key, &files.key).unwrap();
        tls.reload().unwrap();
        relay.later(SignedDuration::from_mins(2)).await;
        relay.story(id, &["relayed"]).await;
        assert!(way_out.finish(PATIENCE).await);
        relay.stop().await;
    }
}

/// What another relay's server says of us as a server, and the reason that the row then has.
const REFUSALS: [(&str, &str, &str); 11] = [
    ("MAIL", "550 5.7.1 [certificate-expired] Renew it.", "certificate-expired"),
    ("MAIL", "550 5.7.1 [certificate-not-yet-valid] Wait.", "certificate-not-yet-valid"),
    ("MAIL", "550 5.7.1 [certificate-revoked] No.", "certificate-revoked"),
    ("MAIL", "550 5.7.1 [certificate-untrusted] No.", "certificate-untrusted"),
    ("MAIL", "550 5.7.1 [certificate-missing] No.", "certificate-missing"),
    ("MAIL", "550 5.7.1 [certificate-usage] No.", "certificate-usage"),
    ("MAIL", "550 5.7.1 [revocation-unknown] No.", "revocation-unknown"),
    ("MAIL", "550 5.7.1 [certificate-not-listed] No.", "certificate-not-listed"),
    ("MAIL", "550 5.7.1 [list-unavailable] No.", "list-unavailable"),
    ("EHLO", "550 5.7.1 [certificate-not-listed] No.", "certificate-not-listed"),
    ("EHLO", "554 [certificate-revoked] No.", "certificate-revoked"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_speaks_of_us_as_a_server_returns_no_letter() {
    for (step, said, code) in REFUSALS {
        let relay = Relay::start().await;
        relay.peer.act(move |heard| (heard.tls && heard.line.starts_with(step)).then_some(Act::Say(said)));
        let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
        let way_out = relay.deliver();
        let story = relay.story(id, &["deferred", "reported"]).await;
        let deferred = story.last().unwrap();
        assert_eq!((deferred.kind.as_str(), deferred.reason.as_deref()), ("deferred", Some(code)), "{step} {said}");
        assert!(deferred.detail.as_deref().unwrap().ends_with(said), "{deferred:?}");
        relay.peer.act(|_| None);
        relay.later(SignedDuration::from_mins(2)).await;
        relay.story(id, &["relayed"]).await;
        assert!(way_out.finish(PATIENCE).await);
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_begun_under_a_certificate_that_is_no_longer_taken_costs_no_try() {
    let relay = Relay::start().await;
    let session = relay.submitter().await;
    let way_out = relay.deliver();
    let send = async || relay.send(&session, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    relay.story(send().await, &["relayed"]).await;
    relay.peer.act(|heard| {
        let expired = heard.connection == 1 && heard.line.starts_with("MAIL");
        expired.then_some(Act::Say("550 5.7.1 [certificate-expired] Renew it."))
    });
    let story = relay.story(send().await, &["relayed", "deferred", "reported"]).await;
    assert_eq!(story.last().unwrap().kind.as_str(), "relayed", "{story:?}");
    assert_eq!(relay.peer.connections(), 2);
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}
