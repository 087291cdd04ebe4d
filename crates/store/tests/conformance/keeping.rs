//! What the record need not keep: entries whose time is over, and persons who are to be forgotten.

use jiff::Timestamp;
use jiff::civil::date;
use pli_audit::{Class, Event, EventKind};
use pli_store::{
    Dispensing, Erase, MailboxChange, MailboxKind, NewCounts, NewMailbox, NewParty, NewStory, PartyWay, Prune, Pruned,
    StoreError, Traces,
};
use pli_types::{FinessId, Ins, MailAddress, MailboxId, Marked, Masker, Person, ReversePath};

use crate::audit_log::{seal, sound, sound_to};
use crate::support::{Backend, Fixture, address, event, refused};

pub(crate) const INS: &str = "279035121518989";
const OTHER: &str = "297022A02077878";

fn patient() -> MailAddress {
    MailAddress::of_patient(&Ins::parse(INS).unwrap())
}

pub(crate) fn erase() -> Erase {
    Erase { patient: Ins::parse(INS).unwrap(), key: Masker::new(&[7; 32]).lookup_address(&patient()) }
}

/// What is put on record about pruning and erasing.
pub(crate) fn note(at: &Fixture, kind: EventKind) -> Event {
    Event { message: None, ..event(at.id(), kind) }
}

/// One entry, about this person.
pub(crate) async fn about(at: &Fixture, kind: EventKind, person: &str) {
    let event = Event { at: at.now().to_string(), recipient: Some(person.into()), ..event(at.id(), kind) };
    at.store.append_audit(vec![event]).await.unwrap();
}

pub(crate) async fn size(at: &Fixture) -> u64 {
    let rows = at.store.events_from(0, 10_000).await.unwrap();
    rows.last().map_or(0, |last| last.index + 1)
}

async fn entries_about(at: &Fixture, person: &str) -> Vec<u64> {
    at.store.entries_about(&Person::parse(person), 0, 1000).await.unwrap()
}

/// What is recorded has been counted, as a node does before it prunes.
pub(crate) async fn prune(at: &Fixture, class: Class, before: Timestamp, limit: usize) -> Pruned {
    let from = at.store.counted().await.unwrap().entries;
    let counts = NewCounts { from, to: size(at).await, ..NewCounts::default() };
    if counts.to > from {
        at.store.count(counts).await.unwrap();
    }
    prune_uncounted(at, class, before, limit).await
}

async fn prune_uncounted(at: &Fixture, class: Class, before: Timestamp, limit: usize) -> Pruned {
    at.store.prune(Prune { class, before, limit, event: note(at, EventKind::Pruned) }).await.unwrap()
}

/// A letter of his in a doctor's mailbox, its story, and what a pharmacy dispensed to him.
pub(crate) async fn live(at: &Fixture) -> MailboxId {
    let doctor = at.mailbox("dr.martin@clinic.test").await;
    let mut letter = at.message(b"Subject: hello\r\n\r\nHello.\r\n", &[doctor]).await;
    let mask = Masker::new(&[7; 32]);
    letter.sender = ReversePath::Address(patient());
    letter.audit[0].sender = Some(patient().reveal().into());
    let party =
        NewParty { recipient: mask.lookup_address(&address("dr.martin@clinic.test")), way: PartyWay::Mailbox(doctor) };
    letter.story =
        Some(NewStory { sender: Some(mask.lookup_address(&patient())), message_id: None, parties: vec![party] });
    at.store.accept(letter).await.unwrap();
    let dispensed = Dispensing {
        patient: Ins::parse(INS).unwrap(),
        pharmacy: FinessId::parse("750000018").unwrap(),
        on: date(2026, 2, 3),
        reimbursed: true,
    };
    at.store.put_dispensings(vec![dispensed], Vec::new()).await.unwrap();
    doctor
}

