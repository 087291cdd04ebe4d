//! Addresses to ask at: a search is one request, and its further pages are named by the answers.

use std::collections::BTreeMap;

use pli_types::{MailAddress, RppsId, StructureId};

use super::order::MEDIA_TYPE;
use super::{Carrier, Request};

/// How many are asked for at a time: what the directory gives by itself (spec §7.2).
pub const PAGE_SIZE: usize = 50;
/// Pages of one search that are fetched. Who needs more should take the extraction.
pub const PAGES_MAX: usize = 20;

/// The resources that carry mailboxes. The directory answers for one at a time (spec §4.3, state).
pub const CARRIERS: [&str; 3] = ["Practitioner", "PractitionerRole", "Organization"];

/// Resources of this type with a mailbox that has this address, or with this text in its address.
#[must_use]
pub fn by_mailbox(base: &str, resource: &str, text: &str) -> Request {
    let whole = MailAddress::parse(text).is_ok();
    let name = if whole { "mailbox-mss:exact" } else { "mailbox-mss:contains" };
    get(base, resource, &[(name, escaped(text))])
}

/// A professional, and his places of work.
#[must_use]
pub fn by_holder(base: &str, rpps: &RppsId) -> Request {
    let identifier = ("identifier", super::carrier::person_token(rpps));
    get(base, "Practitioner", &[identifier, ("_revinclude", "PractitionerRole:practitioner".to_owned())])
}

/// A structure.
#[must_use]
pub fn by_structure(base: &str, structure: &StructureId) -> Request {
    get(base, "Organization", &[("identifier", super::carrier::structure_token(structure))])
}

/// The resource that carries mailboxes, its mailboxes only. A place of work is found by the server's own numbers of who
/// and where ([`place_of_work`]).
#[must_use]
pub fn mailboxes_at(base: &str, carrier: &Carrier) -> Request {
    let mut criteria = carrier.criteria();
    criteria.push(("_elements", "identifier,telecom".to_owned()));
    get(base, carrier.resource(), &criteria)
}

/// A professional's place of work, by the numbers that the server gave both.
#[must_use]
pub fn place_of_work(base: &str, practitioner: &str, organization: &str) -> Request {
    let criteria = [
        ("practitioner", practitioner.to_owned()),
        ("organization", organization.to_owned()),
        ("active", "true".to_owned()),
    ];
    get(base, "PractitionerRole", &criteria)
}

/// A page that an answer named.
#[must_use]
pub fn page(url: String) -> Request {
    Request { method: "GET", url, headers: BTreeMap::from([("Accept", MEDIA_TYPE)]), body: None }
}

fn get(base: &str, resource: &str, criteria: &[(&str, String)]) -> Request {
    let mut criteria: Vec<(&str, String)> = criteria.to_vec();
    criteria.push(("_count", PAGE_SIZE.to_string()));
    page(address_of(base, resource, &criteria))
}

pub(super) fn address_of(base: &str, resource: &str, criteria: &[(&str, String)]) -> String {
    let query: Vec<String> =
        criteria.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    format!("{base}/{resource}?{}", query.join("&"))
}

/// What separates the values of a search is not a value (R4 §3.1.1.4.0.1).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | ',' | '|' | '$') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Percent-encoded for a query, but for what may stand there (RFC 3986 §3.4) and makes it readable.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default().to_ascii_uppercase();
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://annuaire.example/fhir/v2";

    #[test]
    fn a_question_says_what_it_means_and_nothing_more() {
        let rpps = RppsId::parse("10103441234").unwrap();
        let structure = StructureId::parse("123456789").unwrap();
        for (request, address) in [
            (
                by_mailbox(BASE, "Practitioner", "d'arc+x@a.mssante.fr"),
                "Practitioner?mailbox-mss:exact=d%27arc%2Bx%40a.mssante.fr&_count=50",
            ),
            (
                by_mailbox(BASE, "Organization", "a,b|c&_count=9@"),
                "Organization?mailbox-mss:contains=a%5C,b%5C%7Cc%26_count%3D9%40&_count=50",
            ),
            (
                by_holder(BASE, &rpps),
                "Practitioner?identifier=urn:oid:1.2.250.1.71.4.2.1%7C810103441234\
                 &_revinclude=PractitionerRole:practitioner&_count=50",
            ),
            (
                by_structure(BASE, &structure),
                "Organization?identifier=https://finess.esante.gouv.fr%7C123456789&_count=50",
            ),
            (
                mailboxes_at(BASE, &Carrier::Organisation(structure.clone())),
                "Organization?identifier=https://finess.esante.gouv.fr%7C123456789&_elements=identifier,telecom&_count=50",
            ),
            (
                place_of_work(BASE, "003-1", "001&x"),
                "PractitionerRole?practitioner=003-1&organization=001%26x&active=true&_count=50",
            ),
        ] {
            assert_eq!(request.url, format!("{BASE}/{address}"));
            assert_eq!((request.method, request.body), ("GET", None));
        }
    }
}
