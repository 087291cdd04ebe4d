//! Notices to many patients.

use pli_audit::EventKind;
use pli_store::{
    CampaignOutcome, CampaignRecipient, CampaignRecord, Change, Enlisted, NewCampaign, NewSpace, OutcomeCount,
    SpaceState, StoreError,
};
use pli_types::{AddressForm, CampaignId, Ins, MailAddress, MailboxId, Pace};

use crate::support::{Backend, Fixture, event, is_not_found, refused};

const TEMPLATE: &str = "Subject: Examen du 24e mois\n\nBonjour {prenom},\n";

/// A patient of no commune.
fn patient(number: u32) -> Ins {
    Ins::parse_as(&format!("2240399000{number:03}"), &[AddressForm::Nir13]).unwrap()
}

fn recipients(numbers: std::ops::Range<u32>) -> Vec<CampaignRecipient> {
    let values = |number| vec![format!("Enfant {number}"), "a;\"b\"".to_owned()];
    numbers.map(|number| CampaignRecipient { patient: patient(number), values: values(number) }).collect()
}

fn new(at: &Fixture, name: &str) -> NewCampaign {
    let pace = Pace::per_second(50);
    NewCampaign { name: name.to_owned(), template: TEMPLATE.to_owned(), pace, at: at.now() }
}

async fn begun(at: &Fixture, name: &str) -> CampaignId {
    assert!(at.store.begin_campaign(new(at, name), Vec::new()).await.unwrap());
    record(at, name).await.id
}

async fn record(at: &Fixture, name: &str) -> CampaignRecord {
    at.store.campaign(name).await.unwrap().unwrap()
}

async fn enlist(at: &Fixture, campaign: CampaignId, numbers: std::ops::Range<u32>) -> Enlisted {
    at.store.enlist(campaign, recipients(numbers), at.now()).await.unwrap()
}

/// The numbers of those who wait.
async fn waiting(at: &Fixture, campaign: CampaignId) -> Vec<Ins> {
    let waiting = at.store.waiting_recipients(campaign, 1000).await.unwrap();
    waiting.into_iter().map(|recipient| recipient.patient).collect()
}

async fn space(at: &Fixture, number: u32) -> MailboxId {
    let new = NewSpace { patient: patient(number), state: SpaceState::Open, born: None };
    at.store.put_spaces(vec![new], Vec::new()).await.unwrap();
    at.store.mailbox_of_space(&patient(number)).await.unwrap()
}

/// What is in the mailbox of a patient, in bytes.
async fn used(at: &Fixture, number: u32) -> u64 {
    at.store.mailbox(&MailAddress::of_patient(&patient(number))).await.unwrap().unwrap().used_bytes
}

/// Sends to one of them, as a runner does.
async fn send(at: &Fixture, campaign: CampaignId, number: u32, to: MailboxId) -> Result<bool, StoreError> {
    let message = at.message(b"notice", &[to]).await;
    let outcome = CampaignOutcome::Sent(Box::new(message));
    at.store.settle_recipient(campaign, &patient(number), outcome, at.now(), Vec::new()).await
}

pub(crate) async fn a_campaign_is_known_by_its_name_and_has_one_template(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.campaign("examen").await.unwrap(), None);
    let id = begun(&at, "examen").await;
    let faster = NewCampaign { pace: Pace::per_second(100), ..new(&at, "examen") };
    assert!(!at.store.begin_campaign(faster, Vec::new()).await.unwrap());
    let other = NewCampaign { template: "Subject: x\n\ny".to_owned(), ..new(&at, "examen") };
    refused!(at.store.begin_campaign(other, Vec::new()).await, StoreError::Conflict(_));
    let created_at = at.now();
    let at = at.reopen().await;
    let expected = CampaignRecord {
        id,
        name: "examen".to_owned(),
        template: TEMPLATE.to_owned(),
        pace: Pace::per_second(100),
        paused: false,
        created_at,
        waiting: 0,
        outcomes: Vec::new(),
    };
    assert_eq!(record(&at, "examen").await, expected);
}

pub(crate) async fn a_recipient_is_one_once_and_keeps_what_was_told_of_him_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    assert!(is_not_found(&at.store.enlist(CampaignId(99), recipients(0..1), at.now()).await));
    let mut changes = at.store.subscribe();
    assert_eq!(enlist(&at, campaign, 0..3).await, Enlisted { added: 3, known: 0 });
    assert_eq!(changes.recv().await.unwrap(), Change::Campaigns);
    assert_eq!(enlist(&at, campaign, 0..3).await, Enlisted { added: 0, known: 3 });
    let renamed = CampaignRecipient { patient: patient(1), values: vec!["x".to_owned()] };
    let without = CampaignRecipient { patient: patient(7), values: Vec::new() };
    let twice = vec![renamed, without.clone(), without.clone()];
    assert_eq!(at.store.enlist(campaign, twice, at.now()).await.unwrap(), Enlisted { added: 1, known: 2 });
    assert_eq!(at.store.enlisted(campaign, &[patient(1), patient(7), patient(8)]).await.unwrap(), 2);
    let at = at.reopen().await;
    let mut expected = recipients(0..3);
    expected.push(without);
    assert_eq!(at.store.waiting_recipients(campaign, 100).await.unwrap(), expected);
    assert_eq!(at.store.waiting_recipients(campaign, 2).await.unwrap(), expected[..2]);
    assert_eq!(record(&at, "examen").await.waiting, 4);
    // Another campaign is another thing.
    let other = begun(&at, "vaccin").await;
    assert_eq!(enlist(&at, other, 0..2).await.added, 2);
}

