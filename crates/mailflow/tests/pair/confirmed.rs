//! Confirmations of what was delivered here (RFC 3461): for who asks, once, and never for what is nobody's letter.

use std::time::Duration;

use mail_parser::MessageParser;
use pli_types::{DsnNotify, Recipient};

use crate::relay::{HOSPITAL, OFFICINE, PATIENT, Relay, letter, recipient};

const PATIENCE: Duration = Duration::from_secs(25);
const SUCCESS: DsnNotify = DsnNotify { success: true, failure: true, delay: false };

fn to(address: &str, notify: DsnNotify) -> Recipient {
    Recipient { notify, ..recipient(address) }
}

/// Waits until nothing is in the queue.
async fn emptied(relay: &Relay) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !relay.store.queue_rows(9).await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the queue is not empty");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_asks_for_it_hears_that_his_message_was_delivered() {
    let relay = Relay::start().await;
    let from = format!("urgences@{HOSPITAL}");
    let recipients = vec![to(OFFICINE, SUCCESS), to(PATIENT, DsnNotify::default())];
    let id = relay.send_to(&relay.submitter().await, OFFICINE, recipients, &letter(OFFICINE)).await.unwrap();
    let theirs = vec![to(OFFICINE, SUCCESS)];
    let abroad = relay.send_to(&relay.server("mta.hopital.test", 12), &from, theirs, &letter(&from)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, &["reported"]).await;
    let kinds: Vec<_> = story.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["accepted", "delivered", "delivered", "reported"], "one of two asked");
    relay.story(abroad, &["reported"]).await;
    emptied(&relay).await;
    assert!(way_out.finish(PATIENCE).await);
    let inbox = relay.inbox(OFFICINE).await;
    assert_eq!(inbox.len(), 3, "the two letters and one confirmation");
    let report = MessageParser::default().parse(&inbox[2]).unwrap();
    assert_eq!(report.subject(), Some("Message remis / Message delivered"));
    let text = report.body_text(0).unwrap();
    let (fr, en) = (text.find("a \u{e9}t\u{e9} remis"), text.find("was put into the mailbox"));
    assert!(fr.is_some() && fr < en && text.contains(OFFICINE), "{text}");
    for report in [&inbox[2], &relay.hospital.contents()[0]] {
        let report = String::from_utf8_lossy(report);
        for line in
            ["Action: delivered", "Status: 2.0.0", "Auto-Submitted: auto-replied", "Message-ID: <1@client.test>"]
        {
            assert!(report.contains(&format!("\r\n{line}\r\n")), "{line} in {report}");
        }
        assert!(
            !report.contains("DUPONT") && !report.contains("caf\u{e9}") && !report.contains("caf=C3=A9"),
            "{report}"
        );
        assert!(!report.contains("Diagnostic-Code") && !report.contains("Last-Attempt-Date"), "{report}");
    }
    let heard = relay.hospital.heard();
    assert!(heard.iter().any(|line| line.starts_with("tls MAIL FROM:<> ")), "{heard:?}");
    relay.stop().await;
}

#[tokio::test]
async fn nothing_is_confirmed_that_nobody_asked_for_or_that_is_a_report() {
    let relay = Relay::start().await;
    let submitter = relay.submitter().await;
    let never = DsnNotify { success: false, failure: false, delay: false };
    for notify in [DsnNotify::default(), never] {
        relay.send_to(&submitter, OFFICINE, vec![to(OFFICINE, notify)], &letter(OFFICINE)).await.unwrap();
    }
    let from = format!("urgences@{HOSPITAL}");
    let hospital = relay.server("mta.hopital.test", 12);
    relay.send_to(&hospital, "", vec![to(OFFICINE, SUCCESS)], &letter(&from)).await.unwrap();
    let head = &b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"[..];
    let report = [head, &letter(OFFICINE)].concat();
    relay.send_to(&submitter, OFFICINE, vec![to(OFFICINE, SUCCESS)], &report).await.unwrap();
    let way_out = relay.deliver();
    emptied(&relay).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(relay.inbox(OFFICINE).await.len(), 4, "what was sent, and no word more");
    relay.stop().await;
}

#[tokio::test]
async fn a_message_of_a_program_is_confirmed_if_it_asks() {
    let relay = Relay::start().await;
    let results = [&b"Auto-Submitted: auto-generated\r\n"[..], &letter(OFFICINE)].concat();
    let submitter = relay.submitter().await;
    let id = relay.send_to(&submitter, OFFICINE, vec![to(OFFICINE, SUCCESS)], &results).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["reported"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(relay.inbox(OFFICINE).await.len(), 2);
    relay.stop().await;
}
