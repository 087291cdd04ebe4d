//! [`Column`]: the 31 columns, in their order.

macro_rules! columns {
    ($($column:ident $member:literal $heading:literal,)*) => {
        /// A column of the extraction (spec §7.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Column {
            $(#[doc = $heading] $column,)*
        }

        impl Column {
            /// All, in the order of the file.
            pub const ALL: &'static [Self] = &[$(Self::$column,)*];

            /// [`Column::member`] of all.
            pub const MEMBERS: &'static [&'static str] = &[$($member,)*];

            /// What programs read it under. Stable.
            #[must_use]
            pub fn member(self) -> &'static str {
                match self { $(Self::$column => $member,)* }
            }

            /// What stands above it in the file.
            #[must_use]
            pub fn heading(self) -> &'static str {
                match self { $(Self::$column => $heading,)* }
            }
        }
    };
}

columns! {
    Type "type" "Type de BAL",
    Address "address" "Adresse BAL",
    PersonIdType "person_id_type" "Type Identifiant PP",
    PersonId "person_id" "Identifiant PP",
    PersonNationalId "person_national_id" "Identification nationale PP",
    StructureIdType "structure_id_type" "Type identifiant structure",
    StructureId "structure_id" "Identification Structure",
    Service "service" "Service de rattachement",
    Title "title" "Civilité d'exercice",
    FamilyName "family_name" "Nom d'exercice",
    GivenName "given_name" "Prénom d'exercice",
    CategoryCode "category_code" "Catégorie profession",
    Category "category" "Libellé de catégorie profession",
    ProfessionCode "profession_code" "Code Profession",
    Profession "profession" "Libellé Profession",
    SpecialityCode "speciality_code" "Code savoir-faire",
    Speciality "speciality" "Libellé savoir-faire",
    Digitisation "digitisation" "Dématérialisation",
    Structure "structure" "Raison Sociale structure BAL",
    Sign "sign" "Enseigne commerciale structure BAL",
    AddressLine2 "address_line_2" "L2COMPLEMENTLOCALISATION",
    AddressLine3 "address_line_3" "L3COMPLEMENTDISTRIBUTION",
    StreetNumber "street_number" "L4NUMEROVOIE",
    StreetNumberSuffix "street_number_suffix" "L4COMPLEMENTNUMEROVOIE",
    StreetType "street_type" "NL4TYPEVOIE",
    Street "street" "L4LIBELLEVOIE",
    Locality "locality" "L5LIEUDITMENTION",
    Town "town" "L6LIGNEACHEMINEMENT",
    PostalCode "postal_code" "Code postal",
    Department "department" "Département",
    Country "country" "Pays",
}

impl Column {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its place in a line, from 0.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_thirty_one_and_no_two_share_a_name() {
        assert_eq!(Column::COUNT, 31);
        assert_eq!(Column::ALL.iter().map(|column| column.member()).collect::<BTreeSet<_>>().len(), 31);
        assert!(Column::ALL.iter().enumerate().all(|(place, column)| column.index() == place));
    }
}
