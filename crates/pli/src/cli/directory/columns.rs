//! [`Columns`]: what an admin says in a line of ours, an option a column.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Command};
use pli_directory::extraction::Column;

/// The options, by the columns' stable names.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns(pub(super) BTreeMap<String, String>);

/// The options: [`pli_addressbook::ENTRY_COLUMNS`], in the same order.
const OPTIONS: &[(Column, &str, &str)] = &[
    (Column::Title, "title", "Title: DR, PR, MME"),
    (Column::FamilyName, "family-name", "Family name, as used at work"),
    (Column::GivenName, "given-name", "First name, as used at work"),
    (Column::CategoryCode, "category-code", "Code of the professional category: C, M, E"),
    (Column::Category, "category", "Its label: Civil, Militaire, Etudiant"),
    (Column::ProfessionCode, "profession-code", "Code of the profession (TRE_G15): 10, 21, 60"),
    (Column::Profession, "profession", "Its label: Médecin, Pharmacien, Infirmier"),
    (Column::SpecialityCode, "speciality-code", "Code of the savoir-faire: SM04"),
    (Column::Speciality, "speciality", "Its label"),
    (Column::Structure, "structure", "The structure's name"),
    (Column::Sign, "sign", "The sign above its door"),
    (Column::AddressLine2, "address-line-2", "Postal address, line 2: the place within the building"),
    (Column::AddressLine3, "address-line-3", "Line 3: the building, the entrance"),
    (Column::StreetNumber, "street-number", "Line 4: the number in the street"),
    (Column::StreetNumberSuffix, "street-number-suffix", "What follows it: BIS, TER"),
    (Column::StreetType, "street-type", "RUE, AVENUE, PLACE"),
    (Column::Street, "street", "The street's name"),
    (Column::Locality, "locality", "Line 5: the hamlet, the post box"),
    (Column::Town, "town", "Line 6: the town, with its postal code as letters bear it"),
    (Column::PostalCode, "postal-code", "The postal code"),
    (Column::Department, "department", "The department's name"),
    (Column::Country, "country", "The country"),
];

impl clap::FromArgMatches for Columns {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = |(column, _, _): &(Column, &str, &str)| {
            let text: &String = matches.get_one(column.member())?;
            Some((column.member().to_owned(), text.clone()))
        };
        Ok(Self(OPTIONS.iter().filter_map(said).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

impl clap::Args for Columns {
    fn augment_args(command: Command) -> Command {
        let options = OPTIONS.iter().map(|(column, name, help)| {
            Arg::new(column.member()).long(*name).value_name("TEXT").help(*help).help_heading("What the line says")
        });
        command.args(options)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use pli_addressbook::ENTRY_COLUMNS;

    use super::*;

    #[test]
    fn every_column_of_an_entry_has_its_option() {
        let columns: Vec<Column> = OPTIONS.iter().map(|(column, _, _)| *column).collect();
        assert_eq!(columns, ENTRY_COLUMNS);
        assert!(OPTIONS.iter().all(|(column, name, _)| column.member().replace('_', "-") == *name));
    }
}
