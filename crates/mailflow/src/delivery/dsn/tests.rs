//! What a report holds, and what it never does.

use mail_parser::{MessageParser, MimeHeaders};
use pli_types::{DsnNotify, EnvelopeParameters, QueueId, Recipient, ReversePath};

use super::*;
use crate::delivery::reply::Reply;

const HEADER: &[u8] = b"Received: from a\r\nMessage-ID: <1@pharmacie.mssante.fr>\r\nSubject: DUPONT Jean\r\n\
                        Date: Tue, 3 Mar 2026 09:00:00 +0100\r\nX-MSS-NIL: DEV935997\r\nTo: <a@b.fr>\r\n";

fn lease(recipient: &str) -> Lease {
    let address = MailAddress::parse(recipient).unwrap();
    let at: Timestamp = "2026-03-03T10:00:00Z".parse().unwrap();
    Lease {
        row: QueueId::from_bytes([1; 16]),
        token: 1,
        message: MessageId::from_bytes([2; 16]),
        sender: ReversePath::Null,
        parameters: EnvelopeParameters { envid: Some("QQ314159+2B".to_owned()), ..EnvelopeParameters::default() },
        destination: address.domain().clone(),
        recipient: Recipient { address, notify: DsnNotify::default(), orcpt: Some("rfc822;Bob+2Bx@b.fr".to_owned()) },
        attempts: 3,
        accepted_at: at,
        expires_at: at,
        delay_reported: false,
        size: 1,
        returned: None,
        steps: 0,
        asked: false,
    }
}

fn trouble(reply: Option<(u16, &str)>) -> Trouble {
    let reply = reply.map(|(code, text)| Reply { code, text: text.to_owned() });
    let detail = "mx.b.fr[192.0.2.1]:25: 550 5.1.1 nobody".to_owned();
    Trouble { reason: Reason::PeerRefused, detail, remote_host: Some("mx.b.fr".to_owned()), reply }
}

fn report(recipient: &str, sender: &str, reason: Reason, trouble: &Trouble) -> String {
    let at = "2026-03-07T10:00:00Z".parse().unwrap();
    let reporter = Reporter { server_name: "mss.pro.test", domain: "pharmacie.mssante.fr", at };
    let news = News::Failed { reason, trouble };
    write(&reporter, &MailAddress::parse(sender).unwrap(), &lease(recipient), news, HEADER)
}

#[test]
fn a_program_finds_the_three_parts_and_a_person_the_first() {
    let text = report("bob@b.fr", "a@x.fr", Reason::PeerRefused, &trouble(Some((550, "5.1.1 nobody"))));
    let message = MessageParser::default().parse(text.as_bytes()).unwrap();
    assert_eq!(message.subject(), Some("Message non distribu\u{e9} / Undelivered message"));
    assert_eq!(message.from().unwrap().first().unwrap().address(), Some("MAILER-DAEMON@pharmacie.mssante.fr"));
    let kind = message.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    let parts: Vec<_> = message.parts.iter().skip(1).map(|part| part.content_type().unwrap()).collect();
    assert_eq!(
        parts.iter().map(|part| part.subtype().unwrap()).collect::<Vec<_>>(),
        ["plain", "delivery-status", "rfc822-headers"]
    );
    let letter = message.body_text(0).unwrap();
    assert!(letter.contains("n'a pas pu \u{ea}tre remis") && letter.contains("bob@b.fr"), "{letter}");
    assert!(letter.find("Message non distribu\u{e9}").unwrap() < letter.find("Undelivered message").unwrap());
}

