//! Whom a patient may write to, by what has come to him (R-WHO-3 to R-WHO-6; spec §1.5; scenarios 24 to 28).

use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Span};
use pli_mailflow::Session;
use pli_mailflow::intake::{Organisation, Organisations};
use pli_policy::PharmacyDoor;
use pli_store::{Dispensing, StoreError};
use pli_types::{FinessId, Ins, MailAddress, Relation};

use crate::relay::{OFFICINE, PATIENT, Relay, THEIRS, address_of};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const SECRETARY: &str = "secretariat@clinique.mssante.fr";
const COLLEAGUE: &str = "dr.durand@clinique.mssante.fr";
const OTHER_PATIENT: &str = "297022A02077878@patient.mssante.fr";

/// A patient of ours, and a hospital elsewhere that writes to him.
struct Stage {
    relay: Relay,
    clinic: Session,
    patient: Session,
}

impl Stage {
    async fn start() -> Self {
        let relay = Relay::start().await;
        let (clinic, patient) = (relay.server("mx.clinique.test", 11), relay.signed_in_to(PATIENT).await);
        Self { relay, clinic, patient }
    }

    /// The doctor writes to the patient, with this Message-ID and these header lines besides.
    async fn doctor_writes(&self, id: &str, lines: &str) {
        self.somebody_writes(DOCTOR, id, lines).await;
    }

    async fn somebody_writes(&self, from: &str, id: &str, lines: &str) {
        self.relay.clock.advance(SignedDuration::from_secs(60));
        let message = format!("From: <{from}>\r\nMessage-ID: <{id}>\r\n{lines}\r\nbody\r\n");
        self.relay.send(&self.clinic, from, &[PATIENT], message.as_bytes()).await.unwrap();
    }

    /// The patient writes to these: `taken`, or the reason's code.
    async fn patient_writes(&self, to: &[&str], lines: &str) -> &'static str {
        self.relay.clock.advance(SignedDuration::from_secs(60));
        let message = format!("From: <{PATIENT}>\r\n{lines}\r\nbody\r\n");
        match self.relay.send(&self.patient, PATIENT, to, message.as_bytes()).await {
            Ok(_) => "taken",
            Err(refusal) => refusal.reason.code(),
        }
    }

    async fn relation(&self, contact: &str) -> Relation {
        let patient = address_of(PATIENT).ins().unwrap();
        let known = self.relay.store.contact(&patient, &address_of(contact)).await.unwrap();
        known.map(|known| known.relation).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_patient_writes_to_whoever_has_written_to_him_and_to_nobody_else() {
    let stage = Stage::start().await;
    assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "relation-none");
    stage.doctor_writes("1@clinique.test", "").await;
    assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "taken", "a new conversation");
    assert_eq!(stage.patient_writes(&[DOCTOR], "In-Reply-To: <1@clinique.test>\r\n").await, "taken", "an answer");
    assert_eq!(stage.patient_writes(&["Dr.Martin@Clinique.MSSante.fr"], "").await, "taken", "in another case");
    assert_eq!(stage.patient_writes(&[COLLEAGUE], "").await, "relation-none");
    assert_eq!(stage.patient_writes(&[OTHER_PATIENT], "").await, "patient-to-patient");
    assert_eq!(stage.patient_writes(&[PATIENT], "").await, "patient-to-patient");
    assert_eq!(stage.patient_writes(&["postmaster@patient.mssante.fr"], "").await, "taken");
    stage.relay.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_answered_is_not_and_earlier_ones_are() {
    let stage = Stage::start().await;
    stage.doctor_writes("1@clinique.test", "").await;
    stage.doctor_writes("2@clinique.test", "X-MSS-MES: FIN\r\n").await;
    let answer = "In-Reply-To: <2@clinique.test>\r\n";
    assert_eq!(stage.patient_writes(&[DOCTOR], answer).await, "message-not-answerable");
    let by_references = "References: <1@clinique.test>\r\n <2@clinique.test>\r\n";
    assert_eq!(stage.patient_writes(&[DOCTOR], by_references).await, "message-not-answerable");
    assert_eq!(stage.patient_writes(&[DOCTOR], "In-Reply-To: <1@clinique.test>\r\n").await, "taken");
    assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "taken");
    // Neither case nor number is what it should be: ordinary messages.
    for (number, line) in
        ["X-MSS-MES: fin\r\n", "X-MSS-MES: FIN\r\nX-MSS-MES: FIN\r\n", "X-MSS-MES: FIN.\r\n"].iter().enumerate()
    {
        let id = format!("odd{number}@clinique.test");
        stage.doctor_writes(&id, line).await;
        assert_eq!(stage.patient_writes(&[DOCTOR], &format!("In-Reply-To: <{id}>\r\n")).await, "taken", "{line}");
    }
    stage.relay.stop().await;
}

