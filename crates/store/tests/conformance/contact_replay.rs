//! Whatever happens between a patient and those who write to him, in whatever transactions: the history, replayed, gives
//! what is stored; and both say what the rules say (spec §1.5).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use pli_store::{ContactEvent, ContactRecord, NewMessage, StoreError};
use pli_types::{AddressForm, ContactTurn, Ins, MailAddress, Relation};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::{Backend, Fixture, address};

/// Sequences tried, each with a patient of its own.
const SCRIPTS: u32 = 48;
/// As they may be written; two are one person.
const PEOPLE: [&str; 6] = [
    "dr.martin@clinic.test",
    "Dr.Martin@clinic.test",
    "dr.leroy@clinic.test",
    "secretariat@clinic.test",
    "labo@hospital.test",
    "\"a b\"@hospital.test",
];

/// A message: who wrote it, where answers go (to himself, if nowhere), and what it does; a report does nothing.
#[derive(Debug, Clone)]
struct Letter {
    by: usize,
    reply_to: Vec<usize>,
    turn: Option<ContactTurn>,
}

#[derive(Debug, Clone)]
enum Step {
    /// One after the other.
    Letters(Vec<Letter>),
    /// In one group commit, as far as the store likes.
    Together(Vec<Letter>),
    AdminCloses(usize),
    /// The process ends without a word, and another begins.
    Crash,
}

fn letter() -> impl Strategy<Value = Letter> {
    let turn = prop_oneof![
        4 => Just(Some(ContactTurn::Wrote)),
        2 => Just(Some(ContactTurn::WroteUnanswerable)),
        3 => Just(Some(ContactTurn::Ended)),
        1 => Just(None),
    ];
    let people = 0..PEOPLE.len();
    (people.clone(), prop::collection::vec(people, 0..4), turn).prop_map(|(by, reply_to, turn)| Letter {
        by,
        reply_to,
        turn,
    })
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(letter(), 1..3).prop_map(Step::Letters),
        4 => prop::collection::vec(letter(), 2..9).prop_map(Step::Together),
        2 => (0..PEOPLE.len()).prop_map(Step::AdminCloses),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..8)
}

/// A patient of this number.
fn patient(number: u32) -> Ins {
    Ins::parse_as(&format!("2790351215{:03}", number + 1), &[AddressForm::Nir13]).unwrap()
}

/// What the rules say, kept in the simplest way.
#[derive(Default)]
struct Rules {
    /// By key: the relation, and whose message opened it last.
    contacts: BTreeMap<String, (Relation, Option<String>)>,
}

impl Rules {
    fn event(&mut self, event: &ContactEvent) {
        let (contact, by) = (event.contact.key(), event.by.key());
        match event.turn {
            ContactTurn::Wrote => {
                let known = self.contacts.get(&contact).cloned().unwrap_or_default();
                // Whoever names somebody else for answers takes nothing from him, and opens nothing that was ended.
                let has_its_own_word = match known {
                    (Relation::None, _) => false,
                    (Relation::Open, opener) => opener.as_ref() == Some(&contact),
                    (Relation::Closed, opener) => opener.as_ref() != Some(&by),
                };
                if by == contact || !has_its_own_word {
                    self.contacts.insert(contact, (Relation::Open, Some(by)));
                }
            }
            ContactTurn::WroteUnanswerable => drop(self.contacts.entry(contact).or_default()),
            ContactTurn::ClosedByAdmin => self.contacts.entry(contact).or_default().0 = Relation::Closed,
            ContactTurn::Ended => {
                for key in [&contact, &by] {
                    self.contacts.entry(key.clone()).or_default().0 = Relation::Closed;
                }
                let opened = self.contacts.values_mut().filter(|(_, opener)| opener.as_ref() == Some(&by));
                opened.for_each(|(relation, _)| *relation = Relation::Closed);
            }
        }
    }
}

/// What a history comes to.
fn replayed(history: &[ContactEvent]) -> ContactRecord {
    let first = &history[0];
    let mut record = ContactRecord {
        patient: first.patient.clone(),
        contact: first.contact.clone(),
        relation: Relation::None,
        since: first.at,
        opened_by: None,
        unanswerable_at: None,
    };
    for event in history {
        let after = record.relation.after(event.turn);
        if after != record.relation {
            (record.relation, record.since) = (after, event.at);
        }
        match event.turn {
            ContactTurn::Wrote => record.opened_by = Some(event.by.clone()),
            ContactTurn::WroteUnanswerable => record.unanswerable_at = Some(event.at),
            ContactTurn::Ended | ContactTurn::ClosedByAdmin => {}
        }
    }
    record
}

