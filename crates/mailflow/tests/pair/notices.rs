//! Notices to many patients: each gets one, whoever is in the way and whatever stops.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mail_parser::MessageParser;
use pli_mailflow::{Herald, IntakeConfig};
use pli_net::Shutdown;
use pli_store::{CampaignRecipient, CampaignRecord, MailboxState, NewCampaign, NewSpace, SpaceState};
use pli_types::{AddressForm, Ins, MailAddress, Pace};

use crate::relay::{Relay, address_of};

const PATIENCE: Duration = Duration::from_secs(25);
const SERVICE: &str = "mon-espace-sante@patient.mssante.fr";
const TEMPLATE: &str =
    "From-Name: Mon espace sant\u{e9}\nSubject: Examen de {prenom}\n\nBonjour,\nl'examen de {prenom}.\n";

/// A patient of no commune.
fn patient(number: u32) -> Ins {
    Ins::parse_as(&format!("2240399000{number:03}"), &[AddressForm::Nir13]).unwrap()
}

fn address(number: u32) -> String {
    MailAddress::of_patient(&patient(number)).reveal()
}

async fn spaces(relay: &Relay, numbers: std::ops::Range<u32>, state: SpaceState) {
    let spaces = numbers.map(|number| NewSpace { patient: patient(number), state, born: None }).collect();
    relay.store.put_spaces(spaces, Vec::new()).await.unwrap();
}

/// Begins a campaign for these, or adds them to it.
async fn begin(relay: &Relay, numbers: std::ops::Range<u32>, pace: &str) {
    let new = NewCampaign {
        name: "examen".to_owned(),
        template: TEMPLATE.to_owned(),
        pace: pace.parse::<Pace>().unwrap(),
        at: relay.now(),
    };
    relay.store.begin_campaign(new, Vec::new()).await.unwrap();
    let values = |number| vec![format!("Zo\u{e9} {number}")];
    let recipients = numbers.map(|number| CampaignRecipient { patient: patient(number), values: values(number) });
    let id = record(relay).await.id;
    relay.store.enlist(id, recipients.collect(), relay.now()).await.unwrap();
}

async fn record(relay: &Relay) -> CampaignRecord {
    relay.store.campaign("examen").await.unwrap().unwrap()
}

/// Of each outcome, how many; and how many wait.
async fn counts(relay: &Relay) -> (u64, Vec<(String, u64)>) {
    let record = record(relay).await;
    (record.waiting, record.outcomes.into_iter().map(|count| (count.outcome, count.recipients)).collect())
}

fn herald(relay: &Relay) -> Shutdown {
    let shutdown = Shutdown::default();
    shutdown.spawn(Herald::new(relay.intake.clone(), address_of(SERVICE)).run(shutdown.clone()));
    shutdown
}

/// Lets time pass until nobody waits.
async fn run_out(relay: &Relay) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while record(relay).await.waiting > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", counts(relay).await);
        relay.clock.advance(SignedDuration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until so many wait, while the clock stands.
async fn until_waiting(relay: &Relay, left: u64) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while record(relay).await.waiting != left {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", counts(relay).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_patient_gets_one_that_is_his_own() {
    let relay = Relay::start().await;
    spaces(&relay, 0..40, SpaceState::Open).await;
    let runs = herald(&relay);
    begin(&relay, 0..40, "100000/s").await;
    run_out(&relay).await;
    for number in 0..40 {
        let [message] = relay.inbox(&address(number)).await.try_into().unwrap();
        let parsed = MessageParser::default().parse(&message).unwrap();
        assert_eq!(parsed.subject(), Some(format!("Examen de Zo\u{e9} {number}").as_str()));
        let (from, to) = (parsed.from().unwrap().first().unwrap(), parsed.to().unwrap().first().unwrap());
        assert_eq!((from.address(), from.name()), (Some(SERVICE), Some("Mon espace sant\u{e9}")));
        assert_eq!(to.address(), Some(address(number).as_str()));
        assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
    }
    // The service is nobody's contact.
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    assert!(runs.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_reached_is_counted_and_nobody_is_told() {
    let relay = Relay::start().await;
    spaces(&relay, 0..3, SpaceState::Open).await;
    spaces(&relay, 3..5, SpaceState::Closed).await;
    let suspended = relay.store.mailbox_of_space(&patient(2)).await.unwrap();
    relay.store.set_mailbox_state(suspended, MailboxState::Suspended, Vec::new()).await.unwrap();
    begin(&relay, 0..9, "100000/s").await;
    let runs = herald(&relay);
    run_out(&relay).await;
    let count = |outcome: &str, count| (outcome.to_owned(), count);
    let expected =
        [count("patient-closed", 2), count("patient-unknown", 4), count("recipient-suspended", 1), count("sent", 2)];
    assert_eq!(counts(&relay).await, (0, expected.to_vec()));
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty(), "no report waits");
    assert!(runs.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pace_is_kept_by_the_clock() {
    let relay = Relay::start().await;
    spaces(&relay, 0..9, SpaceState::Open).await;
    begin(&relay, 0..9, "3/s").await;
    let runs = herald(&relay);
    // The first at once; no other while the clock stands.
    until_waiting(&relay, 8).await;
    relay.clock.advance(SignedDuration::from_secs(1));
    until_waiting(&relay, 5).await;
    // An hour in which nothing happened is not made up for.
    relay.clock.advance(SignedDuration::from_hours(1));
    until_waiting(&relay, 2).await;
    assert!(runs.finish(PATIENCE).await);
    assert_eq!(counts(&relay).await.0, 2);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stopped_goes_on_where_it_was_and_the_same_list_sends_nothing() {
    let relay = Relay::start().await;
    spaces(&relay, 0..60, SpaceState::Open).await;
    begin(&relay, 0..50, "10/s").await;
    let runs = herald(&relay);
    until_waiting(&relay, 49).await;
    relay.clock.advance(SignedDuration::from_secs(1));
    until_waiting(&relay, 39).await;
    assert!(runs.finish(PATIENCE).await);
    // Two at once, and the list again.
    let (one, other) = (herald(&relay), herald(&relay));
    begin(&relay, 0..50, "100000/s").await;
    run_out(&relay).await;
    begin(&relay, 0..60, "100000/s").await;
    run_out(&relay).await;
    assert_eq!(counts(&relay).await, (0, vec![("sent".to_owned(), 60)]));
    for number in 0..60 {
        assert_eq!(relay.inbox(&address(number)).await.len(), 1, "{number}");
    }
    assert!(one.finish(PATIENCE).await && other.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_ours_costs_nobody_his_notice() {
    let mut relay = Relay::start().await;
    spaces(&relay, 0..3, SpaceState::Open).await;
    begin(&relay, 0..3, "100000/s").await;
    let right = Arc::clone(&relay.intake.config);
    // As an operator might write it: nothing is small enough.
    relay.intake.config = Arc::new(IntakeConfig { message_bytes_max: 10, ..(*right).clone() });
    // He looks once, whenever he is told to end.
    assert!(herald(&relay).finish(PATIENCE).await);
    assert_eq!(counts(&relay).await, (3, Vec::new()));
    relay.intake.config = right;
    let runs = herald(&relay);
    run_out(&relay).await;
    assert_eq!(counts(&relay).await, (0, vec![("sent".to_owned(), 3)]));
    assert!(runs.finish(PATIENCE).await);
    relay.stop().await;
}
