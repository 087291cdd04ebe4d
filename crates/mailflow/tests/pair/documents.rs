//! Letters with documents: looked into, held against whom they go to, and delivered as they came.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use base64::Engine;
use pli_mailflow::{IntakeConfig, Letter, Question, Refusal, Session, explain};
use pli_policy::{Decision, HeaderCheck, OnFault, Reason, Ruleset};
use pli_types::{MessageId, ReversePath};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::relay::{HOSPITAL, OFFICINE, PATIENT, Relay, THEIRS, address_of};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
/// The patient of [`PATIENT`], and another.
const DOMINIQUE: &str = "279035121518989";
const ZOE: &str = "275126322074974";
const RIGHT_HEADERS: &str = "X-MSS-CODECDA: 34112-3\r\nX-MSS-INS: O\r\nX-MSS-NIL: DEV935997\r\n";

fn cda(ins: &str, code: &str) -> String {
    format!(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id root=\"1.2.3\" extension=\"{ins}\"/>\
         <code code=\"{code}\" codeSystem=\"2.16.840.1.113883.6.1\"/><recordTarget><patientRole>\
         <id root=\"1.2.250.1.213.1.4.10\" extension=\"{ins}\"/><patient><name><family>PAT</family><given>A</given></name>\
         <administrativeGenderCode code=\"F\"/><birthTime value=\"19790328\"/></patient></patientRole></recordTarget>\
         <component/></ClinicalDocument>"
    )
}