#[tokio::test]
async fn a_lone_message_that_cannot_be_answered_opens_nothing() {
    let stage = Stage::start().await;
    stage.doctor_writes("1@clinique.test", "X-MSS-MES: FIN\r\n").await;
    assert_eq!(stage.relation(DOCTOR).await, Relation::None);
    assert_eq!(stage.patient_writes(&[DOCTOR], "In-Reply-To: <1@clinique.test>\r\n").await, "message-not-answerable");
    assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "relation-none");
    assert_eq!(stage.patient_writes(&[DOCTOR], "In-Reply-To: <never@clinique.test>\r\n").await, "relation-none");
    stage.relay.stop().await;
}

#[tokio::test]
async fn a_subject_that_is_exactly_fin_ends_all_and_the_next_message_begins_anew() {
    let stage = Stage::start().await;
    stage.doctor_writes("1@clinique.test", "").await;
    for subject in ["[fin]", "Re: [FIN]", "[FIN] x", "[FIN].", "FIN", "=?utf-8?q?=5Bfin=5D?="] {
        stage.doctor_writes("2@clinique.test", &format!("Subject: {subject}\r\n")).await;
        assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "taken", "{subject}");
    }
    for subject in ["[FIN]", "=?utf-8?q?=5BFIN=5D?=", "=?UTF-8?B?W0ZJTl0=?=", "\r\n [FIN]"] {
        stage.doctor_writes("3@clinique.test", &format!("Subject: {subject}\r\n")).await;
        assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "relation-closed", "{subject}");
        let answer = "In-Reply-To: <1@clinique.test>\r\n";
        assert_eq!(stage.patient_writes(&[DOCTOR], answer).await, "relation-closed", "an earlier thread");
        stage.doctor_writes("4@clinique.test", "X-MSS-MES: FIN\r\n").await;
        assert_eq!(stage.relation(DOCTOR).await, Relation::Closed, "what cannot be answered opens nothing");
        assert_eq!(
            stage.patient_writes(&[DOCTOR], "In-Reply-To: <4@clinique.test>\r\n").await,
            "message-not-answerable"
        );
        assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "relation-closed");
        stage.doctor_writes("5@clinique.test", "").await;
        assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "taken", "written to again");
    }
    stage.relay.stop().await;
}

#[tokio::test]
async fn an_answer_goes_to_whom_reply_to_names_and_the_sender_is_no_contact() {
    let stage = Stage::start().await;
    stage.doctor_writes("1@clinique.test", &format!("Reply-To: Secretariat <{SECRETARY}>\r\n")).await;
    assert_eq!(stage.patient_writes(&[SECRETARY], "").await, "taken");
    assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "relation-none");
    let outside = format!("Reply-To: <x@gmail.com>, <{OTHER_PATIENT}>, <postmaster@{THEIRS}>\r\n");
    stage.somebody_writes(COLLEAGUE, "2@clinique.test", &outside).await;
    assert_eq!(stage.patient_writes(&[COLLEAGUE], "").await, "taken", "none of these can be a contact");
    assert_eq!(stage.patient_writes(&["postmaster@clinique.mssante.fr"], "").await, "relation-none");
    // What the doctor ends he ends for the contact that his message opened.
    stage.doctor_writes("3@clinique.test", "Subject: [FIN]\r\n").await;
    assert_eq!(stage.patient_writes(&[SECRETARY], "").await, "relation-closed");
    assert_eq!(stage.patient_writes(&[COLLEAGUE], "").await, "taken");
    stage.relay.stop().await;
}

