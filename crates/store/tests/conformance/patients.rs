//! Patients' spaces.

use jiff::civil::date;
use pli_audit::EventKind;
use pli_store::{
    Loaded, MailboxChange, MailboxKind, MailboxState, NewMailbox, NewSpace, Space, SpaceState, StoreError,
};
use pli_types::{AddressForm, Ins, MailAddress, MailboxId};

use crate::support::{Backend, Fixture, address, event, is_not_found, refused};

const ONE: &str = "279035121518989";
const OTHER: &str = "109076322083489";
const CORSICAN: &str = "297022A02077878";

fn ins(text: &str) -> Ins {
    Ins::parse(text).unwrap()
}

fn new(patient: &str, state: SpaceState) -> NewSpace {
    NewSpace { patient: ins(patient), state, born: None }
}

/// Brings one space.
async fn put(at: &Fixture, patient: &str, state: SpaceState) -> Loaded {
    at.store.put_spaces(vec![new(patient, state)], Vec::new()).await.unwrap()
}

async fn space(at: &Fixture, patient: &str) -> Space {
    at.store.space(&ins(patient)).await.unwrap().unwrap()
}

/// How many are open, and how many are closed.
async fn counts(at: &Fixture) -> (u64, u64) {
    let count = async |state| at.store.count_spaces(state).await.unwrap();
    (count(SpaceState::Open).await, count(SpaceState::Closed).await)
}

async fn mailbox_state(at: &Fixture, patient: &str) -> MailboxState {
    at.store.mailbox(&MailAddress::of_patient(&ins(patient))).await.unwrap().unwrap().state
}

pub(crate) async fn a_space_is_what_was_brought_last(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let born = Some(date(1997, 2, 28));
    let brought = vec![
        new(ONE, SpaceState::Open),
        NewSpace { born, ..new(CORSICAN, SpaceState::Closed) },
        new(OTHER, SpaceState::Open),
        new(CORSICAN, SpaceState::Open),
    ];
    let loaded = at.store.put_spaces(brought, Vec::new()).await.unwrap();
    assert_eq!(loaded, Loaded { created: 3, ..Loaded::default() });
    let at = at.reopen().await;
    let expected = Space { patient: ins(CORSICAN), state: SpaceState::Open, born, mailbox: None };
    assert_eq!(space(&at, "297022a02077878").await, expected);
    assert_eq!(space(&at, ONE).await.born, None);
    assert_eq!(at.store.space(&ins("160012B02077713")).await.unwrap(), None);
}

pub(crate) async fn the_same_again_is_unchanged_and_a_birth_is_not_forgotten(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let born = Some(date(2009, 7, 14));
    let with_birth = || vec![NewSpace { born, ..new(OTHER, SpaceState::Open) }];
    put(&at, OTHER, SpaceState::Open).await;
    let load = async |spaces| at.store.put_spaces(spaces, Vec::new()).await.unwrap();
    assert_eq!(load(with_birth()).await, Loaded { changed: 1, ..Loaded::default() });
    assert_eq!(load(with_birth()).await, Loaded { unchanged: 1, ..Loaded::default() });
    assert_eq!(put(&at, OTHER, SpaceState::Open).await, Loaded { unchanged: 1, ..Loaded::default() });
    assert_eq!(put(&at, OTHER, SpaceState::Closed).await, Loaded { changed: 1, ..Loaded::default() });
    assert_eq!((space(&at, OTHER).await.born, space(&at, OTHER).await.state), (born, SpaceState::Closed));
    assert_eq!(load(Vec::new()).await, Loaded::default());
}

pub(crate) async fn spaces_are_counted_by_their_state(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(counts(&at).await, (0, 0));
    let brought = [ONE, OTHER, CORSICAN].map(|patient| new(patient, SpaceState::Open));
    at.store.put_spaces(brought.to_vec(), Vec::new()).await.unwrap();
    assert_eq!(counts(&at).await, (3, 0));
    put(&at, ONE, SpaceState::Closed).await;
    put(&at, ONE, SpaceState::Closed).await;
    assert_eq!(counts(&at).await, (2, 1));
    at.store.mailbox_of_space(&ins(OTHER)).await.unwrap();
    let mailbox = NewMailbox {
        state: MailboxState::Closed,
        ..NewMailbox::new(address("160012B02077713@patient.mssante.fr"), MailboxKind::Patient)
    };
    at.store.add_mailbox(mailbox, Vec::new()).await.unwrap();
    assert_eq!(counts(&at).await, (2, 2));
}

pub(crate) async fn a_mailbox_is_made_when_it_is_needed_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    put(&at, CORSICAN, SpaceState::Open).await;
    let its_address = address("297022a02077878@patient.mssante.fr");
    assert!(at.store.mailbox(&its_address).await.unwrap().is_none());
    let patient = ins(CORSICAN);
    let (first, second) = tokio::join!(at.store.mailbox_of_space(&patient), at.store.mailbox_of_space(&patient));
    let made = at.store.mailbox(&its_address).await.unwrap().unwrap();
    assert_eq!((first.unwrap(), second.unwrap()), (made.id, made.id));
    assert_eq!((made.kind, made.state, made.quota_bytes), (MailboxKind::Patient, MailboxState::Open, None));
    assert_eq!(space(&at, CORSICAN).await.mailbox, Some(made.id));
    at.inbox(made.id).await;
    let message = at.message(b"letter", &[made.id]).await;
    at.store.accept(message).await.unwrap();
    assert_eq!(at.used(CORSICAN_ADDRESS).await, 6);

    assert!(is_not_found(&at.store.mailbox_of_space(&ins(ONE)).await));
    put(&at, ONE, SpaceState::Closed).await;
    refused!(at.store.mailbox_of_space(&ins(ONE)).await, StoreError::Conflict(_));
}

