//! What a search finds, in the extraction's form.

use pli_directory::extraction::{Column, MailboxType};
use pli_directory::fhir::{Found, mailboxes_of, read_page};

const ASKED: &str = "https://annuaire.example/fhir/v2/Practitioner?identifier=x";

fn found(answer: &str) -> Vec<Found> {
    mailboxes_of(&read_page(ASKED, answer.as_bytes()).unwrap().resources)
}

fn shown(found: &Found, columns: &[Column]) -> Vec<String> {
    let entry = found.entry().unwrap();
    columns.iter().map(|column| entry.get(*column).to_owned()).collect()
}

#[test]
fn a_professional_and_his_places_of_work_are_lines_of_the_extraction() {
    let found = found(include_str!("answers/holder.json"));
    let columns = [
        Column::Type,
        Column::Address,
        Column::PersonIdType,
        Column::PersonId,
        Column::PersonNationalId,
        Column::FamilyName,
        Column::GivenName,
        Column::ProfessionCode,
        Column::Speciality,
        Column::Digitisation,
    ];
    assert_eq!(
        found.iter().map(|one| shown(one, &columns).join(";")).collect::<Vec<_>>(),
        [
            "PER;Jeanne.Darc@medecin.mssante.fr;8;10103441234;810103441234;DARC;JEANNE MARIE;10;\
             Qualifié en médecine générale (SM);O",
            "PER;jeanne.darc@chu-example.mssante.fr;8;10103441234;810103441234;DARC;JEANNE MARIE;10;\
             Qualifié en médecine générale (SM);",
        ]
    );
}

/// Scenario 46.
#[test]
fn a_mailbox_on_the_red_list_and_an_address_of_another_kind_are_not_found() {
    let found = found(include_str!("answers/holder.json"));
    for hidden in ["secret", "courrier.example", "0102030405"] {
        assert!(found.iter().all(|one| !one.line().contains(hidden)), "{hidden}");
    }
}

#[test]
fn a_structure_is_found_with_its_place_and_no_name_makes_a_column_more() {
    let answer = include_str!("answers/structure.json");
    let found = found(answer);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(one.entry().unwrap().kind(), MailboxType::Org);
    let columns = [
        Column::Structure,
        Column::Sign,
        Column::StructureIdType,
        Column::StructureId,
        Column::Service,
        Column::StreetNumber,
        Column::StreetType,
        Column::Street,
        Column::Town,
        Column::PostalCode,
        Column::Country,
    ];
    assert_eq!(
        shown(one, &columns).join(";"),
        "CENTRE   HOSPITALIER EXEMPLE;CH EXEMPLE;1;750048886;Cardiologie;96;R;DIDOT;75014 PARIS;75014;France"
    );
    let next = read_page(ASKED, answer.as_bytes()).unwrap().next.unwrap();
    assert_eq!(next, "https://annuaire.example/fhir/v2?_getpages=2d1f&_getpagesoffset=50&_count=50");
}
