//! [`Found`]: a mailbox that a search found, as a line of the extraction.

use std::collections::BTreeMap;

use super::address_line;
use super::resource::{Coding, ContactPoint, Identifier, Organization, Practitioner, Resource};
use super::word;
use crate::extraction::{Column, Entry, LineFault};

/// A mailbox, in the extraction's form, so that whoever reads one reads the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    line: String,
}

impl Found {
    /// The entry.
    pub fn entry(&self) -> Result<Entry<'_>, LineFault> {
        Entry::parse(&self.line)
    }

    /// The line: 31 columns between `|`.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// All mailboxes of what was found, in its order. Those on the red list are left out, should the server show them
/// (scenario 46); so is what cannot be an entry: a carrier's other addresses, addresses that are none.
#[must_use]
pub fn mailboxes_of(resources: &[Resource]) -> Vec<Found> {
    let around = Around::of(resources);
    let mut found = Vec::new();
    for resource in resources {
        let (columns, telecom) = match resource {
            Resource::Practitioner(person) => (person_columns(person), &person.telecom),
            Resource::PractitionerRole(role) => {
                let mut columns =
                    around.people.get(id_in(&role.practitioner.reference)).map(|person| person_columns(person));
                let structure = around.structures.get(id_in(&role.organization.reference));
                columns.get_or_insert_default().extend(structure.into_iter().flat_map(|one| structure_columns(one)));
                (columns.unwrap_or_default(), &role.telecom)
            }
            Resource::Organization(structure) => (structure_columns(structure), &structure.telecom),
            Resource::Other => continue,
        };
        let listed = telecom.iter().filter(|point| point.is_mailbox() && point.flag(word::UNLISTED) != Some(true));
        found.extend(listed.map(|point| line(&columns, point)).filter(|found| found.entry().is_ok()));
    }
    found
}

/// What a place of work refers to.
struct Around<'r> {
    people: BTreeMap<&'r str, &'r Practitioner>,
    structures: BTreeMap<&'r str, &'r Organization>,
}

impl<'r> Around<'r> {
    fn of(resources: &'r [Resource]) -> Self {
        let mut around = Self { people: BTreeMap::new(), structures: BTreeMap::new() };
        for resource in resources {
            match resource {
                Resource::Practitioner(person) => drop(around.people.insert(&person.id, person)),
                Resource::Organization(structure) => drop(around.structures.insert(&structure.id, structure)),
                Resource::PractitionerRole(_) | Resource::Other => {}
            }
        }
        around
    }
}

/// `Practitioner/003-1` is `003-1`.
fn id_in(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

type Columns = Vec<(Column, String)>;

fn number<'r>(identifiers: &'r [Identifier], system: &str) -> Option<&'r str> {
    identifiers.iter().find(|one| one.system == system).map(|one| one.value.as_str())
}

fn person_columns(person: &Practitioner) -> Columns {
    let mut columns = Columns::new();
    if let Some(national) = number(&person.identifier, word::PERSON) {
        columns.push((Column::PersonNationalId, national.to_owned()));
        if let Some((kind, id)) = national.split_at_checked(1) {
            columns.extend([(Column::PersonIdType, kind.to_owned()), (Column::PersonId, id.to_owned())]);
        }
    }
    if let Some(name) = person.name.first() {
        columns.push((Column::FamilyName, name.family.clone()));
        columns.push((Column::GivenName, name.given.join(" ")));
        columns.push((Column::Title, name.prefix.join(" ")));
    }
    let coded = |begin: &str| {
        let codings = person.qualification.iter().flat_map(|qualification| &qualification.code.coding);
        codings.clone().find(|coding| coding.system.starts_with(begin))
    };
    let mut both = |coding: Option<&Coding>, code: Column, words: Column| {
        columns.extend(coding.into_iter().flat_map(|one| [(code, one.code.clone()), (words, one.display.clone())]));
    };
    both(coded(word::PROFESSIONS), Column::ProfessionCode, Column::Profession);
    both(coded(word::SPECIALITIES), Column::SpecialityCode, Column::Speciality);
    columns
}

fn structure_columns(structure: &Organization) -> Columns {
    let mut columns = vec![(Column::Structure, structure.name.clone())];
    columns.extend(structure.alias.first().map(|sign| (Column::Sign, sign.clone())));
    let national = number(&structure.identifier, word::STRUCTURE).and_then(|id| id.split_at_checked(1));
    let finess = number(&structure.identifier, word::FINESS).map(|number| ("1", number));
    if let Some((kind, id)) = finess.or(national) {
        columns.extend([(Column::StructureIdType, kind.to_owned()), (Column::StructureId, id.to_owned())]);
    }
    columns.extend(structure.address.first().into_iter().flat_map(address_line::columns));
    columns
}

fn line(columns: &[(Column, String)], point: &ContactPoint) -> Found {
    let mut cells = vec![String::new(); Column::COUNT];
    let mut put = |column: Column, text: &str| {
        if let Some(cell) = cells.get_mut(column.index()) {
            // What separates columns is no letter of any name.
            *cell = text.replace(|c: char| c == '|' || c.is_control(), " ");
        }
    };
    for (column, text) in columns {
        put(*column, text);
    }
    put(Column::Type, point.part(word::TYPE).and_then(|part| part.code()).unwrap_or_default());
    put(Column::Address, point.value.as_deref().unwrap_or_default());
    put(Column::Service, point.text(word::SERVICE).unwrap_or_default());
    match point.flag(word::DIGITISATION) {
        Some(true) => put(Column::Digitisation, "O"),
        Some(false) => put(Column::Digitisation, "N"),
        None => {}
    }
    Found { line: cells.join("|") }
}
