//! The report of non-delivery (RFC 3461 to 3464): a letter to the sender, for a person first, then for a program.
//!
//! It never holds the message, nor its subject, which names the patient (spec §6.2): of the original header it returns
//! `Message-ID`, `Date` and `X-MSS-NIL`, by which the sender's program finds its letter again.

use std::fmt::Write as _;

use jiff::Timestamp;
use pli_policy::Reason;
use pli_store::Lease;
use pli_types::{MailAddress, MessageId};

use super::reply::Reply;
use super::verdict::Trouble;
use super::words;
use crate::intake::content;
use crate::intake::trace_header::date;
use crate::mime::{VALUE_BYTES_MAX, is_printable, quoted_printable};

/// Header fields that may be returned.
const RETURNED: [&str; 3] = ["Message-ID", "Date", "X-MSS-NIL"];

/// Who reports.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    /// Our name, as the reporting server.
    pub(crate) server_name: &'a str,
    /// The domain of `MAILER-DAEMON`.
    pub(crate) domain: &'a str,
    /// When.
    pub(crate) at: Timestamp,
}

/// What is reported.
#[derive(Debug)]
pub(crate) struct Failure<'a> {
    /// The row that ends.
    pub(crate) lease: &'a Lease,
    /// Why.
    pub(crate) reason: Reason,
    /// What happened at the last try.
    pub(crate) trouble: &'a Trouble,
    /// The header of the message, or as much as was read of it.
    pub(crate) header: &'a [u8],
}

/// Writes the report to `sender`.
pub(crate) fn write(reporter: &Reporter<'_>, sender: &MailAddress, failure: &Failure<'_>) -> String {
    let id = MessageId::at(reporter.at);
    let boundary = format!("=_{id}");
    let mut out = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "From: Mail Delivery System <MAILER-DAEMON@{domain}>\r\n\
         To: <{sender}>\r\n\
         Subject: {subject}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}@{server}>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n",
        domain = reporter.domain,
        sender = sender.reveal(),
        subject = words::SUBJECT,
        date = date(reporter.at),
        server = reporter.server_name,
    );
    let letter = words::letter(
        &failure.lease.recipient.address.reveal(),
        failure.reason,
        failure.trouble.reply.as_ref().and_then(|reply| words::named(reply, &failure.lease.recipient.address)),
        failure.trouble.reason,
        &failure.trouble.detail,
    );
    part(
        &mut out,
        &boundary,
        "text/plain; charset=utf-8\r\nContent-Language: fr, en\r\nContent-Transfer-Encoding: quoted-printable",
        &quoted_printable(&letter),
    );
    part(&mut out, &boundary, "message/delivery-status", &delivery_status(reporter, failure));
    part(&mut out, &boundary, "text/rfc822-headers", &returned_header(failure.header));
    let _ = write!(out, "--{boundary}--\r\n");
    out
}

fn part(out: &mut String, boundary: &str, content_type: &str, body: &str) {
    let _ = write!(out, "--{boundary}\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n");
}

/// RFC 3464 §2: fields of the message, an empty line, fields of the recipient.
fn delivery_status(reporter: &Reporter<'_>, failure: &Failure<'_>) -> String {
    let Failure { lease, reason, trouble, .. } = failure;
    let status = status(*reason, trouble);
    let mut out = format!("Reporting-MTA: dns; {}\r\n", reporter.server_name);
    if let Some(envid) = lease.parameters.envid.as_deref().and_then(from_xtext) {
        let _ = write!(out, "Original-Envelope-Id: {envid}\r\n");
    }
    let _ = write!(out, "Arrival-Date: {}\r\n\r\n", date(lease.accepted_at));
    if let Some((kind, address)) = lease.recipient.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';'))
        && let (Some(kind), Some(address)) = (from_xtext(kind), from_xtext(address))
    {
        let _ = write!(out, "Original-Recipient: {kind}; {address}\r\n");
    }
    let _ = write!(
        out,
        "Final-Recipient: {}\r\nAction: failed\r\nStatus: {status}\r\n",
        typed_address(&lease.recipient.address),
    );
    if let Some(host) = trouble.remote_host.as_deref().filter(|host| is_printable(host)) {
        let _ = write!(out, "Remote-MTA: dns; {host}\r\n");
    }
    let _ = write!(out, "Diagnostic-Code: {}\r\n", diagnostic(&status, failure));
    let _ = write!(out, "Last-Attempt-Date: {}\r\n", date(reporter.at));
    out
}

/// RFC 3464 §2.3.6: another server's words are of type `smtp`; what none said, being ours, is of a type of our own.
fn diagnostic(status: &str, failure: &Failure<'_>) -> String {
    let Failure { reason, trouble, .. } = failure;
    if let Some(reply) = &trouble.reply {
        return format!("smtp; {}", printable(&reply.to_string()));
    }
    let codes = words::codes(*reason, trouble.reason);
    format!("X-Pli; {}", printable(format!("550 {status} {codes} {}", trouble.detail).trim_end()))
}

/// The code of RFC 3463: the other server's own where it gave one, else ours.
pub(crate) fn status(reason: Reason, trouble: &Trouble) -> String {
    let theirs = trouble.reply.as_ref().filter(|reply| reply.is_never()).and_then(Reply::enhanced);
    let ours = match reason {
        Reason::ExpiredInQueue => return "5.4.7".to_owned(),
        Reason::RecipientDomainNotListed => "5.7.1",
        Reason::MessageMalformed => "5.6.0",
        Reason::PatientUnknown | Reason::RecipientUnknown => "5.1.1",
        Reason::PatientAddressSyntax | Reason::PatientAddressKey => "5.1.3",
        Reason::PatientClosed | Reason::RecipientSuspended => "5.2.1",
        Reason::MailboxFull => "5.2.2",
        Reason::MessageTooBig => "5.3.4",
        // A null MX (RFC 7505 §4.2) is the one way in which a server cannot be reached for ever.
        Reason::PeerUnreachable => "5.1.10",
        _ => "5.0.0",
    };
    theirs.unwrap_or(ours).to_owned()
}

/// `rfc822` for an address in ASCII, `utf-8` in the 7-bit form of RFC 6533 §3 for others.
fn typed_address(address: &MailAddress) -> String {
    let text = address.reveal();
    if text.is_ascii() {
        return format!("rfc822; {text}");
    }
    let mut out = "utf-8; ".to_owned();
    for c in text.chars() {
        match c {
            '\\' | '+' | '=' => {
                let _ = write!(out, "\\x{{{:02X}}}", u32::from(c));
            }
            c if c.is_ascii_graphic() => out.push(c),
            c => {
                let _ = write!(out, "\\x{{{:02X}}}", u32::from(c));
            }
        }
    }
    out
}

/// What may be shown of the original header.
fn returned_header(header: &[u8]) -> String {
    let mut out = String::new();
    for name in RETURNED {
        if let Some(value) = content::value_of(header, name).filter(|value| is_printable(value)) {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    }
    out
}

/// Undoes xtext (RFC 3461 §4); `None` if it is none, or stands for what cannot be written in a 7-bit field.
fn from_xtext(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        };
        out.push(char::from(byte));
    }
    is_printable(&out).then_some(out)
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(VALUE_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
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
            recipient: Recipient {
                address,
                notify: DsnNotify::default(),
                orcpt: Some("rfc822;Bob+2Bx@b.fr".to_owned()),
            },
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
        let failure = Failure { lease: &lease(recipient), reason, trouble, header: HEADER };
        write(&reporter, &MailAddress::parse(sender).unwrap(), &failure)
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
}