async fn message(at: &Fixture, patient: &Ins, letter: &Letter) -> NewMessage {
    at.clock.advance(SignedDuration::from_secs(1));
    let message = at.message(b"a letter", &[]).await;
    let to = if letter.reply_to.is_empty() { vec![letter.by] } else { letter.reply_to.clone() };
    let event = |contact: usize, turn| ContactEvent {
        patient: patient.clone(),
        contact: address(PEOPLE[contact]),
        turn,
        by: address(PEOPLE[letter.by]),
        at: at.now(),
        message: Some(message.id),
    };
    let contacts = letter.turn.iter().flat_map(|turn| to.iter().map(|contact| event(*contact, *turn))).collect();
    NewMessage { contacts, ..message }
}

/// Does it, and notes what the rules make of it.
async fn play(at: Fixture, patient: &Ins, step: &Step, rules: &mut Rules) -> Fixture {
    match step {
        Step::Letters(letters) => {
            for letter in letters {
                let message = message(&at, patient, letter).await;
                message.contacts.iter().for_each(|event| rules.event(event));
                at.store.accept(message).await.unwrap();
            }
        }
        Step::Together(letters) => {
            let mut messages = Vec::new();
            for letter in letters {
                messages.push(message(&at, patient, letter).await);
            }
            messages.iter().flat_map(|message| &message.contacts).for_each(|event| rules.event(event));
            let accepted = messages.into_iter().map(|message| at.store.accept(message));
            futures_util::future::try_join_all(accepted).await.unwrap();
        }
        Step::AdminCloses(contact) => {
            let (contact, by) = (address(PEOPLE[*contact]), address("postmaster@operator.test"));
            let known = rules.contacts.get(&contact.key()).map(|(relation, _)| *relation);
            match at.store.close_contact(patient, &contact, &by, at.now(), Vec::new()).await {
                Err(StoreError::NotFound(_)) => assert_eq!(known, None),
                closed => assert_eq!(closed.unwrap(), known.unwrap() != Relation::Closed),
            }
            if known.is_some() {
                let (turn, at) = (ContactTurn::ClosedByAdmin, at.now());
                rules.event(&ContactEvent { patient: patient.clone(), contact, turn, by, at, message: None });
            }
        }
        Step::Crash => return at.reopen().await,
    }
    at
}

/// A record without the spelling of its address, which its history does not keep.
fn by_key(record: ContactRecord) -> (String, ContactRecord) {
    let key = record.contact.key();
    let contact = MailAddress::parse(&key).unwrap();
    (key, ContactRecord { contact, ..record })
}

async fn check(at: &Fixture, patient: &Ins, rules: &Rules, script: &[Step]) {
    let stored = at.store.contacts(patient, None, 99).await.unwrap();
    let relations: Vec<_> = stored.iter().map(|record| (record.contact.key(), record.relation)).collect();
    let expected: Vec<_> = rules.contacts.iter().map(|(key, (relation, _))| (key.clone(), *relation)).collect();
    assert_eq!(relations, expected, "{script:?}");
    for record in stored {
        let history = at.store.contact_history(patient, &record.contact).await.unwrap();
        assert_eq!(by_key(replayed(&history)), by_key(record), "{script:?}");
    }
}

pub(crate) async fn the_history_replayed_gives_what_is_stored(backend: &dyn Backend) {
    let mut at = backend.fresh().await;
    let mut runner = TestRunner::deterministic();
    let mut played = Vec::new();
    for number in 0..SCRIPTS {
        let (patient, script) = (patient(number), script().new_tree(&mut runner).unwrap().current());
        let mut rules = Rules::default();
        for step in &script {
            at = play(at, &patient, step, &mut rules).await;
        }
        check(&at, &patient, &rules, &script).await;
        played.push((patient, rules, script));
    }
    // Nothing of it was only in memory, and nobody's contacts are another's.
    let at = at.reopen().await;
    for (patient, rules, script) in &played {
        check(&at, patient, rules, script).await;
    }
}
