//! What `explain` answers is what intake does, and nothing is left behind.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use pli_audit::Face;
use pli_mailflow::{Client, Explanation, Letter, LineFault, PeerOnWire, Question, Refusal, Session, explain};
use pli_policy::{Decision, Reason};
use pli_store::MailboxKind;
use pli_types::{MessageId, ReversePath};

use crate::relay::{HOSPITAL, OFFICINE, PATIENT, Relay, THEIRS, address_of, letter, presented, session, tls};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
/// Writes to nobody.
const COLLEAGUE: &str = "dr.durand@clinique.mssante.fr";
/// Has no space here.
const NOBODY: &str = "160012B02077713@patient.mssante.fr";

async fn explained(relay: &Relay, session: &Session, from: &str, to: &str, message: Option<&[u8]>) -> Explanation {
    let sender = if from.is_empty() { ReversePath::Null } else { ReversePath::Address(address_of(from)) };
    let letter = message.map(|bytes| Letter { bytes: bytes.to_vec(), fault: None });
    let question = Question { client: session.client.clone(), sender, recipient: address_of(to), letter };
    explain(&relay.intake, question).await.unwrap()
}

fn reason(explanation: &Explanation) -> &'static str {
    explanation.decision.reason().map_or("accepted", Reason::code)
}

fn fact<'a>(explanation: &'a Explanation, rule: &str, name: &str) -> &'a str {
    let outcome = explanation.rules.iter().find(|outcome| outcome.rule == rule).expect("the rule was asked");
    let fact = outcome.facts.iter().find(|(known, _)| *known == name);
    fact.map_or_else(|| panic!("no {name} in {outcome:?}"), |(_, told)| told.as_str())
}

fn decision_of(refusal: &Refusal) -> Decision {
    if refusal.temporary { Decision::Defer(refusal.reason) } else { Decision::Refuse(refusal.reason) }
}

/// What became of a message that was taken: its one row in the queue tells, if it goes back.
async fn returned(relay: &Relay, message: MessageId) -> Decision {
    let rows = relay.store.queue_rows(10_000).await.unwrap();
    let row = rows.iter().find(|row| row.message == message);
    let reason = row.and_then(|row| Reason::from_code(row.returned.as_deref()?));
    reason.map_or(Decision::Accept, Decision::Return)
}

/// Whoever may bring mail, and whoever may not.
async fn clients(relay: &Relay) -> Vec<Session> {
    let itself = presented(&relay.authority.self_signed("mx.clinique.test").certificate);
    let peer = |facts| session(Face::Smtp, Client::Peer(PeerOnWire::new(facts)));
    vec![
        relay.server("mx.clinique.test", 11),
        relay.server("mta.hopital.test", 12),
        relay.server("mx.unknown.test", 20),
        relay.submitter().await,
        relay.signed_in_to(PATIENT).await,
        peer(None),
        peer(Some(tls(None))),
        peer(Some(tls(Some(itself)))),
        session(Face::Submission, Client::Submitter { tls: Some(tls(None)), account: None }),
    ]
}