#[tokio::test]
async fn an_unanswerable_message_is_not_answered_where_it_wants_answers_either() {
    let stage = Stage::start().await;
    stage.somebody_writes(SECRETARY, "1@clinique.test", "").await;
    let lines = format!("Reply-To: <{SECRETARY}>\r\nX-MSS-MES: FIN\r\n");
    stage.doctor_writes("2@clinique.test", &lines).await;
    let answer = "In-Reply-To: <2@clinique.test>\r\n";
    assert_eq!(stage.patient_writes(&[SECRETARY], answer).await, "message-not-answerable");
    assert_eq!(stage.patient_writes(&[SECRETARY], "").await, "taken");
    stage.relay.stop().await;
}

#[tokio::test]
async fn each_recipient_is_judged_for_himself_and_what_is_answered_for_all() {
    let stage = Stage::start().await;
    stage.doctor_writes("1@clinique.test", "").await;
    stage.somebody_writes(COLLEAGUE, "2@clinique.test", "X-MSS-MES: FIN\r\n").await;
    let mut transaction = stage.relay.begin(&stage.patient, PATIENT).await.unwrap();
    transaction.recipient(crate::relay::recipient(DOCTOR)).await.unwrap();
    let refused = transaction.recipient(crate::relay::recipient(SECRETARY)).await.unwrap_err();
    assert_eq!(refused.reason.code(), "relation-none");
    let message = format!("From: <{PATIENT}>\r\n\r\nbody\r\n");
    transaction.write(message.as_bytes()).await.unwrap();
    transaction.commit().await.expect("the doctor may be written to");
    let all = [DOCTOR, COLLEAGUE];
    assert_eq!(stage.patient_writes(&all, "In-Reply-To: <2@clinique.test>\r\n").await, "message-not-answerable");
    assert_eq!(stage.patient_writes(&all, "In-Reply-To: <1@clinique.test>\r\n").await, "relation-none");
    stage.relay.stop().await;
}

#[tokio::test]
async fn reports_pass_both_ways_after_the_end_and_change_nothing() {
    let stage = Stage::start().await;
    stage.doctor_writes("1@clinique.test", "").await;
    stage.doctor_writes("2@clinique.test", "Subject: [FIN]\r\n").await;
    let receipt = |from: &str, of: &str| {
        format!(
            "From: <{from}>\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
             --b\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Final-Recipient: rfc822;{from}\r\nOriginal-Message-ID: <{of}>\r\nDisposition: manual-action/MDN-sent-manually;\r\n displayed\r\n\
             \r\n--b--\r\n"
        )
        .into_bytes()
    };
    let sent = stage.relay.send(&stage.patient, "", &[DOCTOR], &receipt(PATIENT, "2@clinique.test")).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(stage.relay.store.queue_rows(9).await.unwrap().len(), 1, "on its way to the doctor");
    stage.relay.send(&stage.clinic, "", &[PATIENT], &receipt(DOCTOR, "x@patient.test")).await.unwrap();
    // A report that names a sender is a report all the same.
    stage.relay.send(&stage.clinic, DOCTOR, &[PATIENT], &receipt(DOCTOR, "x@patient.test")).await.unwrap();
    stage.relay.send(&stage.clinic, "", &[PATIENT], &receipt(COLLEAGUE, "x@patient.test")).await.unwrap();
    assert_eq!(stage.relation(DOCTOR).await, Relation::Closed);
    assert_eq!(stage.relation(COLLEAGUE).await, Relation::None);
    assert_eq!(stage.patient_writes(&[DOCTOR], "").await, "relation-closed");
    stage.relay.stop().await;
}

