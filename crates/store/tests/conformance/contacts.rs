//! What messages do to contacts, and what is remembered of them.

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{
    ContactEvent, ContactRecord, Correspondence, MailboxChange, NewMessage, Outcome, Settlement, StoreError,
};
use pli_types::{ContactTurn, Ins, MailAddress, MailboxId, Relation};

use crate::support::{Backend, Fixture, address, event, is_not_found, refused};

const PATIENT: &str = "279035121518989";
const OTHER: &str = "109076322083489";
const DOCTOR: &str = "Dr.Martin@clinic.test";
const SECRETARY: &str = "secretariat@clinic.test";
const COLLEAGUE: &str = "dr.leroy@clinic.test";

fn ins(text: &str) -> Ins {
    Ins::parse(text).unwrap()
}

/// A message that does this, for a mailbox or for nobody.
async fn message(at: &Fixture, to: &[MailboxId], turns: &[(ContactTurn, &str, &str)]) -> NewMessage {
    let message = at.message(b"a letter", to).await;
    let contacts = turns.iter().map(|(turn, contact, by)| ContactEvent {
        patient: ins(PATIENT),
        contact: address(contact),
        turn: *turn,
        by: address(by),
        at: at.now(),
        message: Some(message.id),
    });
    NewMessage { contacts: contacts.collect(), ..message }
}

/// One accepted, a minute after the one before.
async fn accept(at: &Fixture, turns: &[(ContactTurn, &str, &str)]) {
    at.clock.advance(SignedDuration::from_mins(1));
    at.store.accept(message(at, &[], turns).await).await.unwrap();
}

async fn contact(at: &Fixture, with: &str) -> Option<ContactRecord> {
    at.store.contact(&ins(PATIENT), &address(with)).await.unwrap()
}

async fn relation(at: &Fixture, with: &str) -> Relation {
    contact(at, with).await.map_or(Relation::None, |contact| contact.relation)
}

async fn turns(at: &Fixture, with: &str) -> Vec<ContactTurn> {
    let history = at.store.contact_history(&ins(PATIENT), &address(with)).await.unwrap();
    history.iter().map(|event| event.turn).collect()
}

pub(crate) async fn an_ordinary_message_opens_a_contact_and_its_history_tells(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let message = message(&at, &[], &[(ContactTurn::Wrote, DOCTOR, DOCTOR)]).await;
    let (opened_at, expected) = (at.now(), message.contacts.clone());
    at.store.accept(message).await.unwrap();
    accept(&at, &[(ContactTurn::Wrote, "DR.MARTIN@clinic.test", "DR.MARTIN@clinic.test")]).await;
    let at = at.reopen().await;
    let record = contact(&at, "dr.martin@CLINIC.test").await.unwrap();
    assert_eq!((record.relation, record.since), (Relation::Open, opened_at));
    assert_eq!((record.contact, record.patient), (address(DOCTOR), ins(PATIENT)));
    assert_eq!((record.opened_by.unwrap().key(), record.unanswerable_at), (address(DOCTOR).key(), None));
    let history = at.store.contact_history(&ins(PATIENT), &address(DOCTOR)).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[..1], expected);
    assert_eq!(at.store.contact(&ins(OTHER), &address(DOCTOR)).await.unwrap(), None);
    assert_eq!(relation(&at, SECRETARY).await, Relation::None);
}

pub(crate) async fn a_message_that_cannot_be_answered_opens_nothing_and_is_noted(backend: &dyn Backend) {
    let at = backend.fresh().await;
    accept(&at, &[(ContactTurn::WroteUnanswerable, DOCTOR, DOCTOR)]).await;
    let record = contact(&at, DOCTOR).await.unwrap();
    assert_eq!((record.relation, record.opened_by), (Relation::None, None));
    assert_eq!((record.since, record.unanswerable_at), (at.now(), Some(at.now())));
    let first = at.now();
    accept(&at, &[(ContactTurn::Wrote, DOCTOR, DOCTOR)]).await;
    let record = contact(&at, DOCTOR).await.unwrap();
    assert_eq!((record.relation, record.since, record.unanswerable_at), (Relation::Open, at.now(), Some(first)));
}

