//! What happens between patients and their contacts, applied: all turns of a batch with one read and two INSERTs.
//!
//! [`Standings`] decides and is pure; [`settle`] reads what it needs and writes what it decided.

use std::collections::{BTreeMap, BTreeSet};

use pli_types::{ContactTurn, MailAddress, Relation};
use serde_json::json;

use super::bulk::{Bulk, Sql};
use super::rows::{Row, micros};
use super::space_rows::key_of;
use super::tx::Tx;
use crate::{ContactEvent, Result};

/// A [`ContactEvent`] as a row, made by the caller.
#[derive(Debug, Clone)]
pub(super) struct TurnRow {
    patient: i64,
    contact: Party,
    turn: ContactTurn,
    by: Party,
    at: i64,
    message: Option<[u8; 16]>,
}

impl TurnRow {
    pub(super) fn new(event: &ContactEvent) -> Self {
        Self {
            patient: key_of(&event.patient),
            contact: Party::new(&event.contact),
            turn: event.turn,
            by: Party::new(&event.by),
            at: micros(event.at),
            message: event.message.map(|id| *id.as_bytes()),
        }
    }

    pub(super) fn patient(&self) -> i64 {
        self.patient
    }
}

/// An address: what it is found by, and how it was written.
#[derive(Debug, Clone)]
struct Party {
    key: String,
    address: String,
}

impl Party {
    fn new(address: &MailAddress) -> Self {
        Self { key: address.key(), address: address.reveal() }
    }
}

/// A row of `contacts`, without its key.
#[derive(Debug, Clone)]
struct Standing {
    address: String,
    relation: Relation,
    since: i64,
    opened_by: Option<Party>,
    unanswerable_at: Option<i64>,
}

impl Standing {
    /// Is it somebody else's message that names this contact for answers (R-WHO-6), where the contact has had its own word?
    /// What it opened is its own to end, and what it, an admin, or whoever opened it has ended, no third opens again.
    fn is_not_for(&self, turn: &TurnRow) -> bool {
        let opened_by = |party: &Party| self.opened_by.as_ref().is_some_and(|by| by.key == party.key);
        let of_another = turn.turn == ContactTurn::Wrote && turn.by.key != turn.contact.key;
        of_another
            && match self.relation {
                Relation::None => false,
                Relation::Open => opened_by(&turn.contact),
                Relation::Closed => !opened_by(&turn.by),
            }
    }
}

/// The contacts that a batch may change, by patient and key.
#[derive(Debug, Default)]
struct Standings {
    contacts: BTreeMap<(i64, String), Standing>,
    changed: BTreeSet<(i64, String)>,
    /// Rows of `contact_events` to write.
    history: Vec<TurnRow>,
}

impl Standings {
    /// What this turn does. Who ends an exchange ends it for himself too, and for every contact that his messages opened:
    /// those that are closed already have nothing to tell of it.
    fn turn(&mut self, turn: &TurnRow) {
        self.step(turn);
        if turn.turn != ContactTurn::Ended {
            return;
        }
        let all = self.contacts.range((turn.patient, String::new())..(turn.patient.saturating_add(1), String::new()));
        let opened = all.filter(|(_, contact)| {
            contact.relation == Relation::Open && contact.opened_by.as_ref().is_some_and(|by| by.key == turn.by.key)
        });
        let mut ends: Vec<Party> =
            opened.map(|((_, key), contact)| Party { key: key.clone(), address: contact.address.clone() }).collect();
        let himself = self.contacts.get(&(turn.patient, turn.by.key.clone()));
        let listed = ends.iter().any(|end| end.key == turn.by.key);
        if !listed && himself.is_none_or(|contact| contact.relation != Relation::Closed) {
            ends.push(turn.by.clone());
        }
        for contact in ends {
            self.step(&TurnRow { contact, ..turn.clone() });
        }
    }

    /// Moves one contact on.
    fn step(&mut self, turn: &TurnRow) {
        let key = (turn.patient, turn.contact.key.clone());
        if self.contacts.get(&key).is_some_and(|contact| contact.is_not_for(turn)) {
            return;
        }
        let contact = self.contacts.entry(key.clone()).or_insert_with(|| Standing {
            address: turn.contact.address.clone(),
            relation: Relation::None,
            since: turn.at,
            opened_by: None,
            unanswerable_at: None,
        });
        let after = contact.relation.after(turn.turn);
        if after != contact.relation {
            (contact.relation, contact.since) = (after, turn.at);
        }
        match turn.turn {
            ContactTurn::Wrote => contact.opened_by = Some(turn.by.clone()),
            ContactTurn::WroteUnanswerable => contact.unanswerable_at = Some(turn.at),
            ContactTurn::Ended | ContactTurn::ClosedByAdmin => {}
        }
        self.changed.insert(key);
        self.history.push(turn.clone());
    }
}

