//! Who the header says has written and sent is who has proven it (scenario 33), whoever brings the letter.

use pli_mailflow::{Letter, Question, Session, explain};
use pli_policy::Reason;
use pli_types::ReversePath;

use crate::relay::{HOSPITAL, OFFICINE, OURS, PATIENT, PATIENTS, Relay, THEIRS, address_of};

/// Another domain of the same operator.
const SISTER: &str = "soeur.mssante.fr";

const MISMATCH: Option<Reason> = Some(Reason::HeaderFromMismatch);

/// Fields, and the reason for which a letter with them is refused, if it is. `{own}` is the envelope's sender, `{colleague}`
/// another mailbox of his domain.
const WHOEVER_BRINGS_IT: &[(&str, Option<Reason>)] = &[
    ("From: {own}", None),
    ("From: Dr. Jean DUPONT <{own}>", None),
    ("From: =?utf-8?q?H=C3=A9l=C3=A8ne?= <{own}>", None),
    ("From: \"{own}\" <{own}>", None),
    ("From: {own}\r\nSender: {own}", None),
    ("From: {own}\r\nSender: \"{own}\" <{own}>", None),
    ("From: {own}\r\nResent-From: <{own}>\r\nResent-Sender: {own}\r\nResent-From: {own}", None),
    // Where the answer goes is the author's affair (R-WHO-6).
    ("From: {own}\r\nReply-To: a@elsewhere.test, b@gmail.com", None),
    ("From: {own}\r\nReply-To: \"b@y.fr\" <{colleague}>", None),
    ("Subject: nobody", MISMATCH),
    ("From: {own}, {colleague}", MISMATCH),
    ("From: {own}\r\nFrom: {own}", MISMATCH),
    ("From: {own}\r\nfrom: a@elsewhere.test", MISMATCH),
    ("From : {own}", MISMATCH),
    ("From: {own}\r\nFrom : a@elsewhere.test", MISMATCH),
    ("From: group: {own};", MISMATCH),
    ("From: \"a@elsewhere.test\": {own};", MISMATCH),
    ("From: <@elsewhere.test:{own}>", MISMATCH),
    ("From: <{own}> <a@elsewhere.test>", MISMATCH),
    ("From: a@elsewhere.test <{own}>", MISMATCH),
    ("From: =?utf-8?q?a=40elsewhere.test?=<{own}", MISMATCH),
    ("From: =?utf-8?b?YQ==?={own}", MISMATCH),
    ("From: (a@elsewhere.test) {own}", MISMATCH),
    ("From: \"a@elsewhere.test\" <{own}>", MISMATCH),
    ("From: \"{colleague}\" <{own}>", MISMATCH),
    ("From: =?utf-8?q?{colleague}?= <{own}>", MISMATCH),
    ("From: =?utf-8?b?YUBlbHNld2hlcmUudGVzdA==?= <{own}>", MISMATCH),
    ("From: a\u{ff20}elsewhere.test <{own}>", MISMATCH),
    ("From: \"\u{202e}tset.erehwesle@a\" <{own}>", MISMATCH),
    ("Subject: x\r\n \r\nFrom: {own}", MISMATCH),
    ("no field\r\nFrom: {own}", MISMATCH),
    ("From: {own}\r\nSender: {own}\r\nSender: {own}", MISMATCH),
    ("From: {own}\r\nSender: {own}, {own}", MISMATCH),
    ("From: {own}\r\nSender : {own}", MISMATCH),
    ("From: {own}\r\nSender: group: {own};", MISMATCH),
    ("From: {own}\r\nSender: \"a@elsewhere.test\" <{own}>", MISMATCH),
    ("From: {own}\r\nResent-From: {own}\r\nResent-From: Jean DUPONT", MISMATCH),
    ("From: {own}\r\nResent-Sender: <>", MISMATCH),
    ("From: {own}\r\nResent-From: =?utf-8?q?a=40elsewhere.test?= <{own}>", MISMATCH),
];

fn header(fields: &str, own: &str) -> Vec<u8> {
    let colleague = format!("titulaire@{}", own.split('@').next_back().unwrap());
    let fields = fields.replace("{own}", own).replace("{colleague}", &colleague);
    format!("{fields}\r\nTo: undisclosed:;\r\n\r\nFrom: b@y.fr\r\nBonjour.\r\n").into_bytes()
}

/// Brings a letter with these fields from `own`; asserts why it is refused, if it is, that `explain` says the same, and
/// that only what was taken was kept.
async fn brings(relay: &Relay, client: &Session, own: &str, fields: &str, reason: Option<Reason>) {
    let message = header(fields, own);
    let letter = Letter { bytes: message.clone(), fault: None };
    let sender = ReversePath::Address(address_of(own));
    let question =
        Question { client: client.client.clone(), sender, recipient: address_of(PATIENT), letter: Some(letter) };
    let explained = explain(&relay.intake, question).await.unwrap();
    assert_eq!(explained.decision.reason(), reason, "{own}: {fields:?}: {explained:#?}");

    let before = relay.inbox(PATIENT).await.len();
    let done = relay.send(client, own, &[PATIENT], &message).await;
    assert_eq!(done.as_ref().err().map(|refusal| refusal.reason), reason, "{own}: {fields:?}");
    let kept = relay.inbox(PATIENT).await.len() - before;
    assert_eq!(kept, usize::from(reason.is_none()), "{own}: {fields:?}");
}