pub(crate) async fn an_end_closes_all_that_its_author_opened_and_nothing_else(backend: &dyn Backend) {
    use ContactTurn::{Ended, Wrote, WroteUnanswerable};
    let at = backend.fresh().await;
    accept(&at, &[(Wrote, SECRETARY, DOCTOR), (Wrote, "planning@clinic.test", DOCTOR)]).await;
    accept(&at, &[(Wrote, COLLEAGUE, COLLEAGUE)]).await;
    accept(&at, &[(WroteUnanswerable, "lab@clinic.test", DOCTOR)]).await;
    // Whose message opened it last is who may end it.
    accept(&at, &[(Wrote, "planning@clinic.test", COLLEAGUE)]).await;
    accept(&at, &[(Ended, DOCTOR, "DR.MARTIN@clinic.test")]).await;
    for (with, expected) in [
        (DOCTOR, Relation::Closed),
        (SECRETARY, Relation::Closed),
        (COLLEAGUE, Relation::Open),
        ("planning@clinic.test", Relation::Open),
        ("lab@clinic.test", Relation::None),
    ] {
        assert_eq!(relation(&at, with).await, expected, "{with}");
    }
    assert_eq!(turns(&at, SECRETARY).await, [Wrote, Ended]);
    assert_eq!(contact(&at, SECRETARY).await.unwrap().opened_by, Some(address(DOCTOR)));
    // A second time it is told of himself only; and a new message opens what it opens.
    accept(&at, &[(Ended, DOCTOR, DOCTOR)]).await;
    assert_eq!((turns(&at, SECRETARY).await.len(), turns(&at, DOCTOR).await), (2, vec![Ended, Ended]));
    accept(&at, &[(Wrote, SECRETARY, DOCTOR)]).await;
    assert_eq!((relation(&at, SECRETARY).await, relation(&at, DOCTOR).await), (Relation::Open, Relation::Closed));
}

pub(crate) async fn an_end_by_a_message_to_answer_elsewhere_closes_its_author_too(backend: &dyn Backend) {
    use ContactTurn::{Ended, Wrote};
    let at = backend.fresh().await;
    accept(&at, &[(Wrote, DOCTOR, DOCTOR)]).await;
    accept(&at, &[(Ended, SECRETARY, DOCTOR), (Ended, "planning@clinic.test", DOCTOR)]).await;
    for with in [DOCTOR, SECRETARY, "planning@clinic.test"] {
        assert_eq!(relation(&at, with).await, Relation::Closed, "{with}");
    }
    assert_eq!(turns(&at, DOCTOR).await, [Wrote, Ended]);
}

pub(crate) async fn an_admin_closes_a_contact_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let admin = address("postmaster@operator.test");
    let close = async |id| {
        let audit = vec![event(id, EventKind::Changed)];
        at.store.close_contact(&ins(PATIENT), &address(DOCTOR), &admin, at.now(), audit).await
    };
    let ids = [at.id(), at.id(), at.id()];
    refused!(close(ids[0]).await, StoreError::NotFound("contact"));
    accept(&at, &[(ContactTurn::Wrote, DOCTOR, DOCTOR)]).await;
    assert!(close(ids[1]).await.unwrap());
    assert!(!close(ids[2]).await.unwrap());
    assert_eq!(relation(&at, DOCTOR).await, Relation::Closed);
    let history = at.store.contact_history(&ins(PATIENT), &address(DOCTOR)).await.unwrap();
    assert_eq!((history.len(), history[1].turn), (2, ContactTurn::ClosedByAdmin));
    assert_eq!((&history[1].by, history[1].message), (&admin, None));
    let recorded = [ids[0], ids[1], ids[2]].map(async |id| at.store.events_of(id).await.unwrap().len());
    assert_eq!(futures_util::future::join_all(recorded).await, [0, 1, 0]);
    // It says nothing of who opened it: his next message opens it again.
    accept(&at, &[(ContactTurn::Wrote, DOCTOR, DOCTOR)]).await;
    assert_eq!(relation(&at, DOCTOR).await, Relation::Open);
}

pub(crate) async fn contacts_come_in_pages_by_address(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for with in [SECRETARY, DOCTOR, COLLEAGUE] {
        accept(&at, &[(ContactTurn::Wrote, with, with)]).await;
    }
    let page = async |after: Option<&MailAddress>| {
        let page = at.store.contacts(&ins(PATIENT), after, 2).await.unwrap();
        page.into_iter().map(|record| record.contact).collect::<Vec<_>>()
    };
    let first = page(None).await;
    assert_eq!(first, [address(COLLEAGUE), address(DOCTOR)]);
    assert_eq!(page(first.last()).await, [address(SECRETARY)]);
    assert!(at.store.contacts(&ins(OTHER), None, 9).await.unwrap().is_empty());
}

pub(crate) async fn a_message_that_is_refused_turns_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let to = |number| if number == 2 { MailboxId(4711) } else { mailbox };
    let mut messages = Vec::new();
    for number in 0..5 {
        let with = format!("dr{number}@clinic.test");
        messages.push(message(&at, &[to(number)], &[(ContactTurn::Wrote, &with, &with)]).await);
    }
    let accepted = messages.into_iter().map(|message| at.store.accept(message));
    for (number, result) in futures_util::future::join_all(accepted).await.iter().enumerate() {
        assert_eq!(is_not_found(result), number == 2, "{number}: {result:?}");
        assert_eq!(turns(&at, &format!("dr{number}@clinic.test")).await.is_empty(), number == 2, "{number}");
    }
}

