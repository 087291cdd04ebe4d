//! The patches, byte for byte as recorded in `orders/`: a request a line.

use pli_directory::extraction::MailboxType;
use pli_directory::fhir::resource::{Practitioner, Resource};
use pli_directory::fhir::{Carrier, Held, Listing, Wanted, plan, read_page};
use pli_types::{MailAddress, RppsId, StructureId};

const BASE: &str = "https://annuaire.example/fhir/v2";

fn rpps() -> RppsId {
    RppsId::parse("10103441234").unwrap()
}

fn structure(number: &str) -> StructureId {
    StructureId::parse(number).unwrap()
}

fn listing(kind: MailboxType, address: &str) -> Listing {
    Listing {
        address: MailAddress::parse(address).unwrap(),
        kind,
        unlisted: false,
        description: None,
        service: None,
        responsible: None,
        digitisation: false,
        rank: None,
    }
}

fn person() -> Wanted {
    Wanted { at: Carrier::Person(rpps()), listing: listing(MailboxType::Per, "jeanne.d'arc@medecin.mssante.fr") }
}

fn team() -> Wanted {
    let listing = Listing {
        description: Some("Secrétariat".to_owned()),
        service: Some("Cardiologie".to_owned()),
        responsible: Some("Dr Martin".to_owned()),
        ..listing(MailboxType::Org, "cardiologie@chu-example.mssante.fr")
    };
    Wanted { at: Carrier::Organisation(structure("750048886")), listing }
}

/// As the directory has it once told.
fn held(wanted: &Wanted) -> Held {
    wanted.as_held(None)
}

fn requests(held: Option<&Held>, wanted: Option<&Wanted>) -> String {
    let lines = plan(held, wanted).into_iter().map(|order| order.request(BASE, None));
    lines.map(|request| serde_json::to_string(&request).unwrap() + "\n").collect()
}

