//! What an admin reads in the log of what intake took and refused.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use pli_audit::Face;
use pli_mailflow::{Client, PeerOnWire, Session};
use pli_policy::Reason;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use tracing_subscriber::fmt::MakeWriter;

use crate::relay::{OFFICINE, OURS, PATIENT, Relay, THEIRS, letter, presented, session, tls};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

/// The log of this thread, line by line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn begin() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let lines = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(lines))
    }

    /// The lines that tell this.
    fn telling(&self, what: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("279035121518989"), "{text}");
        text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn an_accepted_message_is_one_line() {
    let relay = Relay::start().await;
    let (log, _guard) = Log::begin();
    let id = relay.send(&relay.server("mx.clinique.test", 11), DOCTOR, &[OFFICINE, PATIENT], &letter(DOCTOR)).await;
    let lines = log.telling(": accepted ");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [&format!("id={}", id.unwrap()), "remote=\"192.0.2.9\"", DOCTOR, "recipients=2", "mx.clinique.test"] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    relay.stop().await;
}

#[tokio::test]
async fn each_refusal_is_one_line_with_its_reason() {
    let relay = Relay::start().await;
    let (log, _guard) = Log::begin();
    let unlisted = relay.server("mx.unknown.test", 20);
    relay.begin(&unlisted, DOCTOR).await.unwrap_err();
    let lines = log.telling(": refused ");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [Reason::CertificateNotListed.code(), "mx.unknown.test", "192.0.2.9", DOCTOR, "listener=Smtp"] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    let patients = relay.server("mx.clinique.test", 11);
    relay.send(&patients, DOCTOR, &["279035121518900@patient.mssante.fr"], &letter(DOCTOR)).await.unwrap_err();
    let lines = log.telling(": refused ");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains("recipient=\"ins-"), "{}", lines[1]);
    relay.stop().await;
}

#[tokio::test]
async fn a_refusal_names_the_account_and_the_mailbox_that_it_works_in() {
    let relay = Relay::start().await;
    let mut session = relay.submitter().await;
    let Client::Submitter { account: Some(account), .. } = &mut session.client else { unreachable!() };
    account.name = "a.martin".to_owned();
    let (log, _guard) = Log::begin();
    relay.begin(&session, DOCTOR).await.unwrap_err();
    let lines = log.telling(": refused ");
    for part in [Reason::SenderNotOwned.code(), "account=\"a.martin\"", &format!("mailbox=\"{OFFICINE}\"")] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_refusal_for_trust_names_rule_certificate_and_date_in_log_and_record() {
    let relay = Relay::start().await;
    let refused = async |session: &Session, sender: &str| {
        let (log, _guard) = Log::begin();
        relay.begin(session, sender).await.map(drop).unwrap_err();
        let line = log.telling(": refused ").remove(0);
        let (_, detail) = line.split_once("detail=\"").expect("a detail");
        detail.trim_end_matches('"').to_owned()
    };
    let odd = |change: fn(&mut CertificateParams)| {
        let leaf = relay.authority.odd_leaf("mx.clinique.test", 0x1f, change);
        session(Face::Smtp, Client::Peer(PeerOnWire::new(Some(tls(Some(presented(&leaf.certificate)))))))
    };
    let name = "the client's certificate CN=mx.clinique.test,O=Test,C=FR, serial 1f";
    let expired = odd(|leaf| leaf.not_after = rcgen::date_time_ymd(2026, 5, 1));
    let told = format!("client-certificate: {name}; valid until 2026-05-01T00:00:00Z");
    assert_eq!(refused(&expired, DOCTOR).await, told);
    let early = odd(|leaf| leaf.not_before = rcgen::date_time_ymd(2026, 7, 1));
    let told = format!("client-certificate: {name}; valid from 2026-07-01T00:00:00Z");
    assert_eq!(refused(&early, DOCTOR).await, told);
    let servers = odd(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(refused(&servers, DOCTOR).await, format!("client-certificate: {name}; not meant for a client"));
    let other = relay.server("mx.clinique.test", 0x1f);
    let told = format!("sender-domain: {name}; trust list of 2026-05-01T00:00:00Z");
    assert_eq!(refused(&other, OFFICINE).await, told);
    let nameless = session(Face::Smtp, Client::Peer(PeerOnWire::new(Some(tls(None)))));
    assert_eq!(refused(&nameless, DOCTOR).await, "client-certificate: the client showed no certificate");
    relay.stop().await;
}

#[tokio::test]
async fn a_destination_that_does_not_prove_itself_is_told_of_once() {
    let relay = Relay::start().await;
    relay.list(&[(OURS, "mss.pro.test"), (THEIRS, "mx.moved.test")]);
    let (log, _guard) = Log::begin();
    let submitter = relay.submitter().await;
    let way_out = relay.deliver();
    for _ in 0..3 {
        let id = relay.send(&submitter, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
        relay.story(id, &["deferred"]).await;
    }
    assert!(way_out.finish(std::time::Duration::from_secs(25)).await);
    let lines = log.telling("does not prove itself");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["WARN", "destination=clinique.mssante.fr", "peer-certificate-not-listed", "serial 0b"] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    relay.stop().await;
}