fn correspondence(message_id: &str) -> Correspondence {
    Correspondence {
        message_id: message_id.to_owned(),
        from: address(DOCTOR),
        reply_to: vec![address(SECRETARY), address("\"a b\"@clinic.test")],
        answerable: true,
        receipt_to: Some(address("receipts@clinic.test")),
    }
}

pub(crate) async fn what_a_mailbox_received_is_found_by_its_message_id(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (a, b, c) =
        (at.mailbox("a@hospital.test").await, at.mailbox("b@hospital.test").await, at.mailbox("c@hospital.test").await);
    let message =
        NewMessage { correspondence: Some(correspondence("1@clinic.test")), ..at.message(b"1", &[a, b]).await };
    let first = message.id;
    at.store.accept(message).await.unwrap();
    let at = at.reopen().await;
    let received = async |mailbox, id: &str| at.store.received(mailbox, id).await.unwrap();
    for mailbox in [a, b] {
        let found = received(mailbox, "<1@clinic.test>").await.unwrap();
        let expected = correspondence("");
        assert_eq!((found.message, found.received_at, found.answerable), (first, at.now(), true));
        assert_eq!((found.from, found.reply_to), (expected.from, expected.reply_to));
        assert_eq!(found.receipt_to, expected.receipt_to);
    }
    assert_eq!((received(c, "1@clinic.test").await, received(a, "2@clinic.test").await), (None, None));
    // Of two the last.
    let bare =
        Correspondence { answerable: false, reply_to: Vec::new(), receipt_to: None, ..correspondence("1@clinic.test") };
    let again = NewMessage { correspondence: Some(bare), ..at.message(b"2", &[a]).await };
    let second = again.id;
    at.store.accept(again).await.unwrap();
    let found = received(a, "1@clinic.test").await.unwrap();
    assert_eq!((found.message, found.answerable, found.reply_to, found.receipt_to), (second, false, Vec::new(), None));
    assert_eq!(received(b, "1@clinic.test").await.unwrap().message, first);
}

pub(crate) async fn what_was_received_goes_with_its_mailbox_and_its_time(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (a, b) = (at.mailbox("a@hospital.test").await, at.mailbox("b@hospital.test").await);
    for number in 0..5 {
        let correspondence = Some(correspondence(&format!("{number}@clinic.test")));
        at.store.accept(NewMessage { correspondence, ..at.message(b"x", &[a, b]).await }).await.unwrap();
        at.clock.advance(SignedDuration::from_hours(24));
    }
    let left = async |mailbox| {
        let mut left = Vec::new();
        for number in 0..5 {
            let found = at.store.received(mailbox, &format!("{number}@clinic.test")).await.unwrap();
            left.extend(found.map(|_| number));
        }
        left
    };
    // Those of the first three days, four at a time.
    let before = at.now() - SignedDuration::from_hours(2 * 24);
    let forget = async || at.store.forget_received(before, 4).await.unwrap();
    assert_eq!((forget().await, forget().await, forget().await), (4, 2, 0));
    assert_eq!((left(a).await, left(b).await), (vec![3, 4], vec![3, 4]));
    let delete = MailboxChange::Delete { address_kept_until: at.after(3600) };
    at.store.change_mailbox(a, delete, Vec::new()).await.unwrap();
    assert_eq!((left(a).await, left(b).await), (Vec::new(), vec![3, 4]));
}

pub(crate) async fn a_report_taken_in_with_a_settlement_is_remembered_too(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    at.store.accept(at.relayed(b"x", &["b@clinic.test"]).await).await.unwrap();
    let lease = at.store.claim_due(at.now(), std::time::Duration::from_mins(1), 1).await.unwrap().remove(0);
    let turned = message(&at, &[mailbox], &[(ContactTurn::Wrote, DOCTOR, DOCTOR)]).await;
    let report = NewMessage { correspondence: Some(correspondence("report@clinic.test")), ..turned };
    let outcome = Outcome::Failed { reason: "mailbox-unknown".to_owned(), detail: String::new() };
    let settlement = Settlement { report: Some(report), ..Settlement::new(lease, outcome) };
    at.store.settle(vec![settlement]).await.unwrap();
    assert!(at.store.received(mailbox, "report@clinic.test").await.unwrap().is_some());
    assert_eq!(relation(&at, DOCTOR).await, Relation::Open);
}

pub(crate) async fn deliveries_get_the_keywords_of_their_message(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let keywords = ["$Prescription".to_owned(), "$Kept".to_owned()].into();
    let marked = NewMessage { keywords, ..at.message(b"x", &[mailbox]).await };
    let (expected, plain) = (marked.keywords.clone(), at.message(b"y", &[mailbox]).await);
    at.store.accept(marked).await.unwrap();
    at.store.accept(plain).await.unwrap();
    let view = at.store.open_folder(at.inbox(mailbox).await, false).await.unwrap();
    assert_eq!(view.entries[0].flags.keywords, expected);
    assert!(view.entries[1].flags.keywords.is_empty() && !view.entries[0].flags.seen);
}
