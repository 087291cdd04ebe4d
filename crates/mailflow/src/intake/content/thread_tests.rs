//! What of a header says which messages it answers, and which answers it wants.

use pli_policy::ReportKind;

use super::thread::NAMED_MAX;
use super::*;

fn thread(header: &str) -> Thread {
    read(header.as_bytes(), "mss.pro.test").thread
}

fn revealed(thread: &Thread) -> Vec<String> {
    thread.reply_to.iter().map(pli_types::MailAddress::reveal).collect()
}

#[test]
fn an_exchange_is_ended_by_this_subject_alone() {
    for subject in ["[FIN]", " [FIN]", "[FIN] ", "\r\n\t[FIN]", "=?utf-8?q?=5BFIN=5D?=", "=?ISO-8859-1?B?W0ZJTl0=?="] {
        assert!(thread(&format!("Subject: {subject}\r\n")).ends, "{subject:?}");
    }
    let others = [
        "[fin]",
        "[Fin]",
        "Re: [FIN]",
        "[FIN] x",
        "x [FIN]",
        "[FIN].",
        "FIN",
        "[ FIN ]",
        "[FIN][FIN]",
        "\"[FIN]\"",
        "",
    ];
    for subject in others {
        assert!(!thread(&format!("Subject: {subject}\r\n")).ends, "{subject:?}");
    }
    assert!(!thread("Subject: [FIN]\r\nSubject: [FIN]\r\n").ends, "which one is shown?");
    assert!(!thread("Subject : [FIN]\r\n").ends, "some programs see no Subject");
    assert!(!thread("X-Subject: [FIN]\r\n").ends);
}

#[test]
fn a_message_cannot_be_answered_by_this_field_alone() {
    for field in ["X-MSS-MES: FIN", "x-mss-mes:FIN", "X-MSS-MES:  FIN  ", "X-MSS-MES:\r\n FIN"] {
        assert!(thread(&format!("{field}\r\n")).unanswerable, "{field:?}");
    }
    for field in [
        "X-MSS-MES: fin",
        "X-MSS-MES: [FIN]",
        "X-MSS-MES: FIN FIN",
        "X-MSS-MES : FIN",
        "X-MSS-MES: FIN\r\nX-MSS-MES: FIN",
    ] {
        assert!(!thread(&format!("{field}\r\n")).unanswerable, "{field:?}");
    }
}

#[test]
fn what_a_message_answers_is_in_in_reply_to_and_else_the_last_of_references() {
    let answers = |header: &str| thread(header).answers;
    assert_eq!(answers("In-Reply-To: <a@x>\r\nReferences: <b@x> <c@x>\r\n"), ["a@x"]);
    assert_eq!(answers("In-Reply-To: Your message of today <a@x>\r\n"), ["a@x"]);
    assert_eq!(answers("In-Reply-To: <a@x> <b@x>\r\n"), ["a@x", "b@x"]);
    assert_eq!(answers("References: <b@x>\r\n\t<c\r\n @x>\r\n"), ["c@x"]);
    assert_eq!(answers("In-Reply-To: a@x\r\n"), ["a@x"], "some programs write none of the brackets");
    assert!(answers("In-Reply-To: <>\r\nReferences:\r\n").is_empty());
    assert!(answers("In-Reply-To: <unclosed\r\n").is_empty());
    let many = (0..50).map(|number| format!("<{number}@x>")).collect::<Vec<_>>().join(" ");
    assert_eq!(answers(&format!("In-Reply-To: {many}\r\n")).len(), NAMED_MAX);
    assert_eq!(thread("Message-ID: <a@x>\r\n").message_id.as_deref(), Some("a@x"));
}

