//! What the sender is told in the end.

use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::{Event, EventKind};
use pli_types::DsnNotify;

use crate::peer::Act;
use crate::relay::{HOSPITAL, OFFICINE, OURS, PATIENTS, Relay, THEIRS, letter, recipient};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);

fn kinds(story: &[Event<String>]) -> Vec<&'static str> {
    story.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn at_the_end_of_the_queues_patience_the_sender_is_told() {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Hang);
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["deferred"]).await;
    relay.later(SignedDuration::from_hours(96)).await;
    let story = relay.story(id, &["reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(kinds(&story), ["accepted", "deferred", "failed", "reported"]);
    assert_eq!(story[2].reason.as_deref(), Some("expired-in-queue"));
    let report = String::from_utf8(relay.inbox(OFFICINE).await.remove(0)).unwrap();
    assert!(report.starts_with("From: Mail Delivery System <MAILER-DAEMON@pharmacie.mssante.fr>\r\n"), "{report}");
    assert!(report.contains("\r\nStatus: 5.4.7\r\n") && report.contains("Message-ID: <1@client.test>\r\n"));
    assert!(
        !report.contains("DUPONT") && !report.contains("caf\u{e9}") && !report.contains("caf=C3=A9"),
        "nothing of the letter itself"
    );
    assert!(relay.store.queue_rows(10).await.unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_domain_taken_off_the_list_gets_no_more_mail_and_its_writers_are_told_at_once() {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Hang);
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["deferred"]).await;
    relay.list(&[(OURS, "mss.pro.test"), (PATIENTS, "mss.pro.test")]);
    let tried = relay.peer.connections();
    let gone = [pli_types::Domain::parse(THEIRS).unwrap()];
    assert_eq!(relay.store.hasten(&gone, relay.now(), Vec::new()).await.unwrap(), 1, "it does not wait for its pause");
    let story = relay.story(id, &["reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(kinds(&story), ["accepted", "deferred", "failed", "reported"]);
    assert_eq!(story[2].reason.as_deref(), Some("recipient-domain-not-listed"));
    let detail = "clinique.mssante.fr is not in the trust list of 2026-05-01T00:01:00Z";
    assert_eq!(story[2].detail.as_deref(), Some(detail));
    assert_eq!(relay.peer.connections(), tried, "nobody is asked any more");
    let report = String::from_utf8(relay.inbox(OFFICINE).await.remove(0)).unwrap().replace("=\r\n", "");
    for told in ["le domaine du destinataire n'est plus dans la liste blanche", "no longer in the trust list", detail] {
        assert!(report.contains(told), "{told} in {report}");
    }
    assert!(report.contains("\r\nStatus: 5.7.1\r\n"), "{report}");
    let diagnostic = format!("\r\nDiagnostic-Code: X-Pli; 550 5.7.1 [recipient-domain-not-listed] {detail}\r\n");
    assert!(report.contains(&diagnostic), "{report}");
    relay.stop().await;
}

#[tokio::test]
async fn a_reason_that_the_other_server_names_is_told_in_both_languages() {
    for (said, told) in [("550 5.2.1 [patient-closed] Closed.", true), ("550 5.2.1 [somehow] Closed.", false)] {
        let relay = Relay::start().await;
        relay.peer.on("RCPT", Act::Say(said));
        let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
        let way_out = relay.deliver();
        relay.story(id, &["reported"]).await;
        assert!(way_out.finish(PATIENCE).await);
        let report = String::from_utf8(relay.inbox(OFFICINE).await.remove(0)).unwrap().replace("=\r\n", "");
        assert_eq!(report.contains("le patient a ferm=C3=A9 sa messagerie."), told, "{report}");
        assert_eq!(report.contains("the patient has closed the mailbox."), told, "{report}");
        assert!(report.contains("the recipient's server refused the message"), "{report}");
        relay.stop().await;
    }
}

#[tokio::test]
async fn the_record_links_the_letter_and_its_report() {
    let relay = Relay::start().await;
    relay.peer.on("MAIL", Act::Say("550 5.7.1 no, not for 279035121518989"));
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, &["reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    let report = story.last().unwrap().detail.as_ref().unwrap().strip_prefix("report ").unwrap();
    let report = pli_types::MessageId::parse(report).unwrap();
    let its_story = relay.events_of(report).await;
    assert_eq!(kinds(&its_story), ["accepted", "delivered"]);
    assert!(!format!("{story:?}").contains("279035121518989"), "another server's words are scrubbed");
    relay.stop().await;
}

#[tokio::test]
async fn a_sender_who_asked_not_to_be_told_is_not() {
    let relay = Relay::start().await;
    relay.peer.on("RCPT", Act::Say("550 5.1.1 nobody"));
    let mut to = recipient(DOCTOR);
    to.notify = DsnNotify { success: false, failure: false, delay: false };
    let id = relay.send_to(&relay.submitter().await, OFFICINE, vec![to], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["failed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert!(relay.inbox(OFFICINE).await.is_empty());
    assert!(relay.peer.heard().iter().any(|heard| heard.ends_with(" NOTIFY=NEVER")), "{:?}", relay.peer.heard());
    relay.stop().await;
}

#[tokio::test]
async fn a_report_that_fails_is_not_reported() {
    let relay = Relay::start().await;
    relay.peer.on("RCPT", Act::Say("550 5.1.1 nobody"));
    let from = format!("urgences@{HOSPITAL}");
    let id = relay.send(&relay.server("mta.hopital.test", 12), "", &[DOCTOR], &letter(&from)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, &["failed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(kinds(&story), ["accepted", "failed"]);
    assert!(relay.store.queue_rows(10).await.unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_sender_elsewhere_gets_the_report_over_the_same_road() {
    let relay = Relay::start().await;
    relay.peer.on("RCPT", Act::Say("550 5.1.1 nobody"));
    let from = format!("urgences@{HOSPITAL}");
    let session = relay.server("mta.hopital.test", 12);
    let id = relay.send(&session, &from, &[DOCTOR], &letter(&from)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, &["reported"]).await;
    let report = story.last().unwrap().detail.as_ref().unwrap().strip_prefix("report ").unwrap();
    relay.story(pli_types::MessageId::parse(report).unwrap(), &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    let heard = relay.hospital.heard();
    assert!(heard.iter().any(|line| line.starts_with("tls MAIL FROM:<> ")), "{heard:?}");
    assert!(heard.contains(&format!("tls RCPT TO:<{from}> NOTIFY=NEVER")), "{heard:?}");
    relay.stop().await;
}

#[tokio::test]
async fn a_report_that_cannot_be_kept_yet_keeps_the_row_in_the_queue() {
    let relay = Relay::start().await;
    relay.peer.on("RCPT", Act::Say("550 5.1.1 nobody"));
    let from = format!("urgences@{HOSPITAL}");
    let session = relay.server("mta.hopital.test", 12);
    let archive = format!("archives@{HOSPITAL}");
    let new = pli_store::NewMailbox {
        quota_bytes: Some(0),
        ..pli_store::NewMailbox::new(crate::relay::address_of(&archive), pli_store::MailboxKind::App)
    };
    relay.store.add_mailbox(new, Vec::new()).await.unwrap();
    let id = relay.send(&session, &archive, &[DOCTOR], &letter(&from)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, &["deferred"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(story.last().unwrap().reason.as_deref(), Some("mailbox-full"));
    assert!(story.iter().all(|event| event.kind != EventKind::Failed));
    assert_eq!(relay.store.queue_rows(10).await.unwrap()[0].destination.as_str(), THEIRS);
    relay.stop().await;
}