const CORSICAN_ADDRESS: &str = "297022A02077878@patient.mssante.fr";

/// Makes the mailbox of a patient as an admin does.
async fn make(at: &Fixture, patient: &str) -> MailboxId {
    let new = NewMailbox::new(MailAddress::of_patient(&ins(patient)), MailboxKind::Patient);
    at.store.add_mailbox(new, Vec::new()).await.unwrap()
}

pub(crate) async fn a_space_and_its_mailbox_open_and_close_together(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = make(&at, ONE).await;
    assert_eq!((space(&at, ONE).await.state, space(&at, ONE).await.mailbox), (SpaceState::Open, Some(mailbox)));
    at.store.set_mailbox_state(mailbox, MailboxState::Closed, Vec::new()).await.unwrap();
    assert_eq!(
        (space(&at, ONE).await.state, mailbox_state(&at, ONE).await),
        (SpaceState::Closed, MailboxState::Closed)
    );
    put(&at, ONE, SpaceState::Open).await;
    assert_eq!((space(&at, ONE).await.state, mailbox_state(&at, ONE).await), (SpaceState::Open, MailboxState::Open));
    let mut changes = at.store.subscribe();
    put(&at, ONE, SpaceState::Closed).await;
    assert_eq!(mailbox_state(&at, ONE).await, MailboxState::Closed);
    assert_eq!(changes.recv().await.unwrap(), pli_store::Change::Access);
}

pub(crate) async fn a_suspension_is_the_mailboxs_own(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = make(&at, ONE).await;
    at.store.set_mailbox_state(mailbox, MailboxState::Suspended, Vec::new()).await.unwrap();
    assert_eq!(space(&at, ONE).await.state, SpaceState::Open);
    put(&at, ONE, SpaceState::Closed).await;
    assert_eq!(mailbox_state(&at, ONE).await, MailboxState::Suspended);
    at.store.change_mailbox(mailbox, MailboxChange::Resume, Vec::new()).await.unwrap();
    assert_eq!(mailbox_state(&at, ONE).await, MailboxState::Closed, "what it was but for the suspension");
}

pub(crate) async fn a_deleted_mailbox_leaves_a_closed_space(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = make(&at, ONE).await;
    let delete = MailboxChange::Delete { address_kept_until: at.after(3600) };
    at.store.change_mailbox(mailbox, delete, Vec::new()).await.unwrap();
    let closed = Space { patient: ins(ONE), state: SpaceState::Closed, born: None, mailbox: None };
    assert_eq!(space(&at, ONE).await, closed);
    put(&at, ONE, SpaceState::Open).await;
    let again = at.store.mailbox_of_space(&ins(ONE)).await.unwrap();
    assert_ne!(again, mailbox);
    assert_eq!(mailbox_state(&at, ONE).await, MailboxState::Open);
}

pub(crate) async fn a_patients_mailbox_has_the_address_of_his_ins(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for name in ["279035121518988@patient.mssante.fr", "service@patient.mssante.fr", "279035121518989@hospital.test"] {
        let new = NewMailbox::new(address(name), MailboxKind::Patient);
        refused!(at.store.add_mailbox(new, Vec::new()).await, StoreError::Conflict(_));
    }
    // The named service sender is nobody's space.
    let new = NewMailbox::new(address("mon-espace-sante@patient.mssante.fr"), MailboxKind::App);
    at.store.add_mailbox(new, Vec::new()).await.unwrap();
    assert_eq!(counts(&at).await, (0, 0));
}

pub(crate) async fn what_a_batch_changes_is_on_record(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (message, spaces) = (at.id(), vec![new(ONE, SpaceState::Open)]);
    let audit = vec![event(message, EventKind::Changed)];
    at.store.put_spaces(spaces, audit.clone()).await.unwrap();
    assert_eq!(at.store.events_of(message).await.unwrap(), audit);
}

pub(crate) async fn a_batch_of_many_is_counted_row_by_row(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let many = |numbers: std::ops::Range<u32>, state| {
        let patient = |number| Ins::parse_as(&format!("1790351{number:06}"), &[AddressForm::Nir13]).unwrap();
        numbers.map(|number| NewSpace { patient: patient(number), state, born: None }).collect::<Vec<_>>()
    };
    let load = async |spaces| at.store.put_spaces(spaces, Vec::new()).await.unwrap();
    assert_eq!(load(many(0..1100, SpaceState::Open)).await.created, 1100);
    let mailbox = at.store.mailbox_of_space(&many(7..8, SpaceState::Open)[0].patient).await.unwrap();
    let more = [many(0..600, SpaceState::Closed), many(900..1200, SpaceState::Open)].concat();
    let expected = Loaded { created: 100, changed: 600, unchanged: 200 };
    assert_eq!(at.store.compare_spaces(more.clone()).await.unwrap(), expected);
    assert_eq!(counts(&at).await, (1100, 0), "nothing has changed yet");
    assert_eq!(load(more.clone()).await, expected);
    assert_eq!(at.store.compare_spaces(more).await.unwrap(), Loaded { unchanged: 900, ..Loaded::default() });
    assert_eq!(counts(&at).await, (600, 600));
    let records = at.store.records_of(&[mailbox]).await.unwrap();
    assert_eq!(records[0].mailbox.state, MailboxState::Closed);
}
