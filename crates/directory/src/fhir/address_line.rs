//! Where a structure is: FHIR's address, in the extraction's columns.

use super::resource::{Address, Extension};
use crate::extraction::Column;

const PART: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-";

/// The columns that an address fills.
pub(super) fn columns(address: &Address) -> Vec<(Column, String)> {
    let parts: Vec<&Extension> = address.line_parts.iter().flatten().flat_map(|line| &line.extension).collect();
    let part = |name: &str| {
        let found = parts.iter().find(|part| part.url.strip_prefix(PART) == Some(name));
        found.and_then(|part| part.text()).unwrap_or_default().to_owned()
    };
    let mut street = part("streetNameBase");
    if street.is_empty() {
        // Servers that do not take lines apart: better the whole line than none.
        street = address.line.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    }
    let town = format!("{} {}", address.postal_code, address.city);
    vec![
        (Column::AddressLine2, part("additionalLocator")),
        (Column::StreetNumber, part("houseNumber")),
        (Column::StreetNumberSuffix, part("buildingNumberSuffix")),
        (Column::StreetType, part("streetNameType")),
        (Column::Street, street),
        (Column::Town, town.trim().to_owned()),
        (Column::PostalCode, address.postal_code.clone()),
        (Column::Country, address.country.clone()),
    ]
}
