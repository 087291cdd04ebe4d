//! [`Carrier`]: the resource that a mailbox hangs on.

use pli_types::{RppsId, StructureId};
use serde::{Deserialize, Serialize};

use super::word;

/// Which resource of the directory has a mailbox among its `telecom` (spec §1.3). Kept as text `kind|number`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Carrier {
    /// The professional himself: `Practitioner`.
    Person(RppsId),
    /// The professional where he works: `PractitionerRole`. It has a number of its own, which only the directory knows,
    /// so it is found by whom and where.
    Role(RppsId, StructureId),
    /// The structure: `Organization`.
    Organisation(StructureId),
}

/// A structure's number as a search finds it by: `system|value`. FINESS has a system of its own (spec §4.3); others go by
/// the national id.
pub(super) fn structure_token(structure: &StructureId) -> String {
    match structure {
        StructureId::Finess(number) => format!("{}|{number}", word::FINESS),
        StructureId::Siret(_) => format!("{}|{}", word::STRUCTURE, structure.national()),
    }
}

/// A professional's national id (`idNat_PS`, spec §7.4) as a search finds it by.
pub(super) fn person_token(rpps: &RppsId) -> String {
    format!("{}|8{rpps}", word::PERSON)
}

impl Carrier {
    /// The resource's type.
    #[must_use]
    pub fn resource(&self) -> &'static str {
        match self {
            Self::Person(_) => "Practitioner",
            Self::Role(..) => "PractitionerRole",
            Self::Organisation(_) => "Organization",
        }
    }

    /// The parameters by which a search finds it and nothing else: name and value, as they are before encoding.
    pub(super) fn criteria(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Person(rpps) => vec![("identifier", person_token(rpps))],
            // Chained, as R4 §3.1.1.5.6 has it.
            Self::Role(rpps, structure) => {
                vec![
                    ("practitioner.identifier", person_token(rpps)),
                    ("organization.identifier", structure_token(structure)),
                ]
            }
            Self::Organisation(structure) => vec![("identifier", structure_token(structure))],
        }
    }
}

impl From<Carrier> for String {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Person(rpps) => format!("person|{rpps}"),
            Carrier::Role(rpps, structure) => format!("role|{rpps}|{}", structure.as_str()),
            Carrier::Organisation(structure) => format!("structure|{}", structure.as_str()),
        }
    }
}

impl TryFrom<String> for Carrier {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts: Vec<&str> = text.split('|').collect();
        let carrier = match parts.as_slice() {
            ["person", rpps] => RppsId::parse(rpps).ok().map(Self::Person),
            ["role", rpps, structure] => {
                RppsId::parse(rpps).ok().zip(StructureId::parse(structure).ok()).map(|(rpps, at)| Self::Role(rpps, at))
            }
            ["structure", structure] => StructureId::parse(structure).ok().map(Self::Organisation),
            _ => None,
        };
        carrier.ok_or("no carrier of mailboxes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_is_found_by_its_national_number_and_comes_back_from_its_text() {
        let rpps = RppsId::parse("10103441234").unwrap();
        let finess = StructureId::parse("2a0000014").unwrap();
        let siret = StructureId::parse("18751275100012").unwrap();
        for (carrier, criteria) in [
            (Carrier::Person(rpps.clone()), "identifier=urn:oid:1.2.250.1.71.4.2.1|810103441234"),
            (Carrier::Organisation(finess.clone()), "identifier=https://finess.esante.gouv.fr|2A0000014"),
            (Carrier::Organisation(siret), "identifier=urn:oid:1.2.250.1.71.4.2.2|318751275100012"),
            (
                Carrier::Role(rpps, finess),
                "practitioner.identifier=urn:oid:1.2.250.1.71.4.2.1|810103441234\
                 &organization.identifier=https://finess.esante.gouv.fr|2A0000014",
            ),
        ] {
            let shown: Vec<String> = carrier.criteria().iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(shown.join("&"), criteria);
            assert_eq!(Carrier::try_from(String::from(carrier.clone())).unwrap(), carrier);
        }
        for bad in ["", "person|1", "structure|12", "role|10103441234", "person|10103441234|x"] {
            assert!(Carrier::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
