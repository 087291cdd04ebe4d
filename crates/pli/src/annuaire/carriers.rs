//! Carriers of mailboxes, as they stand in the directory: seen, and changed.

use pli_directory::fhir::question;
use pli_directory::fhir::resource::{ContactPoint, Resource};
use pli_directory::fhir::{Carrier, FhirFault, Held, Order, read_written};
use pli_types::MailAddress;

use super::{Annuaire, Trouble};

/// A carrier, as it stands in the directory.
#[derive(Debug)]
pub(super) struct Seen {
    /// The server's number of it, where it cannot be found without.
    pub(super) id: Option<String>,
    telecom: Vec<ContactPoint>,
}

impl Annuaire {
    /// A carrier with its mailboxes. There is exactly one of its number, or it is [`FhirFault::NoCarrier`] or
    /// [`FhirFault::Several`].
    pub(super) async fn see(&self, carrier: &Carrier) -> Result<Seen, Trouble> {
        let Carrier::Role(rpps, structure) = carrier else {
            let found = self.search(question::mailboxes_at(&self.base, carrier)).await?;
            return Ok(Seen { id: None, telecom: the_one(found, carrier)?.1 });
        };
        let (person, place) = (Carrier::Person(rpps.clone()), Carrier::Organisation(structure.clone()));
        let (person_id, _) = the_one(self.search(question::mailboxes_at(&self.base, &person)).await?, &person)?;
        let (place_id, _) = the_one(self.search(question::mailboxes_at(&self.base, &place)).await?, &place)?;
        let found = self.search(question::place_of_work(&self.base, &person_id, &place_id)).await?;
        let (id, telecom) = the_one(found, carrier)?;
        Ok(Seen { id: Some(id), telecom })
    }

    /// Has this done.
    pub(super) async fn give(&self, order: &Order, id: Option<&str>) -> Result<(), Trouble> {
        let answer = self.call(&order.request(&self.base, id)).await?;
        read_written(&answer).map(drop).map_err(Trouble::from)
    }
}

impl Seen {
    /// A mailbox, if it is among the carrier's.
    pub(super) fn held(&self, at: &Carrier, address: &MailAddress) -> Option<Held> {
        let is_it = |point: &&ContactPoint| {
            let there = point.value.as_deref().and_then(|text| MailAddress::parse(text).ok());
            there.is_some_and(|there| there.key() == address.key())
        };
        self.telecom.iter().find(is_it).map(|telecom| Held { at: at.clone(), telecom: telecom.clone() })
    }
}

/// The server's number and the `telecom` of the one resource of the carrier's type.
fn the_one(found: Vec<Resource>, carrier: &Carrier) -> Result<(String, Vec<ContactPoint>), FhirFault> {
    let of_type = found.into_iter().filter_map(|resource| match (resource, carrier) {
        (Resource::Practitioner(person), Carrier::Person(_)) => Some((person.id, person.telecom)),
        (Resource::PractitionerRole(role), Carrier::Role(..)) => Some((role.id, role.telecom)),
        (Resource::Organization(structure), Carrier::Organisation(_)) => Some((structure.id, structure.telecom)),
        _ => None,
    });
    let mut of_type = of_type.fuse();
    match (of_type.next(), of_type.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(FhirFault::NoCarrier { status: 200, issue: None }),
        (Some(_), Some(_)) => Err(FhirFault::Several),
    }
}
