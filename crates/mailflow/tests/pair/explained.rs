//! What `explain` answers is what intake does, and nothing is left behind.

use pli_audit::Face;
use pli_mailflow::{Client, Explanation, Letter, LineFault, PeerOnWire, Question, Refusal, Session, explain};
use pli_policy::{Decision, Reason};
use pli_store::MailboxKind;
use pli_types::ReversePath;

use crate::relay::{HOSPITAL, OFFICINE, PATIENT, Relay, THEIRS, address_of, letter, presented, session, tls};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

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

/// Whoever may bring mail, and whoever may not.
async fn clients(relay: &Relay) -> Vec<Session> {
    let itself = presented(&relay.authority.self_signed("mx.clinique.test").certificate);
    let peer = |facts| session(Face::Smtp, Client::Peer(PeerOnWire::new(facts)));
    vec![
        relay.server("mx.clinique.test", 11),
        relay.server("mta.hopital.test", 12),
        relay.server("mx.unknown.test", 20),
        relay.submitter().await,
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
    let from = [DOCTOR, OFFICINE, &hospital, "x@elsewhere.test", ""];
    let to =
        [OFFICINE, PATIENT, "279035121518900@patient.mssante.fr", "nobody@pharmacie.mssante.fr", DOCTOR, &hospital];
    let round = [b"Received: from a by mss.pro.test; c\r\n".repeat(6), letter(DOCTOR)].concat();
    let long = [b"X-Filler: 0123456789\r\n".repeat(12_000), letter(DOCTOR)].concat();
    let big = [letter(DOCTOR), b"0123456789012345678\r\n".repeat(50_000)].concat();
    let messages =
        [letter(DOCTOR), letter(OFFICINE), letter(&hospital), b"\r\nno header\r\n".to_vec(), round, long, big];
    let mut seen = std::collections::BTreeSet::new();
    for client in clients(&relay).await {
        for from in from {
            for to in to {
                for message in &messages {
                    let answer = explained(&relay, &client, from, to, Some(message)).await;
                    let done = relay.send(&client, from, &[to], message).await;
                    let decision = done.map_or_else(|refusal| decision_of(&refusal), |_| Decision::Accept);
                    assert_eq!(answer.decision, decision, "{from} to {to}: {answer:#?}");
                    seen.insert(reason(&answer));
                    if !decision.accepts() && !answer.rules.iter().any(|outcome| outcome.rule.contains("message")) {
                        break; // The content makes no difference.
                    }
                }
            }
        }
    }
    assert!(seen.len() >= 16, "{seen:?}");
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
