//! [`found_by()`]: the words that a line is found by.

use pli_directory::extraction::{Column, Entry};
use pli_store::national::Place;

/// The words of a line, and where they stand.
#[must_use]
pub fn found_by<'l>(entry: &Entry<'l>) -> [(Place, &'l str); 15] {
    let at = |place, column| (place, entry.get(column));
    [
        at(Place::Name, Column::Title),
        at(Place::Name, Column::FamilyName),
        at(Place::Name, Column::GivenName),
        at(Place::Name, Column::PersonId),
        at(Place::Profession, Column::Profession),
        at(Place::Profession, Column::Speciality),
        at(Place::Town, Column::Town),
        at(Place::Town, Column::PostalCode),
        at(Place::Department, Column::Department),
        (Place::Department, entry.department_number()),
        at(Place::Structure, Column::Structure),
        at(Place::Structure, Column::Sign),
        at(Place::Structure, Column::Service),
        at(Place::Structure, Column::StructureId),
        (Place::Kind, entry.kind().as_str()),
    ]
}
