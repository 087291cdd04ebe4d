//! What is read of reports, odd ones included.

use pli_policy::ReportKind::{DeliveryStatus, DispositionNotification};

use super::integration::IntegrationCode;
use super::report::{News, REPORT_BYTES_MAX, Told, returned, told};

fn receipt(fields: &str) -> Option<Told> {
    let part = format!("\r\n--b\r\n\r\nwords\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n{fields}");
    let [one] = <[Told; 1]>::try_from(told(DispositionNotification, format!("{part}\r\n--b--\r\n").as_bytes())).ok()?;
    Some(one)
}

fn disposition(value: &str) -> Option<News> {
    receipt(&format!("Disposition: {value}\r\n")).map(|told| told.news)
}

#[test]
fn a_receipt_tells_what_the_program_did() {
    let ko = |code| Some(News::NotIntegrated(code));
    for (value, news) in [
        ("manual-action/MDN-sent-manually; displayed", Some(News::Opened)),
        ("automatic-action/MDN-sent-automatically;displayed/error", Some(News::Opened)),
        ("automatic-action/MDN-sent-automatically; processed", Some(News::Integrated)),
        ("AUTOMATIC-ACTION/MDN-Sent-Automatically; Processed", Some(News::Integrated)),
        ("a/b; processed/warning", Some(News::Integrated)),
        ("a/b; processed/Error: 904^INS différent", ko(IntegrationCode::InsDiffers)),
        ("a/b; processed/Error:904", ko(IntegrationCode::InsDiffers)),
        ("a/b;\r\n\tprocessed/Error:\r\n 207^x", ko(IntegrationCode::Internal)),
        ("a/b; processed/warning,error", ko(IntegrationCode::Unknown)),
        ("a/b; processed/error", ko(IntegrationCode::Unknown)),
        ("a/b; processed/Error: 9999999999^x", ko(IntegrationCode::Unknown)),
        ("a/b; failed", ko(IntegrationCode::Unknown)),
        ("a/b; deleted", None),
        ("a/b; dispatched", None),
        ("a/b; processed-not", None),
        ("processed", None),
        ("", None),
        (";", None),
    ] {
        assert_eq!(disposition(value), news, "{value:?}");
    }
    assert_eq!(disposition(&format!("a/b; processed/Error: 904^{}", "x".repeat(4096))), None, "no value is as long");
    let field = "Disposition: a/b; processed/error\r\nError: 903^INS absente\r\n";
    assert_eq!(receipt(field).unwrap().news, News::NotIntegrated(IntegrationCode::InsAbsent), "RFC 8098 §3.2.7");
}

#[test]
fn a_receipt_names_its_recipient_by_both_addresses() {
    let about = |fields: &str| {
        let told = receipt(&format!("{fields}Disposition: a/b; displayed\r\n")).unwrap();
        told.about.iter().map(pli_types::MailAddress::reveal).collect::<Vec<_>>()
    };
    assert_eq!(
        about("Original-Recipient: rfc822; a@b.fr\r\nFinal-Recipient: RFC822;<c@d.fr>\r\n"),
        ["a@b.fr", "c@d.fr"]
    );
    assert_eq!(about("Original-Recipient: rfc822;a@b.fr\r\nFinal-Recipient: rfc822; a@b.fr\r\n"), ["a@b.fr"]);
    for odd in ["a@b.fr", "x400; a@b.fr", "rfc822;", "rfc822; a@b.fr, c@d.fr", "rfc822; <a@b.fr", ";;;"] {
        assert!(about(&format!("Final-Recipient: {odd}\r\n")).is_empty(), "{odd}");
    }
    let long = format!("Final-Recipient: rfc822; {}@b.fr\r\n", "a".repeat(600));
    assert!(about(&long).is_empty());
}

fn status(groups: &str) -> Vec<Told> {
    let body = format!("\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n{groups}\r\n--b--\r\n");
    told(DeliveryStatus, body.as_bytes())
}

#[test]
fn a_delivery_report_tells_of_each_recipient() {
    let told = status(
        "Reporting-MTA: dns; mx.b.fr\r\n\r\n\
         Final-Recipient: rfc822; a@b.fr\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n\r\n\
         Final-Recipient: rfc822; c@b.fr\r\nAction: FAILED\r\nStatus: 5.1.1 (nobody)\r\n\r\n\
         Final-Recipient: rfc822; d@b.fr\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n\
         Final-Recipient: rfc822; e@b.fr\r\nAction: relayed\r\n\r\n\
         Final-Recipient: rfc822; f@b.fr\r\nAction: failed\r\nStatus: 279035121518989\r\n\r\n\
         Action: delivered\r\n",
    );
    let news: Vec<(String, News)> = told.into_iter().map(|told| (told.about[0].reveal(), told.news)).collect();
    let of = |address: &str, news| (address.to_owned(), news);
    assert_eq!(
        news,
        [
            of("a@b.fr", News::Delivered),
            of("c@b.fr", News::Failed(Some("5.1.1".to_owned()))),
            of("e@b.fr", News::Relayed),
            of("f@b.fr", News::Failed(None)),
        ]
    );
}

#[test]
fn a_report_is_read_no_further_than_it_may() {
    let one = "Final-Recipient: rfc822; a@b.fr\r\nAction: delivered\r\n\r\n";
    assert_eq!(status(&one.repeat(1000)).len(), 100, "recipients");
    let far = format!("A: {}\r\n\r\n{one}", "x".repeat(REPORT_BYTES_MAX));
    assert!(status(&far).is_empty(), "bytes");
    for hostile in ["", "\r\n\r\n", "--", "\r\n--", ":", "\0", &"\r\n".repeat(30_000), &"Action\r\n".repeat(9_000)] {
        assert!(status(hostile).is_empty());
        assert!(receipt(hostile).is_none());
    }
    let wrong = "\r\n--b\r\nContent-Type: text/plain\r\n\r\nDisposition: a/b; displayed\r\n";
    assert!(told(DispositionNotification, wrong.as_bytes()).is_empty(), "a part for people");
}

#[test]
fn an_error_mail_names_the_message_that_it_gives_back() {
    let body = "\r\n--b\r\n\r\nKO\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <1@x>\r\n\r\n...";
    assert_eq!(returned(body.as_bytes()).as_deref(), Some("1@x"));
    assert_eq!(returned(b"\r\n--b\r\n\r\nMessage-ID: <1@x>\r\n"), None);
}
