//! What an account sends with the empty path is a report that somebody waits for, and nothing else (RFC 8098 §2.1).

use pli_mailflow::{Refusal, Session};
use pli_policy::Reason;

use crate::relay::{OFFICINE, Relay};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const COLLEAGUE: &str = "dr.durand@clinique.mssante.fr";

const RECEIPT: &str = "Content-Type: Multipart/Report; boundary=\"b\"; report-type=\"disposition-notification\"\r\n";
const UNDELIVERED: &str = "Content-Type: multipart/report; boundary=b; report-type=delivery-status\r\n";

fn unsolicited() -> Refusal {
    Refusal { reason: Reason::ReportUnsolicited, temporary: false }
}

/// A relay where the doctor has written to the pharmacy, with these header lines.
async fn start(lines: &str) -> (Relay, Session) {
    let relay = Relay::start().await;
    let letter = format!("From: <{DOCTOR}>\r\nMessage-ID: <1@clinique.test>\r\n{lines}\r\nbody\r\n");
    relay.send(&relay.server("mx.clinique.test", 11), DOCTOR, &[OFFICINE], letter.as_bytes()).await.unwrap();
    let officine = relay.submitter().await;
    (relay, officine)
}

async fn report(relay: &Relay, session: &Session, to: &[&str], header: &str, parts: &str) -> Result<(), Refusal> {
    let message = format!("From: <{OFFICINE}>\r\n{header}\r\n--b\r\n\r\nwords\r\n{parts}--b--\r\n");
    relay.send(session, "", to, message.as_bytes()).await.map(drop)
}

#[tokio::test]
async fn a_report_names_its_message_in_its_own_part_or_in_its_header() {
    let (relay, officine) = start("").await;
    let part =
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: <1@clinique.test>\r\n\r\n";
    assert_eq!(report(&relay, &officine, &[DOCTOR], RECEIPT, part).await, Ok(()));
    let answers = format!("{RECEIPT}In-Reply-To: <1@clinique.test>\r\n");
    assert_eq!(report(&relay, &officine, &[DOCTOR], &answers, "").await, Ok(()));
    let references = format!("{RECEIPT}References: <0@clinique.test> <1@clinique.test>\r\n");
    assert_eq!(report(&relay, &officine, &[DOCTOR], &references, "").await, Ok(()));
    let returned = "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;lps\r\n\r\n\
                    --b\r\nContent-Type: message/rfc822\r\n\r\nFrom: <x@y.fr>\r\nMessage-ID: <1@clinique.test>\r\n\r\nb\r\n";
    assert_eq!(report(&relay, &officine, &[DOCTOR], UNDELIVERED, returned).await, Ok(()));
    // What it says of itself comes before its header.
    let other =
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: <2@clinique.test>\r\n\r\n";
    assert_eq!(report(&relay, &officine, &[DOCTOR], &answers, other).await, Err(unsolicited()));
    relay.stop().await;
}

#[tokio::test]
async fn whatever_else_has_no_sender_is_refused() {
    let (relay, officine) = start("").await;
    let answers = "In-Reply-To: <1@clinique.test>\r\n";
    for header in [
        answers.to_owned(),
        format!("Content-Type: text/plain\r\n{answers}"),
        format!("Content-Type: multipart/mixed; report-type=disposition-notification\r\n{answers}"),
        format!("Content-Type: multipart/report; report-type=feedback-report\r\n{answers}"),
        format!("{RECEIPT}{UNDELIVERED}{answers}"),
        RECEIPT.to_owned(),
        format!("{RECEIPT}In-Reply-To: <2@clinique.test>\r\n"),
    ] {
        assert_eq!(report(&relay, &officine, &[DOCTOR], &header, "").await, Err(unsolicited()), "{header}");
    }
    let good = format!("{RECEIPT}{answers}");
    assert_eq!(report(&relay, &officine, &[COLLEAGUE], &good, "").await, Err(unsolicited()), "to somebody else");
    assert_eq!(report(&relay, &officine, &[DOCTOR, COLLEAGUE], &good, "").await, Err(unsolicited()));
    let forged = format!("From: <labo@pharmacie.mssante.fr>\r\n{good}\r\n--b--\r\n");
    let refusal = relay.send(&officine, "", &[DOCTOR], forged.as_bytes()).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::SenderNotOwned);
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_receipt_goes_to_where_it_was_asked_for() {
    let asked = format!("Reply-To: <{COLLEAGUE}>\r\nDisposition-Notification-To: <{DOCTOR}>\r\n");
    let (relay, officine) = start(&asked).await;
    let good = format!("{RECEIPT}In-Reply-To: <1@clinique.test>\r\n");
    assert_eq!(report(&relay, &officine, &[DOCTOR], &good, "").await, Ok(()));
    assert_eq!(report(&relay, &officine, &[COLLEAGUE], &good, "").await, Ok(()), "who wanted the answers");
    let mailbox = relay.mailbox(OFFICINE).await.id;
    let kept = relay.store.received(mailbox, "1@clinique.test").await.unwrap().unwrap();
    assert_eq!((kept.receipt_to.map(|to| to.reveal()), kept.answerable), (Some(DOCTOR.to_owned()), true));
    relay.stop().await;
}

#[tokio::test]
async fn no_receipt_goes_by_itself_to_where_the_letter_did_not_come_from() {
    let (relay, _) = start(&format!("Disposition-Notification-To: <{COLLEAGUE}>\r\n")).await;
    let mailbox = relay.mailbox(OFFICINE).await.id;
    let kept = relay.store.received(mailbox, "1@clinique.test").await.unwrap().unwrap();
    assert_eq!(kept.receipt_to, None);
    relay.stop().await;
}

#[tokio::test]
async fn nobody_reports_on_a_report() {
    let relay = Relay::start().await;
    let receipt = format!("From: <{DOCTOR}>\r\nMessage-ID: <1@clinique.test>\r\n{RECEIPT}\r\n--b--\r\n");
    relay.send(&relay.server("mx.clinique.test", 11), "", &[OFFICINE], receipt.as_bytes()).await.unwrap();
    let officine = relay.submitter().await;
    let good = format!("{RECEIPT}In-Reply-To: <1@clinique.test>\r\n");
    assert_eq!(report(&relay, &officine, &[DOCTOR], &good, "").await, Err(unsolicited()));
    relay.stop().await;
}