/// Applies the turns in order and writes what came of them.
pub(super) async fn settle(tx: &mut Tx<'_>, turns: &[&TurnRow]) -> Result<()> {
    if turns.is_empty() {
        return Ok(());
    }
    let mut standings = load(tx, turns).await?;
    for turn in turns {
        standings.turn(turn);
    }
    let Standings { contacts, changed, history } = standings;
    let changed: Vec<_> = contacts.iter().filter(|(key, _)| changed.contains(*key)).collect();
    tx.insert(CONTACTS.rows(&changed, bind_contact)).await?;
    tx.insert(EVENTS.rows(&history, bind_event)).await
}

/// The contacts that these turns are about, and where somebody ends an exchange, all that are open.
async fn load(tx: &mut Tx<'_>, turns: &[&TurnRow]) -> Result<Standings> {
    let mut named = BTreeSet::new();
    let mut ended = BTreeSet::new();
    for turn in turns {
        named.insert((turn.patient, turn.contact.key.as_str()));
        if turn.turn == ContactTurn::Ended {
            named.insert((turn.patient, turn.by.key.as_str()));
            ended.insert(turn.patient);
        }
    }
    let sql = sqlx::query(
        "SELECT c.since, c.patient, c.address_key, c.address, c.relation, c.opened_by, c.unanswerable_at
         FROM json_each(?1) AS named
              CROSS JOIN contacts AS c ON c.patient = named.value ->> 0 AND c.address_key = named.value ->> 1
         UNION
         SELECT c.since, c.patient, c.address_key, c.address, c.relation, c.opened_by, c.unanswerable_at
         FROM json_each(?2) AS ended CROSS JOIN contacts AS c ON c.patient = ended.value
         WHERE c.relation = 'open'",
    );
    let rows = tx.fetch(sql.bind(json!(named).to_string()).bind(json!(ended).to_string())).await?;
    let mut standings = Standings::default();
    for row in rows.iter().map(|row| Row::new(row, "contacts")) {
        let opened_by: Option<&str> = row.get("opened_by")?;
        let parse = |address: &str| MailAddress::parse(address).map(|address| Party::new(&address));
        let standing = Standing {
            address: row.get("address")?,
            relation: relation(row)?,
            since: row.get("since")?,
            opened_by: opened_by.map(parse).transpose().map_err(|error| row.corrupt("opened_by", error))?,
            unanswerable_at: row.get("unanswerable_at")?,
        };
        standings.contacts.insert((row.get("patient")?, row.get("address_key")?), standing);
    }
    Ok(standings)
}

pub(super) fn relation(row: Row<'_>) -> Result<Relation> {
    row.parse("relation", |name: &str| Relation::parse(name).ok_or("there is no such relation"))
}

static CONTACTS: Bulk = Bulk::new(
    "INSERT OR REPLACE INTO contacts (patient, address_key, address, relation, since, opened_by, unanswerable_at)",
    7,
);

fn bind_contact<'r>(sql: Sql<'r>, (key, contact): &'r (&'r (i64, String), &'r Standing)) -> Sql<'r> {
    sql.bind(key.0)
        .bind(key.1.as_str())
        .bind(contact.address.as_str())
        .bind(contact.relation.as_str())
        .bind(contact.since)
        .bind(contact.opened_by.as_ref().map(|by| by.address.as_str()))
        .bind(contact.unanswerable_at)
}

static EVENTS: Bulk = Bulk::new("INSERT INTO contact_events (patient, address_key, turn, by, at, message_id)", 6);

fn bind_event<'r>(sql: Sql<'r>, turn: &'r TurnRow) -> Sql<'r> {
    sql.bind(turn.patient)
        .bind(turn.contact.key.as_str())
        .bind(turn.turn.as_str())
        .bind(turn.by.address.as_str())
        .bind(turn.at)
        .bind(turn.message.as_ref().map(|id| &id[..]))
}