/// What makes the directory hold `wanted`, compared with the recorded requests; then there is nothing left to do.
fn check(name: &str, held: Option<&Held>, wanted: Option<&Wanted>) {
    let path = format!("{}/tests/fhir/orders/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let recorded = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(requests(held, wanted), recorded, "{name}");
    let after = wanted.filter(|wanted| !wanted.listing.unlisted).map(|wanted| wanted.as_held(held));
    assert_eq!(plan(after.as_ref(), wanted), [], "{name}: the second time, nothing is to be done");
}

#[test]
fn a_mailbox_is_inserted_at_its_carrier() {
    check("insert-per", None, Some(&person()));
    check("insert-org", None, Some(&team()));
    let machine = Wanted {
        at: Carrier::Organisation(structure("18751275100012")),
        listing: Listing {
            digitisation: true,
            rank: Some(2),
            ..listing(MailboxType::App, "dpi@chu-example.mssante.fr")
        },
    };
    check("insert-app-of-a-siret", None, Some(&machine));
    let practice = Wanted {
        at: Carrier::Person(rpps()),
        // A practice has neither service nor responsible person (spec §1.3).
        listing: Listing {
            kind: MailboxType::Cab,
            address: MailAddress::parse("cabinet@cabinet.mssante.fr").unwrap(),
            ..team().listing
        },
    };
    check("insert-cab", None, Some(&practice));
    let at_work = Wanted { at: Carrier::Role(rpps(), structure("750048886")), ..person() };
    check("insert-per-at-work", None, Some(&at_work));
    let known = plan(None, Some(&at_work))[0].request(BASE, Some("005-2000"));
    assert_eq!(known.url, "https://annuaire.example/fhir/v2/PractitionerRole/005-2000");
}

#[test]
fn what_is_changed_is_replaced_part_by_part() {
    let mut changed = team();
    changed.listing.description = Some("Secrétariat de l'unité".to_owned());
    check("replace-description", Some(&held(&team())), Some(&changed));
    changed.listing.service = Some("Rythmologie".to_owned());
    changed.listing.responsible = None;
    check("replace-service-and-responsible", Some(&held(&team())), Some(&changed));
    let mut preferred = team();
    preferred.listing.rank = Some(1);
    let mut second = preferred.clone();
    second.listing.rank = Some(2);
    check("replace-rank", Some(&held(&preferred)), Some(&second));
    check("delete-rank", Some(&held(&preferred)), Some(&team()));
}

#[test]
fn what_is_said_for_the_first_time_replaces_the_entry_and_keeps_what_others_said() {
    let mut theirs = held(&Wanted { listing: Listing { description: None, ..team().listing }, ..team() });
    let phone = serde_json::json!({"url": "phone", "valueString": "0102030405"});
    theirs.telecom.extension[1].extension.push(serde_json::from_value(phone).unwrap());
    theirs.telecom.value = Some("Cardiologie@chu-example.mssante.fr".to_owned());
    check("first-description", Some(&theirs), Some(&team()));
    let requests = requests(Some(&theirs), Some(&team()));
    assert!(requests.contains("0102030405") && !requests.contains("cardiologie@"), "{requests}");
}

#[test]
fn a_mailbox_that_is_no_longer_published_is_deleted() {
    check("delete-per", Some(&held(&person())), None);
}

/// Scenario 46: whatever was there before, and whatever it is called.
#[test]
fn a_mailbox_on_the_red_list_is_never_published_and_is_taken_out() {
    let mut unlisted = team();
    unlisted.listing.unlisted = true;
    assert_eq!(requests(None, Some(&unlisted)), "");
    check("delete-unlisted", Some(&held(&team())), Some(&unlisted));
    let mut flagged = held(&team());
    let yes = serde_json::json!({"url": "listeRouge", "valueBoolean": true});
    let parts = &mut flagged.telecom.extension[1].extension;
    *parts.iter_mut().find(|part| part.url == "listeRouge").unwrap() = serde_json::from_value(yes).unwrap();
    check("replace-liste-rouge", Some(&flagged), Some(&team()));
}

#[test]
fn address_type_and_carrier_never_change_but_are_deleted_and_inserted() {
    let mut renamed = team();
    renamed.listing.address = MailAddress::parse("cardio@chu-example.mssante.fr").unwrap();
    check("another-address", Some(&held(&team())), Some(&renamed));
    let mut machine = team();
    machine.listing.kind = MailboxType::App;
    check("another-type", Some(&held(&team())), Some(&machine));
    let moved = Wanted { at: Carrier::Organisation(structure("750000002")), ..team() };
    check("another-structure", Some(&held(&team())), Some(&moved));
}

#[test]
fn what_the_directory_shows_in_full_is_left_alone() {
    let page = read_page(BASE, include_bytes!("answers/holder.json")).unwrap();
    let Some(Resource::Practitioner(Practitioner { telecom, .. })) = page.resources.into_iter().next() else {
        panic!("a professional")
    };
    let theirs = Held { at: Carrier::Person(rpps()), telecom: telecom[1].clone() };
    let mut ours = Wanted {
        at: Carrier::Person(rpps()),
        listing: Listing { digitisation: true, ..listing(MailboxType::Per, "jeanne.darc@medecin.mssante.fr") },
    };
    assert_eq!(plan(Some(&theirs), Some(&ours)), []);
    ours.listing.digitisation = false;
    check("replace-digitisation", Some(&theirs), Some(&ours));
}

/// The directory shows who is responsible to few.
#[test]
fn what_may_not_be_seen_is_not_taken_for_missing() {
    let mut seen = held(&team());
    seen.telecom.extension[1].extension.retain(|part| part.url != "responsible");
    assert_eq!(plan(Some(&seen), Some(&team())).len(), 1);
    assert_eq!(plan(Some(&seen.with_unseen(Some(&held(&team())))), Some(&team())), []);
}