#[tokio::test]
async fn whoever_writes_what_to_whom_explain_says_what_intake_does() {
    let relay = Relay::start().await;
    relay.add_mailbox(&format!("archives@{HOSPITAL}"), MailboxKind::App).await;
    let hospital = format!("urgences@{HOSPITAL}");
    let from = [DOCTOR, OFFICINE, PATIENT, &hospital, "x@elsewhere.test", ""];
    let to = [
        OFFICINE,
        PATIENT,
        "279035121518900@patient.mssante.fr",
        NOBODY,
        "nobody@pharmacie.mssante.fr",
        DOCTOR,
        COLLEAGUE,
        &hospital,
    ];
    let round = [b"Received: from a by mss.pro.test; c\r\n".repeat(6), letter(DOCTOR)].concat();
    let long = [b"X-Filler: 0123456789\r\n".repeat(12_000), letter(DOCTOR)].concat();
    let big = [letter(DOCTOR), b"0123456789012345678\r\n".repeat(50_000)].concat();
    let messages = [
        letter(DOCTOR),
        letter(OFFICINE),
        letter(PATIENT),
        letter(&hospital),
        b"\r\nno header\r\n".to_vec(),
        round,
        long,
        big,
    ];
    let mut seen = std::collections::BTreeSet::new();
    for client in clients(&relay).await {
        for from in from {
            for to in to {
                for message in &messages {
                    let answer = explained(&relay, &client, from, to, Some(message)).await;
                    let done = relay.send(&client, from, &[to], message).await;
                    let decision = match done {
                        Ok(message) => returned(&relay, message).await,
                        Err(refusal) => decision_of(&refusal),
                    };
                    assert_eq!(answer.decision, decision, "{from} to {to}: {answer:#?}");
                    seen.insert(reason(&answer));
                    if !decision.takes() && !answer.rules.iter().any(|outcome| outcome.rule.contains("message")) {
                        break; // The content makes no difference.
                    }
                }
            }
        }
    }
    assert!(seen.len() >= 20, "{seen:?}");
    for reason in ["patient-unknown", "patient-to-patient", "relation-none", "report-unsolicited"] {
        assert!(seen.contains(reason), "{reason} in {seen:?}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_answer_shows_certificate_dates_and_the_list_it_was_judged_under() {
    let relay = Relay::start().await;
    let answer = explained(&relay, &relay.server("mx.clinique.test", 11), DOCTOR, PATIENT, None).await;
    assert_eq!(reason(&answer), "accepted");
    for (name, told) in [
        ("subject", "CN=mx.clinique.test,O=Test,C=FR"),
        ("serial", "0b"),
        ("issuer", "CN=TEST ORGANISATIONS,O=Test,C=FR"),
        ("valid-until", "2036-01-01T00:00:00Z"),
        ("judged-at", "2026-06-01T08:00:00Z"),
    ] {
        assert_eq!(fact(&answer, "client-certificate", name), told);
    }
    assert_eq!(fact(&answer, "sender-domain", "trust-list-of"), "2026-05-01T00:00:00Z");
    assert_eq!(fact(&answer, "recipient-known", "mailbox"), "open");
    assert!(fact(&answer, "recipient-known", "recipient").starts_with("ins-"));
    let rules: Vec<_> = answer.rules.iter().map(|outcome| outcome.rule).collect();
    let once: std::collections::BTreeSet<_> = rules.iter().collect();
    assert_eq!(rules.len(), once.len(), "each rule is told once: {rules:?}");
    relay.stop().await;
}

#[tokio::test]
async fn asking_leaves_no_trace() {
    let relay = Relay::start().await;
    let peer = relay.server("mx.clinique.test", 11);
    explained(&relay, &peer, DOCTOR, OFFICINE, Some(&letter(DOCTOR))).await;
    let to = format!("urgences@{HOSPITAL}");
    explained(&relay, &peer, DOCTOR, &to, Some(&letter(DOCTOR))).await;
    assert!(relay.inbox(OFFICINE).await.is_empty());
    assert!(relay.store.queue_rows(10).await.unwrap().is_empty());
    assert_eq!(relay.peer.connections() + relay.hospital.connections(), 0);
    relay.stop().await;
}

#[tokio::test]
async fn what_the_protocol_machine_found_is_told_in_its_turn() {
    let relay = Relay::start().await;
    let ask = async |fault, message: Vec<u8>| {
        let letter = Some(Letter { bytes: message, fault });
        let (sender, recipient) = (ReversePath::Address(address_of(DOCTOR)), address_of(OFFICINE));
        let client = relay.server("mx.clinique.test", 11).client;
        explain(&relay.intake, Question { client, sender, recipient, letter }).await.unwrap()
    };
    let faulty = |offset| Some(LineFault { reason: Reason::LineEnding, line: 7, offset });
    let answer = ask(faulty(100), letter(OFFICINE)).await;
    assert_eq!(reason(&answer), "line-ending", "before the header's From");
    assert_eq!(fact(&answer, "message-lines", "first-faulty-line"), "7");
    let big = || [letter(DOCTOR), b"0123456789012345678\r\n".repeat(50_000)].concat();
    assert_eq!(reason(&ask(faulty(100), big()).await), "line-ending", "the machine tells the worse of the two");
    assert_eq!(reason(&ask(None, big()).await), "message-too-big");
    let header = || b"X-Filler: 0123456789\r\n".repeat(12_000);
    assert_eq!(reason(&ask(faulty(100), header()).await), "line-ending", "what comes behind it is never looked at");
    assert_eq!(reason(&ask(faulty(263_000), header()).await), "message-malformed", "the header was too long before");
    let from = fact(&ask(None, letter(OFFICINE)).await, "header-from", "header-from").to_owned();
    assert_eq!(from, OFFICINE);
    relay.list(&[(THEIRS, "mx.clinique.test")]);
    assert_eq!(reason(&ask(None, letter(OFFICINE)).await), "header-from-mismatch");
    relay.stop().await;
}

/// A message of the doctor to the patient, with these header lines.
async fn doctor_writes(relay: &Relay, id: &str, lines: &str) {
    relay.clock.advance(SignedDuration::from_secs(60));
    let message = format!("From: <{DOCTOR}>\r\nMessage-ID: <{id}>\r\n{lines}\r\nbody\r\n");
    relay.send(&relay.server("mx.clinique.test", 11), DOCTOR, &[PATIENT], message.as_bytes()).await.unwrap();
}

fn from_patient(lines: &str) -> Vec<u8> {
    format!("From: <{PATIENT}>\r\n{lines}\r\nbody\r\n").into_bytes()
}

#[tokio::test]
async fn a_relation_is_told_with_its_history_and_nobody_is_named() {
    let relay = Relay::start().await;
    let patient = relay.signed_in_to(PATIENT).await;
    let answer = explained(&relay, &patient, PATIENT, DOCTOR, None).await;
    assert_eq!((reason(&answer), fact(&answer, "relation", "relation")), ("relation-none", "none"));
    doctor_writes(&relay, "1@clinique.test", "").await;
    doctor_writes(&relay, "2@clinique.test", "X-MSS-MES: FIN\r\n").await;
    doctor_writes(&relay, "3@clinique.test", "Subject: [FIN]\r\n").await;
    let answer = explained(&relay, &patient, PATIENT, DOCTOR, None).await;
    assert_eq!(answer.decision, Decision::Accept, "what it answers is not known yet");
    let answers = |id: &str| from_patient(&format!("In-Reply-To: <{id}>\r\n"));
    let answer = explained(&relay, &patient, PATIENT, DOCTOR, Some(&answers("1@clinique.test"))).await;
    assert_eq!(reason(&answer), "relation-closed");
    for (name, told) in [
        ("relation", "closed"),
        ("since", "2026-06-01"),
        ("since-instant", "2026-06-01T08:03:00Z"),
        ("opened-by", DOCTOR),
        ("last-unanswerable", "2026-06-01T08:02:00Z"),
        ("has-sent-what-cannot-be-answered", "yes"),
        (
            "history",
            "2026-06-01T08:01:00Z wrote by dr.martin@clinique.mssante.fr; \
             2026-06-01T08:02:00Z wrote-unanswerable by dr.martin@clinique.mssante.fr; \
             2026-06-01T08:03:00Z ended by dr.martin@clinique.mssante.fr",
        ),
    ] {
        assert_eq!(fact(&answer, "relation", name), told);
    }
    assert_eq!(fact(&answer, "answerable", "answers"), "1 named, 1 of them received here");
    let answer = explained(&relay, &patient, PATIENT, DOCTOR, Some(&answers("2@clinique.test"))).await;
    assert_eq!(reason(&answer), "message-not-answerable");
    assert_eq!(fact(&answer, "answerable", "answered-can-be-answered"), "no");
    let told = format!("{:?}", answer.rules);
    assert!(!told.contains("27903512151") && told.contains("ins-"), "{told}");
    relay.stop().await;
}

#[tokio::test]
async fn a_long_history_is_told_by_its_end() {
    let relay = Relay::start().await;
    for number in 0..13 {
        doctor_writes(&relay, &format!("{number}@clinique.test"), "").await;
    }
    let patient = relay.signed_in_to(PATIENT).await;
    let answer = explained(&relay, &patient, PATIENT, DOCTOR, None).await;
    assert_eq!(fact(&answer, "relation", "history").split("; ").count(), 10);
    assert_eq!(fact(&answer, "relation", "earlier-events"), "3");
    relay.stop().await;
}

#[tokio::test]
async fn what_a_message_would_do_to_contacts_is_told_and_not_done() {
    let relay = Relay::start().await;
    let clinic = relay.server("mx.clinique.test", 11);
    let would = async |lines: &str| {
        let message = format!("From: <{DOCTOR}>\r\n{lines}\r\nbody\r\n");
        explained(&relay, &clinic, DOCTOR, PATIENT, Some(message.as_bytes())).await
    };
    let answer = would("").await;
    assert_eq!((fact(&answer, "contacts", "turn"), fact(&answer, "contacts", "relation")), ("wrote", "none to open"));
    let answer = would("Reply-To: <secretariat@clinique.mssante.fr>\r\n").await;
    assert_eq!(fact(&answer, "contacts", "contacts"), "secretariat@clinique.mssante.fr");
    assert_eq!(fact(&answer, "contacts", "by"), DOCTOR);
    let answer = would("X-MSS-MES: FIN\r\n").await;
    assert_eq!(fact(&answer, "contacts", "turn"), "wrote-unanswerable");
    assert_eq!(fact(&answer, "contacts", "relation"), "none to none");
    doctor_writes(&relay, "1@clinique.test", "").await;
    let answer = would("Subject: [FIN]\r\n").await;
    assert_eq!((fact(&answer, "contacts", "turn"), fact(&answer, "contacts", "relation")), ("ended", "open to closed"));
    let patient = relay.signed_in_to(PATIENT).await;
    let answer = explained(&relay, &patient, PATIENT, DOCTOR, None).await;
    assert_eq!(fact(&answer, "relation", "relation"), "open", "nothing of it was done");
    // Whoever has no space here has no contacts either.
    let answer = explained(&relay, &clinic, DOCTOR, NOBODY, Some(&letter(DOCTOR))).await;
    assert_eq!(answer.decision, Decision::Return(Reason::PatientUnknown));
    assert!(answer.rules.iter().all(|outcome| outcome.rule != "contacts"), "{answer:#?}");
    relay.stop().await;
}

/// The requirement is a second for two hundred; the best of some rounds, since other tests run beside this one.
#[tokio::test]
async fn two_hundred_decisions_are_explained_within_a_second() {
    let relay = Relay::start().await;
    for number in 0..12 {
        doctor_writes(&relay, &format!("{number}@clinique.test"), "").await;
    }
    let (clinic, patient) = (relay.server("mx.clinique.test", 11), relay.signed_in_to(PATIENT).await);
    let (from_doctor, answer) = (letter(DOCTOR), from_patient("In-Reply-To: <7@clinique.test>\r\n"));
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let mut told = 0;
        for _ in 0..50 {
            told += explained(&relay, &clinic, DOCTOR, PATIENT, Some(&from_doctor)).await.rules.len();
            told += explained(&relay, &patient, PATIENT, DOCTOR, Some(&answer)).await.rules.len();
            told += explained(&relay, &patient, PATIENT, OFFICINE, None).await.rules.len();
            told += explained(&relay, &clinic, DOCTOR, NOBODY, None).await.rules.len();
        }
        best = best.min(began.elapsed());
        assert!(told > 200 * 10, "each with all its rules");
    }
    assert!(best < Duration::from_secs(1), "{best:?}");
    relay.stop().await;
}