#[test]
fn the_status_part_says_who_where_and_why() {
    let text = report("bob@b.fr", "a@x.fr", Reason::PeerRefused, &trouble(Some((550, "5.1.1 nobody"))));
    let message = MessageParser::default().parse(text.as_bytes()).unwrap();
    let status = str::from_utf8(message.part(2).unwrap().contents()).unwrap();
    let expected = "Reporting-MTA: dns; mss.pro.test\r\n\
                    Original-Envelope-Id: QQ314159+\r\n\
                    Arrival-Date: Tue, 3 Mar 2026 10:00:00 +0000\r\n\r\n\
                    Original-Recipient: rfc822; Bob+x@b.fr\r\n\
                    Final-Recipient: rfc822; bob@b.fr\r\n\
                    Action: failed\r\n\
                    Status: 5.1.1\r\n\
                    Remote-MTA: dns; mx.b.fr\r\n\
                    Diagnostic-Code: smtp; 550 5.1.1 nobody\r\n\
                    Last-Attempt-Date: Sat, 7 Mar 2026 10:00:00 +0000\r\n";
    assert_eq!(status.trim_end(), expected.trim_end());
}

#[test]
fn a_reason_of_our_own_is_told_by_its_code_to_both_readers() {
    let not_listed = Reason::RecipientDomainNotListed;
    let own = |reason| Trouble::scrubbed(reason, "b.fr is not in the list, \u{e9}t\u{e9}".to_owned());
    let cases = [
        (
            not_listed,
            own(not_listed),
            "[recipient-domain-not-listed]",
            "X-Pli; 550 5.7.1 [recipient-domain-not-listed] b.fr is not in the list, ?t?",
        ),
        (
            Reason::ExpiredInQueue,
            own(Reason::CertificateExpired),
            "[expired-in-queue] [certificate-expired]",
            "X-Pli; 550 5.4.7 [expired-in-queue] [certificate-expired] b.fr is not in the list, ?t?",
        ),
        (Reason::PeerRefused, trouble(Some((550, "5.1.1 nobody"))), "[peer-refused]", "smtp; 550 5.1.1 nobody"),
    ];
    for (reason, trouble, codes, diagnostic) in cases {
        let text = report("bob@b.fr", "a@x.fr", reason, &trouble);
        let message = MessageParser::default().parse(text.as_bytes()).unwrap();
        let letter = message.body_text(0).unwrap().replace("\r\n", "\n");
        for line in [format!("\nCode : {codes}\n"), format!("\nCode: {codes}\n")] {
            assert!(letter.contains(&line), "{line} in {letter}");
        }
        assert!(text.contains(&format!("\r\nDiagnostic-Code: {diagnostic}\r\n")), "{diagnostic} in {text}");
    }
}

#[test]
fn nothing_of_the_letter_comes_back_but_what_finds_it_again() {
    let text = report("bob@b.fr", "a@x.fr", Reason::ExpiredInQueue, &trouble(None));
    assert!(!text.contains("DUPONT"));
    assert!(text.contains(
        "Message-ID: <1@pharmacie.mssante.fr>\r\nDate: Tue, 3 Mar 2026 09:00:00 +0100\r\nX-MSS-NIL: DEV935997\r\n"
    ));
    assert!(text.contains("\r\nStatus: 5.4.7\r\n"));
}

#[test]
fn a_report_is_seven_bit_in_lines_of_bounded_length() {
    let text = report("h\u{e9}l\u{e8}ne@b.fr", "a@x.fr", Reason::PeerRefused, &trouble(Some((554, "non"))));
    assert!(text.is_ascii());
    assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    assert!(text.contains("Final-Recipient: utf-8; h\\x{E9}l\\x{E8}ne@b.fr\r\n"));
    assert!(text.contains("\r\nStatus: 5.0.0\r\n"));
}

#[test]
fn a_status_of_another_class_is_not_believed() {
    let temporary = trouble(Some((450, "4.2.2 full")));
    assert_eq!(status(Reason::ExpiredInQueue, &temporary), "5.4.7");
    assert_eq!(status(Reason::PeerRefused, &temporary), "5.0.0");
    assert_eq!(status(Reason::PeerUnreachable, &trouble(None)), "5.1.10");
}

#[test]
fn xtext_that_hides_a_line_end_is_not_repeated() {
    assert_eq!(from_xtext("a+2Bb").as_deref(), Some("a+b"));
    for bad in ["a+0D+0Ab", "a+", "a+2", "a+zz", "+E9", ""] {
        assert_eq!(from_xtext(bad), None, "{bad}");
    }
}