pub(crate) async fn entries_whose_time_is_over_are_emptied_and_the_tree_is_what_it_was(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for _ in 0..10 {
        about(&at, EventKind::Relayed, INS).await;
        about(&at, EventKind::SignedIn, OTHER).await;
    }
    let then = at.now();
    at.clock.advance(jiff::SignedDuration::from_hours(1));
    about(&at, EventKind::Relayed, INS).await;
    assert!(seal(&at, 15).await);
    // Not what is not sealed, nor another class, nor more than asked for at a time.
    assert_eq!(prune(&at, Class::Mail, at.now(), 4).await, Pruned { entries: 2, subjects: 0, more: true });
    assert_eq!(prune(&at, Class::Mail, at.now(), 100).await, Pruned { entries: 6, subjects: 0, more: false });
    assert_eq!(prune(&at, Class::Mail, at.now(), 100).await, Pruned::default());
    sound(&at, 15, 8).await;
    assert_eq!(entries_about(&at, INS).await, [16, 18, 20]);
    assert!(seal(&at, 21).await);
    // Not what is younger.
    assert_eq!(prune(&at, Class::Mail, at.now(), 100).await.entries, 2);
    assert_eq!(entries_about(&at, INS).await, [20]);
    assert_eq!(entries_about(&at, OTHER).await.len(), 10);
    assert_eq!(prune(&at, Class::Access, then, 100).await.entries, 0);
    // With his last entry goes his key.
    assert_eq!(prune(&at, Class::Access, at.now(), 100).await, Pruned { entries: 10, subjects: 1, more: false });
    assert_eq!(entries_about(&at, OTHER).await, [0; 0]);
    sound(&at, 21, 20).await;
    let read = at.store.events_from(0, 100).await.unwrap();
    assert!(read[..20].iter().all(|one| one.event.is_none()));
    let told: Vec<_> = read[20..].iter().map(|one| one.event.as_ref().unwrap()).collect();
    assert_eq!(told[0].recipient.as_ref().unwrap().reveal(), INS);
    assert!(told[1..].iter().all(|event| event.kind == EventKind::Pruned), "{told:?}");
    let detail = told[1].detail.as_ref().unwrap().reveal();
    assert!(detail.starts_with("mail: 2 entries between 0 and 2, recorded before "), "{detail}");
}

pub(crate) async fn what_is_not_counted_is_not_pruned(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for _ in 0..3 {
        about(&at, EventKind::Relayed, INS).await;
    }
    assert!(seal(&at, 3).await);
    at.clock.advance(jiff::SignedDuration::from_hours(1));
    assert_eq!(prune_uncounted(&at, Class::Mail, at.now(), 100).await, Pruned::default());
    at.store.count(NewCounts { from: 0, to: 2, ..NewCounts::default() }).await.unwrap();
    assert_eq!(prune_uncounted(&at, Class::Mail, at.now(), 100).await.entries, 2);
    assert_eq!(prune(&at, Class::Mail, at.now(), 100).await.entries, 1);
}

pub(crate) async fn whoever_is_told_of_by_what_is_not_sealed_keeps_his_key(backend: &dyn Backend) {
    let at = backend.fresh().await;
    about(&at, EventKind::Relayed, INS).await;
    assert!(seal(&at, 1).await);
    at.clock.advance(jiff::SignedDuration::from_hours(1));
    about(&at, EventKind::Relayed, INS).await;
    assert_eq!(prune(&at, Class::Mail, at.now(), 100).await, Pruned { entries: 1, subjects: 0, more: false });
    assert_eq!(entries_about(&at, INS).await, [1]);
    let read = at.store.events_from(1, 1).await.unwrap();
    assert_eq!(read[0].event.as_ref().unwrap().recipient.as_ref().unwrap().reveal(), INS);
}

