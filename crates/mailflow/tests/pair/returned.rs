//! Mail that is taken and goes back: "Message non distribué" (spec §1.6; scenarios 29 and 30).

use std::time::Duration;

use jiff::SignedDuration;
use mail_parser::MessageParser;
use pli_audit::{Event, EventKind};
use pli_policy::Reason;
use pli_store::{NewMessage, Returned};
use pli_types::{DsnNotify, MessageId, QueueId, Recipient, ReversePath};

use crate::relay::{HOSPITAL, OFFICINE, Relay, address_of, letter, recipient};

const PATIENCE: Duration = Duration::from_secs(25);
const NOBODY: &str = "297022A02077878@patient.mssante.fr";

/// Takes a letter in that goes back to this sender for this reason.
async fn take_in(relay: &Relay, sender: &str, to: Recipient, reason: Reason) -> MessageId {
    let id = MessageId::at(relay.now());
    let mut writer = relay.store.stage(id).unwrap();
    writer.write(&letter(OFFICINE)).await.unwrap();
    let sender = if sender.is_empty() { ReversePath::Null } else { ReversePath::Address(address_of(sender)) };
    let returned = Returned { id: QueueId::at(relay.now()), recipient: to, reason: reason.code().to_owned() };
    let message = NewMessage {
        returns: vec![returned],
        ..NewMessage::new(id, relay.now(), sender, writer.finish().await.unwrap())
    };
    relay.store.accept(message).await.unwrap();
    id
}

fn told(story: &[Event<String>]) -> Vec<(&'static str, Option<&str>)> {
    story.iter().map(|event| (event.kind.as_str(), event.reason.as_deref())).collect()
}

#[tokio::test]
async fn each_cause_has_its_notice_its_code_and_its_words() {
    let causes = [
        (Reason::PatientUnknown, "5.1.1", "aucun patient n'a de messagerie", "no patient has a mailbox"),
        (Reason::PatientAddressKey, "5.1.3", "comporte une erreur", "a mistake in the patient's address"),
        (Reason::PatientClosed, "5.2.1", "a ferm\u{e9} sa messagerie", "has closed the mailbox"),
        (Reason::MessageTooBig, "5.3.4", "le message est trop gros", "the message is too big"),
    ];
    let relay = Relay::start().await;
    let way_out = relay.deliver();
    for (number, (reason, status, french, english)) in causes.into_iter().enumerate() {
        let id = take_in(&relay, OFFICINE, recipient(NOBODY), reason).await;
        let story = relay.story(id, &["reported"]).await;
        assert_eq!(told(&story), [("failed", Some(reason.code())), ("reported", None)]);
        let notice = relay.inbox(OFFICINE).await.remove(number);
        let parsed = MessageParser::default().parse(&notice).unwrap();
        assert_eq!(parsed.subject(), Some("Message non distribu\u{e9} / Undelivered message"));
        let text = parsed.body_text(0).unwrap();
        let (fr, en) = (text.find(french), text.find(english));
        assert!(fr.is_some() && fr < en, "French first, then English: {text}");
        assert!(!text.contains("technique") && text.contains(NOBODY), "{text}");
        let notice = String::from_utf8(notice).unwrap();
        let diagnostic = format!("\r\nDiagnostic-Code: X-Pli; 550 {status} [{}]\r\n", reason.code());
        assert!(notice.contains(&format!("\r\nStatus: {status}\r\n")) && notice.contains(&diagnostic), "{notice}");
        assert!(
            !notice.contains("DUPONT") && !notice.contains("caf\u{e9}") && !notice.contains("caf=C3=A9"),
            "nothing of the letter: {notice}"
        );
    }
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(relay.peer.connections() + relay.hospital.connections(), 0, "no server is tried");
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_report_that_would_go_back_ends_in_the_record() {
    let relay = Relay::start().await;
    let id = take_in(&relay, "", recipient(NOBODY), Reason::PatientClosed).await;
    let way_out = relay.deliver();
    let story = relay.story(id, &["failed", "reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(told(&story), [("failed", Some("patient-closed"))]);
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn whoever_asked_not_to_be_told_gets_no_notice() {
    let relay = Relay::start().await;
    let never = DsnNotify { success: false, failure: false, delay: false };
    let to = Recipient { notify: never, ..recipient(NOBODY) };
    let id = take_in(&relay, OFFICINE, to, Reason::PatientUnknown).await;
    let way_out = relay.deliver();
    let story = relay.story(id, &["failed", "reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(told(&story), [("failed", Some("patient-unknown"))]);
    assert!(relay.inbox(OFFICINE).await.is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_notice_for_someone_elsewhere_goes_out_with_the_null_path() {
    let relay = Relay::start().await;
    let from = format!("urgences@{HOSPITAL}");
    let id = take_in(&relay, &from, recipient(NOBODY), Reason::PatientUnknown).await;
    let way_out = relay.deliver();
    let story = relay.story(id, &["reported"]).await;
    let report = story.last().unwrap().detail.as_ref().unwrap().strip_prefix("report ").unwrap();
    relay.story(MessageId::parse(report).unwrap(), &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    let heard = relay.hospital.heard();
    assert!(heard.iter().any(|line| line.starts_with("tls MAIL FROM:<> ")), "{heard:?}");
    relay.stop().await;
}

#[tokio::test]
async fn a_notice_that_cannot_be_kept_yet_is_sent_later_and_once() {
    let relay = Relay::start().await;
    let full = format!("archives@{HOSPITAL}");
    let new = pli_store::NewMailbox {
        quota_bytes: Some(0),
        ..pli_store::NewMailbox::new(address_of(&full), pli_store::MailboxKind::App)
    };
    let mailbox = relay.store.add_mailbox(new, Vec::new()).await.unwrap();
    let id = take_in(&relay, &full, recipient(NOBODY), Reason::PatientUnknown).await;
    let way_out = relay.deliver();
    let story = relay.story(id, &["deferred"]).await;
    assert_eq!(story.last().unwrap().reason.as_deref(), Some("mailbox-full"));
    relay.store.change_mailbox(mailbox, pli_store::MailboxChange::Quota(None), Vec::new()).await.unwrap();
    relay.later(SignedDuration::from_mins(11)).await;
    let story = relay.story(id, &["reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert!(story.iter().filter(|event| event.kind == EventKind::Reported).count() == 1);
    assert_eq!(relay.inbox(&full).await.len(), 1);
    relay.stop().await;
}