/// The directory: whose ORG mailbox these are.
#[derive(Debug)]
struct Pharmacies;

#[async_trait]
impl Organisations for Pharmacies {
    async fn organisation(&self, address: &MailAddress) -> Result<Option<Organisation>, StoreError> {
        let known = [(OFFICINE, "750048886"), ("autre@clinique.mssante.fr", "750048894")];
        let found = known.into_iter().find(|(known, _)| address.key() == *known);
        Ok(found.map(|(_, number)| Organisation { finess: FinessId::parse(number).unwrap(), pharmacy: true }))
    }
}

#[tokio::test]
async fn a_pharmacy_that_has_dispensed_within_a_year_may_be_written_to() {
    let mut stage = Stage::start().await;
    stage.relay.intake.organisations = Arc::new(Pharmacies);
    let (patient, pharmacy) = (address_of(PATIENT).ins().unwrap(), FinessId::parse("750048886").unwrap());
    let today: Date = "2026-06-01".parse().unwrap();
    let dispensed = async |stage: &Stage, days: i64, reimbursed: bool| {
        let on = today.checked_sub(Span::new().days(days)).unwrap();
        let one = Dispensing { patient: patient.clone(), pharmacy: pharmacy.clone(), on, reimbursed };
        stage.relay.store.put_dispensings(vec![one], Vec::new()).await.unwrap();
    };
    assert_eq!(stage.patient_writes(&[OFFICINE], "").await, "pharmacy-no-dispensing");
    dispensed(&stage, 366, true).await;
    assert_eq!(stage.patient_writes(&[OFFICINE], "").await, "pharmacy-no-dispensing", "too long ago");
    dispensed(&stage, 3, false).await;
    assert_eq!(stage.patient_writes(&[OFFICINE], "").await, "pharmacy-no-dispensing", "not reimbursed");
    dispensed(&stage, 364, true).await;
    assert_eq!(stage.patient_writes(&[OFFICINE], "").await, "taken");
    assert_eq!(stage.patient_writes(&["titulaire@clinique.mssante.fr"], "").await, "relation-none", "a PER mailbox");
    assert_eq!(stage.patient_writes(&["autre@clinique.mssante.fr"], "").await, "pharmacy-no-dispensing");
    let mut config = (*stage.relay.intake.config).clone();
    config.ruleset.patient.pharmacies = PharmacyDoor::AnyCompatiblePharmacy;
    stage.relay.intake.config = Arc::new(config);
    assert_eq!(stage.patient_writes(&["autre@clinique.mssante.fr"], "").await, "taken");
    assert_eq!(stage.patient_writes(&["titulaire@clinique.mssante.fr"], "").await, "relation-none");
    stage.relay.stop().await;
}

#[tokio::test]
async fn a_pharmacy_that_ended_the_exchange_opens_it_by_serving_the_patient_again() {
    let mut stage = Stage::start().await;
    stage.relay.intake.organisations = Arc::new(Pharmacies);
    let patient: Ins = address_of(PATIENT).ins().unwrap();
    let on = |day: &str| {
        let pharmacy = FinessId::parse("750048886").unwrap();
        vec![Dispensing { patient: patient.clone(), pharmacy, on: day.parse().unwrap(), reimbursed: true }]
    };
    stage.relay.store.put_dispensings(on("2026-06-01"), Vec::new()).await.unwrap();
    let officine = stage.relay.submitter().await;
    let end = format!("From: <{OFFICINE}>\r\nSubject: [FIN]\r\n\r\nbody\r\n");
    stage.relay.send(&officine, OFFICINE, &[PATIENT], end.as_bytes()).await.unwrap();
    assert_eq!(stage.patient_writes(&[OFFICINE], "").await, "relation-closed", "dispensed that very day");
    stage.relay.clock.advance(SignedDuration::from_hours(24));
    stage.relay.store.put_dispensings(on("2026-06-02"), Vec::new()).await.unwrap();
    assert_eq!(stage.patient_writes(&[OFFICINE], "").await, "taken");
    stage.relay.stop().await;
}