pub(crate) async fn a_patient_is_forgotten_and_the_others_are_not(backend: &dyn Backend) {
    let at = backend.fresh().await;
    live(&at).await;
    about(&at, EventKind::Relayed, INS).await;
    about(&at, EventKind::Relayed, OTHER).await;
    let before = size(&at).await;
    assert!(seal(&at, before).await);
    let traces = at.store.traces_of(&erase()).await.unwrap();
    assert_eq!(traces.living, [""; 0]);
    let tables: Vec<_> = traces.rows.iter().map(|(table, _)| *table).collect();
    assert_eq!(tables, ["stories", "dispensings", "messages", "audit_about", "audit_subjects"]);
    assert_eq!(at.store.erase(erase(), vec![note(&at, EventKind::Erased)]).await.unwrap(), traces);
    sound_to(&at, before).await;
    assert_eq!(entries_about(&at, INS).await, [0; 0]);
    assert_eq!(entries_about(&at, OTHER).await.len(), 1);
    let read = at.store.events_from(0, 100).await.unwrap();
    let recipients = |event: &Event| event.recipient.as_ref().map(Marked::reveal).unwrap_or_default();
    let told: Vec<String> = read.iter().map(|one| recipients(one.event.as_ref().unwrap())).collect();
    assert!(told.iter().any(|text| text.starts_with("erased-")), "{told:?}");
    assert!(told.iter().any(|text| text == OTHER) && !told.iter().any(|text| text.contains(INS)), "{told:?}");
    assert_eq!(read.last().unwrap().event.as_ref().unwrap().kind, EventKind::Erased);
    // Again: nothing is left, and nothing is said.
    assert_eq!(at.store.erase(erase(), vec![note(&at, EventKind::Erased)]).await.unwrap(), Traces::default());
    assert_eq!(size(&at).await, before + 1);
    // He comes back: he is somebody else to the record.
    about(&at, EventKind::Relayed, INS).await;
    assert_eq!(entries_about(&at, INS).await, [before + 1]);
}

pub(crate) async fn who_is_erased_before_the_seal_is_told_of_by_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    about(&at, EventKind::Relayed, OTHER).await;
    assert!(seal(&at, 1).await);
    about(&at, EventKind::Relayed, INS).await;
    about(&at, EventKind::Relayed, OTHER).await;
    at.store.erase(erase(), vec![note(&at, EventKind::Erased)]).await.unwrap();
    // With his key went what tells of him: an entry about him that is sealed later adds none of it.
    assert!(seal(&at, 4).await);
    sound_to(&at, 4).await;
    assert_eq!(entries_about(&at, OTHER).await, [0, 2]);
    assert_eq!(at.store.traces_of(&erase()).await.unwrap(), Traces::default());
}

pub(crate) async fn whose_mailbox_or_mail_is_here_is_not_forgotten(backend: &dyn Backend) {
    let at = backend.fresh().await;
    about(&at, EventKind::Relayed, INS).await;
    let refuse = async |what: &[&str]| {
        assert_eq!(at.store.traces_of(&erase()).await.unwrap().living, what);
        refused!(at.store.erase(erase(), Vec::new()).await, StoreError::Conflict(_));
        assert_eq!(entries_about(&at, INS).await, [0]);
    };
    let mailbox = at.store.add_mailbox(NewMailbox::new(patient(), MailboxKind::Patient), Vec::new()).await.unwrap();
    refuse(&["mailbox", "space"]).await;
    let gone = MailboxChange::Delete { address_kept_until: at.after(3600) };
    at.store.change_mailbox(mailbox, gone, Vec::new()).await.unwrap();
    let message = at.relayed(b"to him", &[&patient().reveal()]).await;
    at.store.accept(message).await.unwrap();
    refuse(&["queue"]).await;
    let lease = at.store.claim_due(at.now(), std::time::Duration::from_mins(1), 1).await.unwrap().remove(0);
    let outcome = pli_store::Outcome::Relayed { detail: "250".to_owned() };
    at.store.settle(vec![pli_store::Settlement::new(lease, outcome)]).await.unwrap();
    let traces = at.store.erase(erase(), Vec::new()).await.unwrap();
    assert!(
        traces.rows.contains(&("patient_spaces", 1)) && traces.rows.contains(&("former_addresses", 1)),
        "{traces:?}"
    );
    assert_eq!(at.store.count_spaces(pli_store::SpaceState::Closed).await.unwrap(), 0);
}