pub(crate) async fn a_message_and_its_recipients_end_are_one_transaction(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    enlist(&at, campaign, 0..2).await;
    let mailbox = space(&at, 0).await;
    assert!(send(&at, campaign, 0, mailbox).await.unwrap());
    assert_eq!((used(&at, 0).await, waiting(&at, campaign).await), (6, vec![patient(1)]));
    // Whom nobody has named gets nothing.
    let stranger = space(&at, 5).await;
    assert!(!send(&at, campaign, 5, stranger).await.unwrap());
    assert_eq!(used(&at, 5).await, 0);
}

pub(crate) async fn two_who_work_on_one_campaign_send_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    enlist(&at, campaign, 0..10).await;
    let mut mailboxes = Vec::new();
    for number in 0..10 {
        mailboxes.push(space(&at, number).await);
    }
    let runner = async || {
        let mut sent = 0;
        for (number, mailbox) in (0..).zip(&mailboxes) {
            sent += usize::from(send(&at, campaign, number, *mailbox).await.unwrap());
        }
        sent
    };
    let (one, other) = tokio::join!(runner(), runner());
    assert_eq!(one + other, 10);
    for number in 0..10 {
        assert_eq!(used(&at, number).await, 6, "{number}");
    }
    assert_eq!(record(&at, "examen").await.waiting, 0);
}

/// As a process that is killed between any two steps, and begins again.
pub(crate) async fn what_was_settled_is_settled_after_any_end_of_the_store(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    let at = at.reopen().await;
    enlist(&at, campaign, 0..4).await;
    let mut at = at.reopen().await;
    for number in 0..4 {
        let mailbox = space(&at, number).await;
        // Taken up, and not settled.
        let message = at.message(b"notice", &[mailbox]).await;
        drop(message);
        at = at.reopen().await;
        assert_eq!(waiting(&at, campaign).await.len(), 4 - number as usize);
        assert!(send(&at, campaign, number, mailbox).await.unwrap());
        at = at.reopen().await;
        assert!(!send(&at, campaign, number, mailbox).await.unwrap());
        assert_eq!(enlist(&at, campaign, 0..4).await.added, 0);
    }
    for number in 0..4 {
        assert_eq!(used(&at, number).await, 6, "{number}");
    }
}

pub(crate) async fn a_message_that_cannot_be_taken_in_leaves_its_recipient_waiting(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    enlist(&at, campaign, 0..1).await;
    assert!(is_not_found(&send(&at, campaign, 0, MailboxId(99)).await));
    assert_eq!(waiting(&at, campaign).await, [patient(0)]);
    let there = record(&at, "examen").await;
    assert_eq!((there.waiting, there.outcomes), (1, Vec::new()));
}

pub(crate) async fn counts_tell_how_many_came_to_which_end_and_when(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    enlist(&at, campaign, 0..5).await;
    let mailbox = space(&at, 0).await;
    send(&at, campaign, 0, mailbox).await.unwrap();
    let id = at.id();
    for (number, reason, seconds) in [(1, "patient-unknown", 1), (2, "patient-closed", 2), (3, "patient-unknown", 3)] {
        let (outcome, audit) = (CampaignOutcome::Returned(reason.to_owned()), vec![event(id, EventKind::Refused)]);
        let done = at.store.settle_recipient(campaign, &patient(number), outcome, at.after(seconds), audit).await;
        assert!(done.unwrap());
    }
    assert_eq!(at.store.events_of(id).await.unwrap().len(), 3);
    let (start, count) = (at.now(), |outcome: &str, recipients, first_at, last_at| OutcomeCount {
        outcome: outcome.to_owned(),
        recipients,
        first_at,
        last_at,
    });
    let expected = [
        count("patient-closed", 1, at.after(2), at.after(2)),
        count("patient-unknown", 2, at.after(1), at.after(3)),
        count("sent", 1, start, start),
    ];
    let at = at.reopen().await;
    let there = record(&at, "examen").await;
    assert_eq!((there.waiting, there.outcomes.as_slice()), (1, &expected[..]));
}

pub(crate) async fn a_campaign_is_paused_and_goes_on(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let campaign = begun(&at, "examen").await;
    let id = at.id();
    let pause = async |paused| {
        let audit = vec![event(id, EventKind::Changed)];
        at.store.pause_campaign(campaign, paused, audit).await.unwrap()
    };
    let at_work = async || at.store.campaigns_at_work(9).await.unwrap().len();
    assert_eq!(at_work().await, 0, "nobody waits for it");
    enlist(&at, campaign, 0..1).await;
    assert_eq!(at_work().await, 1);
    assert!(pause(true).await && record(&at, "examen").await.paused);
    assert!(!pause(true).await, "it was already");
    assert_eq!(at_work().await, 0);
    assert!(pause(false).await && !record(&at, "examen").await.paused);
    assert_eq!(at.store.events_of(id).await.unwrap().len(), 2, "nothing changed is nothing recorded");
    assert!(is_not_found(&at.store.pause_campaign(CampaignId(99), true, Vec::new()).await));
}

pub(crate) async fn campaigns_come_in_pages_the_oldest_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for name in ["c", "a", "b"] {
        begun(&at, name).await;
    }
    let names = async |after, limit| {
        let page = at.store.campaigns(after, limit).await.unwrap();
        page.into_iter().map(|one| one.name).collect::<String>()
    };
    assert_eq!(names(None, 2).await, "ca");
    assert_eq!(names(Some(record(&at, "a").await.id), 2).await, "b");
}
