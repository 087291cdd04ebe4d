//! Patients' spaces on the way in: their mailboxes are made when they are needed, and what has no space goes back
//! (spec §1.6; scenarios 28 to 30).

use std::sync::Arc;

use pli_mailflow::IntakeConfig;
use pli_policy::{PatientRules, Reason, Ruleset, ShorterForms, SpaceRefusal};
use pli_store::{NewSpace, SpaceState};
use pli_types::Relation;

use crate::relay::{OFFICINE, PATIENT, Relay, address_of, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
/// Has a space without a mailbox.
const NEW: &str = "297022A02077878@patient.mssante.fr";
const NOBODY: &str = "160012B02077713@patient.mssante.fr";

async fn set(relay: &Relay, address: &str, state: SpaceState) {
    let patient = address_of(address).ins().unwrap();
    relay.store.put_spaces(vec![NewSpace { patient, state, born: None }], Vec::new()).await.unwrap();
}

async fn relation(relay: &Relay, patient: &str) -> Relation {
    let patient = address_of(patient).ins().unwrap();
    let known = relay.store.contact(&patient, &address_of(DOCTOR)).await.unwrap();
    known.map(|known| known.relation).unwrap_or_default()
}

#[tokio::test]
async fn the_first_letter_makes_the_mailbox_of_a_space_and_a_refused_one_does_not() {
    let relay = Relay::start().await;
    let clinic = relay.server("mx.clinique.test", 11);
    set(&relay, NEW, SpaceState::Open).await;
    let has_mailbox = async || relay.store.mailbox(&address_of(NEW)).await.unwrap().is_some();
    let forged = relay.send(&clinic, DOCTOR, &[NEW], &letter(OFFICINE)).await;
    assert_eq!(forged.unwrap_err().reason, Reason::HeaderFromMismatch);
    assert!(!has_mailbox().await);
    // Two spellings of one space, in one message.
    relay.send(&clinic, DOCTOR, &[NEW, &NEW.to_lowercase()], &letter(DOCTOR)).await.unwrap();
    assert!(has_mailbox().await);
    relay.send(&clinic, DOCTOR, &[NEW], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(NEW).await.len(), 2);
    assert_eq!(relation(&relay, NEW).await, Relation::Open);
    relay.stop().await;
}

#[tokio::test]
async fn one_message_reaches_patients_and_professionals_and_goes_back_for_those_without_a_space() {
    let relay = Relay::start().await;
    let clinic = relay.server("mx.clinique.test", 11);
    set(&relay, NEW, SpaceState::Closed).await;
    let id = relay.send(&clinic, DOCTOR, &[PATIENT, OFFICINE, NEW, NOBODY], &letter(DOCTOR)).await.unwrap();
    assert_eq!((relay.inbox(PATIENT).await.len(), relay.inbox(OFFICINE).await.len()), (1, 1));
    let rows = relay.store.queue_rows(9).await.unwrap();
    let mut returned: Vec<_> = rows.iter().map(|row| (row.recipient.reveal(), row.returned.as_deref())).collect();
    returned.sort();
    assert_eq!(returned, [(NOBODY.to_owned(), Some("patient-unknown")), (NEW.to_owned(), Some("patient-closed"))]);
    assert_eq!(relation(&relay, PATIENT).await, Relation::Open);
    assert_eq!((relation(&relay, NEW).await, relation(&relay, NOBODY).await), (Relation::None, Relation::None));
    let events = relay.events_of(id).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["accepted", "delivered", "delivered"], "what goes back is told when it has gone");
    assert!(events[0].detail.as_deref().unwrap().ends_with(", not delivered by rule recipient-known"), "{events:?}");
    relay.stop().await;
}