#[test]
fn reply_to_may_name_several_and_what_has_two_readings_is_left_out() {
    let reply_to = |value: &str| revealed(&thread(&format!("Reply-To: {value}\r\n")));
    assert_eq!(reply_to("Le secretariat <s@a.fr>"), ["s@a.fr"]);
    assert_eq!(reply_to("s@a.fr, \"b, c\" <b@a.fr>, s@a.fr"), ["s@a.fr", "b@a.fr"]);
    assert_eq!(reply_to("Equipe: s@a.fr, b@a.fr;"), ["s@a.fr", "b@a.fr"]);
    assert!(reply_to("undisclosed:;").is_empty());
    assert!(reply_to("nobody").is_empty());
    assert!(reply_to("s@a.fr\r\r\n ").is_empty(), "a bare CR");
    let many = (0..50).map(|number| format!("p{number}@a.fr")).collect::<Vec<_>>().join(", ");
    assert_eq!(reply_to(&many).len(), NAMED_MAX);
}

#[test]
fn a_receipt_is_asked_for_at_one_address() {
    let receipt = |header: &str| thread(header).receipt_to.map(|address| address.reveal());
    assert_eq!(receipt("Disposition-Notification-To: Dr <s@a.fr>\r\n").as_deref(), Some("s@a.fr"));
    assert_eq!(receipt("Disposition-Notification-To: s@a.fr, b@a.fr\r\n"), None);
    assert_eq!(receipt("Disposition-Notification-To: s@a.fr\r\nDisposition-Notification-To: s@a.fr\r\n"), None);
}

#[test]
fn a_report_is_one_by_its_media_type_and_its_parameter() {
    let report = |value: &str| thread(&format!("Content-Type: {value}\r\n")).report;
    let receipt = Some(ReportKind::DispositionNotification);
    assert_eq!(report("multipart/report; report-type=disposition-notification; boundary=b"), receipt);
    assert_eq!(report("MULTIPART/Report;\r\n boundary=\"b\";\r\n\tReport-Type=\"Disposition-Notification\""), receipt);
    assert_eq!(report("multipart/report; report-type=delivery-status"), Some(ReportKind::DeliveryStatus));
    for other in [
        "multipart/report",
        "multipart/mixed; report-type=delivery-status",
        "text/plain",
        "multipart/report; report-type=x",
    ] {
        assert_eq!(report(other), None, "{other}");
    }
}

#[test]
fn a_report_names_its_message_in_the_part_that_machines_read() {
    let receipt = |parts: &str| reported_on(ReportKind::DispositionNotification, parts.as_bytes());
    let fields = "Final-Recipient: rfc822;a@b.fr\r\nOriginal-Message-ID: <1@x>\r\n";
    let part = format!("Content-Type: message/disposition-notification\r\n\r\n{fields}");
    assert_eq!(receipt(&format!("\r\n--b\r\n\r\nwords\r\n--b\r\n{part}\r\n--b--\r\n")).as_deref(), Some("1@x"));
    assert_eq!(receipt(&format!("\r\n--b\r\n{part}")).as_deref(), Some("1@x"), "nothing behind it");
    assert_eq!(receipt(&format!("\r\n--b\r\nContent-Type: text/plain\r\n\r\n{fields}\r\n--b--\r\n")), None);
    assert_eq!(
        receipt(
            "\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nA: b\r\n\r\nOriginal-Message-ID: <1@x>\r\n"
        ),
        None
    );
    let far = format!("\r\n--b\r\n\r\n{}\r\n--b\r\n{part}\r\n", "x".repeat(REPORT_BYTES_MAX));
    assert_eq!(receipt(&far), None, "no further than this");
    let returned =
        "\r\n--b\r\nContent-Type: text/rfc822-headers; charset=us-ascii\r\n\r\nMessage-ID: <2@x>\r\n\r\n--b--\r\n";
    assert_eq!(reported_on(ReportKind::DeliveryStatus, returned.as_bytes()).as_deref(), Some("2@x"));
    for hostile in ["", "--", "\r\n--", "--b\r\n--b\r\n--b", &"\r\n--".repeat(20_000)] {
        assert_eq!(receipt(hostile), None);
    }
}