/// A relay whose other operator has a second domain.
async fn relay() -> Relay {
    let relay = Relay::start().await;
    relay.list(&[
        (OURS, "mss.pro.test"),
        (PATIENTS, "mss.pro.test"),
        (THEIRS, "mx.clinique.test"),
        (SISTER, "mx.clinique.test"),
    ]);
    relay
}

#[tokio::test]
async fn no_trick_of_the_header_passes_whoever_tries_it() {
    let relay = relay().await;
    let clients = [
        (relay.server("mx.clinique.test", 11), format!("dr.martin@{THEIRS}")),
        (relay.server("mta.hopital.test", 12), format!("urgences@{HOSPITAL}")),
        (relay.submitter().await, OFFICINE.to_owned()),
    ];
    for (client, own) in &clients {
        for (fields, reason) in WHOEVER_BRINGS_IT {
            brings(&relay, client, own, fields, *reason).await;
        }
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_account_sends_as_nobody_else() {
    let relay = relay().await;
    let client = relay.submitter().await;
    let not_owned = Some(Reason::SenderNotOwned);
    for fields in [
        "From: {colleague}",
        "From: {own}\r\nSender: {colleague}",
        "From: {own}\r\nSender: a@elsewhere.test",
        "From: {own}\r\nResent-From: {colleague}",
        "From: {own}\r\nResent-From: {own}\r\nResent-Sender: {colleague}",
        "From: {own}\r\nResent-From: {own}\r\nResent-From: {colleague}",
        // Sent again in the proper form, but the author is another: passed on as an attachment instead.
        "From: {colleague}\r\nResent-From: {own}",
    ] {
        brings(&relay, &client, OFFICINE, fields, not_owned).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_operator_sends_as_its_listed_domains_alone() {
    let relay = relay().await;
    let client = relay.server("mx.clinique.test", 11);
    let own = format!("dr.martin@{THEIRS}");
    let sister = |field: &str| format!("From: {{own}}\r\n{field}: secretariat@{SISTER}");
    for (fields, reason) in [
        ("From: {own}\r\nSender: {colleague}".to_owned(), None),
        (sister("Sender"), None),
        (sister("Resent-From"), None),
        (format!("From: a@{SISTER}\r\nResent-From: {{own}}"), MISMATCH),
        (format!("From: {{own}}\r\nSender: {OFFICINE}"), MISMATCH),
        (format!("From: {{own}}\r\nResent-From: {OFFICINE}"), MISMATCH),
        ("From: {own}\r\nResent-From: {own}\r\nResent-Sender: a@gmail.com".to_owned(), MISMATCH),
        (format!("From: {OFFICINE}\r\nSender: {{own}}"), MISMATCH),
    ] {
        brings(&relay, &client, &own, &fields, reason).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_connector_sends_as_its_own_domains_alone() {
    let relay = relay().await;
    let client = relay.server("mta.hopital.test", 12);
    let own = format!("urgences@{HOSPITAL}");
    for (fields, reason) in [
        ("From: {own}\r\nSender: {colleague}".to_owned(), None),
        (format!("From: {{own}}\r\nSender: a@{SISTER}"), MISMATCH),
        (format!("From: {{own}}\r\nResent-From: {OFFICINE}"), MISMATCH),
    ] {
        brings(&relay, &client, &own, &fields, reason).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn explain_shows_who_was_named_and_what_the_name_shows() {
    let relay = relay().await;
    let client = relay.server("mx.clinique.test", 11);
    let own = format!("dr.martin@{THEIRS}");
    let fields = format!("From: \"{{own}}\" <{{own}}>\r\nSender: a@{SISTER}\r\nResent-From: {PATIENT}");
    let letter = Letter { bytes: header(&fields, &own), fault: None };
    let sender = ReversePath::Address(address_of(&own));
    let question = Question { client: client.client, sender, recipient: address_of(PATIENT), letter: Some(letter) };
    let answer = explain(&relay.intake, question).await.unwrap();
    let last = answer.rules.last().unwrap();
    assert_eq!((last.rule, answer.decision.reason()), ("header-sender", MISMATCH));
    let named: Vec<_> = last.facts.iter().filter(|(name, _)| name.starts_with("header-")).collect();
    assert_eq!(named[0], &("header-sender", format!("a@{SISTER}")));
    assert!(named[1].0 == "header-resent-from" && !named[1].1.contains("27903512151"), "{named:?}");
    relay.stop().await;
}