#[tokio::test]
async fn a_space_that_is_closed_between_two_letters_returns_the_second_only() {
    let relay = Relay::start().await;
    let clinic = relay.server("mx.clinique.test", 11);
    relay.send(&clinic, DOCTOR, &[PATIENT], &letter(DOCTOR)).await.unwrap();
    set(&relay, PATIENT, SpaceState::Closed).await;
    relay.send(&clinic, DOCTOR, &[PATIENT], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(PATIENT).await.len(), 1);
    assert_eq!(relay.store.queue_rows(9).await.unwrap().len(), 1);
    set(&relay, PATIENT, SpaceState::Open).await;
    relay.send(&clinic, DOCTOR, &[PATIENT], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(PATIENT).await.len(), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_space_that_closes_after_the_recipient_was_taken_returns_the_letter() {
    let relay = Relay::start().await;
    set(&relay, NEW, SpaceState::Open).await;
    let mut transaction = relay.begin(&relay.server("mx.clinique.test", 11), DOCTOR).await.unwrap();
    transaction.recipient(crate::relay::recipient(NEW)).await.unwrap();
    set(&relay, NEW, SpaceState::Closed).await;
    transaction.write(&letter(DOCTOR)).await.unwrap();
    transaction.commit().await.unwrap();
    let rows = relay.store.queue_rows(9).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.returned.as_deref()).collect::<Vec<_>>(), [Some("patient-closed")]);
    relay.stop().await;
}

#[tokio::test]
async fn an_operator_may_have_it_said_at_once() {
    let mut relay = Relay::start().await;
    let mut config = (*relay.intake.config).clone();
    config.ruleset.patient.refusal = SpaceRefusal::Session;
    relay.intake.config = Arc::new(config);
    set(&relay, NEW, SpaceState::Closed).await;
    let clinic = relay.server("mx.clinique.test", 11);
    for (to, reason) in [(NEW, Reason::PatientClosed), (NOBODY, Reason::PatientUnknown)] {
        let refused = relay.send(&clinic, DOCTOR, &[to], &letter(DOCTOR)).await.unwrap_err();
        assert_eq!((refused.reason, refused.temporary), (reason, false));
    }
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    relay.stop().await;
}

/// As with `[patient] address_forms = ["ins15", "ins14"]`.
fn allow_fourteen(relay: &mut Relay) {
    let shorter = ShorterForms { ins14: true, nir13: false };
    let ruleset = Ruleset { patient: PatientRules { shorter, ..PatientRules::default() }, ..Ruleset::default() };
    relay.intake.config = Arc::new(IntakeConfig { ruleset, ..(*relay.intake.config).clone() });
}

#[tokio::test]
async fn a_shorter_form_is_the_whole_identifier_before_anything_looks_at_it() {
    let mut relay = Relay::start().await;
    let clinic = relay.server("mx.clinique.test", 11);
    let short = "27903512151898@patient.mssante.fr";
    let refused = relay.send(&clinic, DOCTOR, &[short], &letter(DOCTOR)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::PatientAddressSyntax, "it is not set");
    allow_fourteen(&mut relay);
    // Both name one recipient.
    let id = relay.send(&clinic, DOCTOR, &[short, PATIENT], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(PATIENT).await.len(), 1);
    assert_eq!(relation(&relay, PATIENT).await, Relation::Open);
    let events = relay.events_of(id).await;
    let masked = relay.intake.masker.address(&address_of(PATIENT));
    assert!(events.iter().any(|event| event.recipient.as_ref() == Some(&masked)), "{events:?}");
    for (wrong, reason) in [
        ("27903512151897@patient.mssante.fr", Reason::PatientAddressKey),
        ("2790351215189@patient.mssante.fr", Reason::PatientAddressSyntax),
        ("279035121518988@patient.mssante.fr", Reason::PatientAddressKey),
    ] {
        assert_eq!(relay.send(&clinic, DOCTOR, &[wrong], &letter(DOCTOR)).await.unwrap_err().reason, reason, "{wrong}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn what_goes_on_to_another_server_has_the_whole_identifier() {
    let mut relay = Relay::start().await;
    let config = IntakeConfig {
        hosted_domains: relay
            .intake
            .config
            .hosted_domains
            .iter()
            .filter(|one| !one.is_patient_domain())
            .cloned()
            .collect(),
        ..(*relay.intake.config).clone()
    };
    relay.intake.config = Arc::new(config);
    allow_fourteen(&mut relay);
    let officine = relay.submitter().await;
    relay.send(&officine, OFFICINE, &["27903512151898@patient.mssante.fr"], &letter(OFFICINE)).await.unwrap();
    let rows = relay.store.queue_rows(9).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.recipient.reveal()).collect::<Vec<_>>(), [PATIENT]);
    relay.stop().await;
}