fn archive(documents: &[String]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (at, document) in documents.iter().enumerate() {
        zip.start_file(format!("IHE_XDM/SUBSET01/DOC{at}.XML"), SimpleFileOptions::default()).unwrap();
        zip.write_all(document.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn about(patients: &[&str]) -> Vec<u8> {
    archive(&patients.iter().map(|ins| cda(ins, "34112-3")).collect::<Vec<_>>())
}

fn letter(from: &str, headers: &str, archive: &[u8]) -> Vec<u8> {
    let packed = base64::engine::general_purpose::STANDARD.encode(archive);
    let lines: String = packed.as_bytes().chunks(76).flat_map(|line| [str::from_utf8(line).unwrap(), "\r\n"]).collect();
    format!(
        "From: <{from}>\r\nSubject: XDM/1.0/DDM+CR VIAL Paul\r\nMessage-ID: <1@client.test>\r\n\
         Date: Mon, 1 Jun 2026 08:00:00 +0000\r\n{headers}Content-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/zip; name=IHE_XDM.zip\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{lines}--b--\r\n"
    )
    .into_bytes()
}

async fn send(relay: &Relay, session: &Session, from: &str, to: &[&str], archive: &[u8]) -> Result<MessageId, Refusal> {
    relay.send(session, from, to, &letter(from, RIGHT_HEADERS, archive)).await
}

fn refused(reason: Reason) -> Result<(), Refusal> {
    Err(Refusal { reason, temporary: false })
}

fn set(relay: &mut Relay, change: impl FnOnce(&mut Ruleset)) {
    let mut config: IntakeConfig = (*relay.intake.config).clone();
    change(&mut config.ruleset);
    relay.intake.config = Arc::new(config);
}

#[tokio::test]
async fn a_letter_is_delivered_as_it_came_whatever_is_in_its_archive() {
    let relay = Relay::start().await;
    let peer = relay.server("mx.clinique.test", 11);
    let whole = about(&[DOMINIQUE]);
    let archives =
        [whole.clone(), about(&[DOMINIQUE, ZOE]), whole[..whole.len() / 2].to_vec(), vec![0; 1000], Vec::new()];
    for (at, archive) in archives.iter().enumerate() {
        let sent = letter(DOCTOR, "", archive);
        relay.send(&peer, DOCTOR, &[OFFICINE], &sent).await.unwrap();
        let kept = relay.inbox(OFFICINE).await.remove(at);
        assert!(kept.ends_with(&sent), "{at}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_letter_about_one_patient_does_not_go_to_another_whoever_sends_it() {
    let relay = Relay::start().await;
    let (clinic, hospital, us) =
        (relay.server("mx.clinique.test", 11), relay.server("mta.hopital.test", 12), relay.submitter().await);
    let urgences = format!("urgences@{HOSPITAL}");
    for (session, from) in [(&clinic, DOCTOR), (&hospital, urgences.as_str()), (&us, OFFICINE)] {
        let wrong = send(&relay, session, from, &[PATIENT], &about(&[ZOE])).await;
        assert_eq!(wrong.map(drop), refused(Reason::DocumentOtherPatient), "{from}");
        let both = send(&relay, session, from, &[PATIENT], &about(&[DOMINIQUE, ZOE])).await;
        assert_eq!(both.map(drop), refused(Reason::DocumentSeveralPatients), "{from}");
    }
    assert_eq!(relay.inbox(PATIENT).await.len(), 0);
    for (session, from) in [(&clinic, DOCTOR), (&hospital, urgences.as_str()), (&us, OFFICINE)] {
        send(&relay, session, from, &[PATIENT], &about(&[DOMINIQUE])).await.unwrap();
    }
    assert_eq!(relay.inbox(PATIENT).await.len(), 3);
    relay.stop().await;
}

#[tokio::test]
async fn professionals_of_other_operators_write_what_they_like_and_ours_one_patient_a_message() {
    let relay = Relay::start().await;
    let both = about(&[DOMINIQUE, ZOE]);
    send(&relay, &relay.server("mx.clinique.test", 11), DOCTOR, &[OFFICINE], &both).await.unwrap();
    let to = format!("dr.martin@{THEIRS}");
    let ours = send(&relay, &relay.submitter().await, OFFICINE, &[&to], &both).await;
    assert_eq!(ours.map(drop), refused(Reason::DocumentSeveralPatients));
    relay.stop().await;
}

#[tokio::test]
async fn settings_let_through_and_refuse() {
    let mut relay = Relay::start().await;
    set(&mut relay, |ruleset| {
        ruleset.documents.several_patients = OnFault::Deliver;
        ruleset.documents.other_patient = OnFault::Deliver;
        ruleset.documents.unreadable = OnFault::Refuse;
    });
    let us = relay.submitter().await;
    send(&relay, &us, OFFICINE, &[PATIENT], &about(&[DOMINIQUE, ZOE])).await.unwrap();
    send(&relay, &us, OFFICINE, &[PATIENT], &about(&[ZOE])).await.unwrap();
    let broken = send(&relay, &us, OFFICINE, &[PATIENT], b"PK\x03\x04").await;
    assert_eq!(broken.map(drop), refused(Reason::DocumentUnreadable));
    set(&mut relay, |ruleset| ruleset.documents.other_patient = OnFault::Hold);
    let id = send(&relay, &us, OFFICINE, &[PATIENT], &about(&[ZOE])).await.unwrap();
    let events = relay.events_of(id).await;
    assert_eq!(events[1].reason.as_deref(), Some("document-other-patient"), "{events:?}");
    assert_eq!(events[1].detail.as_deref(), Some("rule document-addressee"), "{events:?}");
    assert_eq!(relay.inbox(PATIENT).await.len(), 2, "nobody gets what is held");
    relay.stop().await;
}

#[tokio::test]
async fn a_pharmacy_finds_what_waits_by_its_keyword() {
    let relay = Relay::start().await;
    let peer = relay.server("mx.clinique.test", 11);
    for code in ["57833-6", "PRESC-BIO", "34112-3"] {
        send(&relay, &peer, DOCTOR, &[OFFICINE], &archive(&[cda(DOMINIQUE, code)])).await.unwrap();
    }
    let mailbox = relay.mailbox(OFFICINE).await;
    let folders = relay.store.folders(mailbox.id).await.unwrap();
    let entries = relay.store.open_folder(folders[0].id, false).await.unwrap().entries;
    let marked: Vec<bool> = entries.iter().map(|entry| entry.flags.keywords.contains("$Prescription")).collect();
    assert_eq!(marked, [true, true, false]);
    relay.stop().await;
}

#[tokio::test]
async fn headers_that_do_not_say_what_the_documents_are_are_put_on_record_or_refused() {
    let mut relay = Relay::start().await;
    let us = relay.submitter().await;
    let wrong = letter(OFFICINE, "X-MSS-CODECDA: 57833-6\r\nX-MSS-INS: N\r\n", &about(&[DOMINIQUE]));
    let id = relay.send(&us, OFFICINE, &[PATIENT], &wrong).await.unwrap();
    let detail = relay.events_of(id).await[0].detail.clone().unwrap();
    let told = ", document-headers: codecda-differs, document-headers: ins-differs, document-headers: nil-absent";
    assert!(detail.ends_with(told), "{detail}");
    set(&mut relay, |ruleset| ruleset.documents.headers = HeaderCheck::Refuse);
    let again = relay.send(&us, OFFICINE, &[PATIENT], &wrong).await;
    assert_eq!(again.map(drop), refused(Reason::DocumentHeaders));
    send(&relay, &us, OFFICINE, &[PATIENT], &about(&[DOMINIQUE])).await.unwrap();
    // Another operator's headers are its own business.
    let theirs = letter(DOCTOR, "", &about(&[DOMINIQUE]));
    relay.send(&relay.server("mx.clinique.test", 11), DOCTOR, &[PATIENT], &theirs).await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn explain_looks_into_documents_as_intake_does() {
    let relay = Relay::start().await;
    let us = relay.submitter().await;
    let broken = about(&[DOMINIQUE]).split_off(10);
    for (archive, expected) in [
        (about(&[DOMINIQUE]), Decision::Accept),
        (about(&[ZOE]), Decision::Refuse(Reason::DocumentOtherPatient)),
        (about(&[DOMINIQUE, ZOE]), Decision::Refuse(Reason::DocumentSeveralPatients)),
        (broken, Decision::Accept),
    ] {
        let bytes = letter(OFFICINE, RIGHT_HEADERS, &archive);
        let question = Question {
            client: us.client.clone(),
            sender: ReversePath::Address(address_of(OFFICINE)),
            recipient: address_of(PATIENT),
            letter: Some(Letter { bytes: bytes.clone(), fault: None }),
        };
        let explained = explain(&relay.intake, question).await.unwrap();
        assert_eq!(explained.decision, expected);
        let outcome = explained.rules.iter().find(|outcome| outcome.rule == "document-readable").unwrap();
        assert!(outcome.facts.iter().any(|(name, told)| *name == "findings" && !told.is_empty()), "{outcome:?}");
        assert!(!format!("{:?}", explained.rules).contains(DOMINIQUE));
        let sent = relay.send(&us, OFFICINE, &[PATIENT], &bytes).await;
        assert_eq!(sent.err().map(|refusal| refusal.reason), expected.reason());
    }
    relay.stop().await;
}

#[tokio::test]
async fn more_letters_at_once_than_are_looked_into_all_arrive() {
    let relay = Relay::start().await;
    let us = relay.submitter().await;
    let sent = about(&[DOMINIQUE]);
    let sending = (0..10).map(|_| send(&relay, &us, OFFICINE, &[PATIENT], &sent));
    for sent in futures_util::future::join_all(sending).await {
        sent.unwrap();
    }
    assert_eq!(relay.inbox(PATIENT).await.len(), 10);
    relay.stop().await;
}
