//! What a patient of ours attaches is of the types that are set, by name and by media type.

use std::sync::Arc;

use pli_mailflow::{Letter, Question, Session, explain};
use pli_policy::{Decision, FileType, Reason};
use pli_types::ReversePath;

use crate::relay::{OFFICINE, PATIENT, Relay, address_of, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

/// A relay where patients attach photos and PDFs, with a patient whom a doctor has written to.
async fn start() -> (Relay, Session) {
    let mut relay = Relay::start().await;
    let mut config = (*relay.intake.config).clone();
    config.ruleset.patient.file_types =
        ["jpg", "pdf"].iter().filter_map(|ending| FileType::of_ending(ending)).collect();
    relay.intake.config = Arc::new(config);
    let clinic = relay.server("mx.clinique.test", 11);
    relay.send(&clinic, DOCTOR, &[PATIENT], &letter(DOCTOR)).await.unwrap();
    let patient = relay.signed_in_to(PATIENT).await;
    (relay, patient)
}

/// A letter with a text, and a part with these header lines.
fn with(part: &str) -> Vec<u8> {
    format!(
        "From: <{PATIENT}>\r\nMessage-ID: <1@client.test>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--b\r\n{part}\r\n\r\nAAAA\r\n--b--\r\n"
    )
    .into_bytes()
}

/// A letter that is nothing but one part.
fn alone(part: &str) -> Vec<u8> {
    format!("From: <{PATIENT}>\r\nMessage-ID: <1@client.test>\r\n{part}\r\n\r\nAAAA\r\n").into_bytes()
}

const TAKEN: [&str; 6] = [
    "Content-Type: text/plain",
    "Content-Type: application/pdf",
    "Content-Type: application/pdf; name=PAT-Dominique.PDF",
    "Content-Type: image/jpeg\r\nContent-Disposition: inline; filename=\"my wound.jpg\"",
    "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.jpg",
    "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''r%C3%A9sultat.pdf",
];

const REFUSED: [&str; 8] = [
    "Content-Type: application/zip",
    "Content-Type: application/octet-stream",
    "Content-Type: application/pdf; name=PAT-Dominique.exe",
    "Content-Type: application/pdf; name=PAT-Dominique.exe\r\nContent-Disposition: attachment; filename=a.pdf",
    "Content-Type: application/x-msdownload; name=a.pdf",
    "Content-Type: application/pdf; name=\"a.pdf.exe. \"",
    "Content-Type: text/plain; name=PAT-Dominique.bat",
    "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=PAT-Dominique.vbs",
];

#[tokio::test]
async fn a_patient_attaches_what_is_set_and_nothing_else() {
    let (relay, patient) = start().await;
    for part in TAKEN {
        for message in [with(part), alone(part)] {
            relay.send(&patient, PATIENT, &[DOCTOR], &message).await.expect(part);
        }
    }
    for part in REFUSED {
        for message in [with(part), alone(part)] {
            let refusal = relay.send(&patient, PATIENT, &[DOCTOR], &message).await.expect_err(part);
            assert_eq!((refusal.reason, refusal.temporary), (Reason::AttachmentType, false), "{part}");
        }
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_long_name_does_not_hide_how_it_ends() {
    let (relay, patient) = start().await;
    let name = format!("{}.pdf{}.exe", "a".repeat(251), "b".repeat(9));
    let part = format!("Content-Type: application/octet-stream;\r\n name=\"{name}\"");
    let refusal = relay.send(&patient, PATIENT, &[DOCTOR], &with(&part)).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::AttachmentType);
    relay.stop().await;
}

#[tokio::test]
async fn professionals_attach_what_they_like() {
    let (relay, _) = start().await;
    let officine = relay.submitter().await;
    let message = String::from_utf8(with(REFUSED[0])).unwrap().replace(PATIENT, OFFICINE);
    relay.send(&officine, OFFICINE, &[PATIENT], message.as_bytes()).await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn explain_tells_the_types_and_nothing_of_a_name() {
    let (relay, patient) = start().await;
    for (part, told, decision) in [
        (TAKEN[2], "pdf", Decision::Accept),
        (REFUSED[2], "other", Decision::Refuse(Reason::AttachmentType)),
        (REFUSED[7], "other", Decision::Refuse(Reason::AttachmentType)),
    ] {
        let question = Question {
            client: patient.client.clone(),
            sender: ReversePath::Address(address_of(PATIENT)),
            recipient: address_of(DOCTOR),
            letter: Some(Letter { bytes: with(part), fault: None }),
        };
        let explained = explain(&relay.intake, question).await.unwrap();
        assert_eq!(explained.decision, decision, "{part}");
        let outcome = explained.rules.iter().find(|outcome| outcome.rule == "attachments").unwrap();
        assert!(outcome.facts.contains(&("files", told.to_owned())), "{outcome:?}");
        assert!(!format!("{:?}", explained.rules).contains("Dominique"));
    }
    relay.stop().await;
}
