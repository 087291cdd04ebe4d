//! What the test CA makes, seen by OpenSSL and by an X.509 parser that is not the one that wrote it.

use std::process::Command;

use super::*;
use crate::crl::{Lists, Revoked};

fn now() -> Timestamp {
    "2026-03-14T09:00:00Z".parse().unwrap()
}

fn subject() -> Subject {
    Subject {
        common_name: "mss.pro.test".into(),
        structure: "1990000017".into(),
        organisation: "L'OPERATEUR, DU BAC A SABLE".into(),
        department: "Bouches-du-Rhône (13)".into(),
    }
}

#[test]
fn a_server_certificate_has_the_shape_of_the_trust_list() {
    let pki = TestPki::generate(now()).unwrap();
    let issued = pki.issue(&Leaf::now(&subject(), Purpose::Server, now())).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(issued.chain_pem.as_bytes()).unwrap();
    let leaf = pem.parse_x509().unwrap();

    let shown = DistinguishedName::from_attributes(
        leaf.subject()
            .iter_attributes()
            .map(|attribute| (attribute.attr_type().to_id_string(), attribute.as_str().unwrap().to_owned())),
    );
    assert_eq!(shown.unwrap(), DistinguishedName::parse(&subject().text()).unwrap());

    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth);
    let names = format!("{:?}", leaf.subject_alternative_name().unwrap().unwrap().value.general_names);
    for name in ["mss.pro.test", "localhost", "[127, 0, 0, 1]"] {
        assert!(names.contains(name), "{name} is not among {names}");
    }
    let key = leaf.public_key().parsed().unwrap();
    assert!(matches!(key, x509_parser::public_key::PublicKey::RSA(_)), "the closed list of suites wants RSA");
}

#[test]
fn a_program_has_no_server_certificate() {
    let pki = TestPki::generate(now()).unwrap();
    let issued = pki.issue(&Leaf::now(&subject(), Purpose::Client, now())).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(issued.chain_pem.as_bytes()).unwrap();
    let leaf = pem.parse_x509().unwrap();
    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert!(leaf.subject_alternative_name().unwrap().is_none());
}

/// Where a PEM certificate says that its signer's list is.
fn points_in(pem: &str) -> Vec<String> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    points(&pem.parse_x509().unwrap())
}

#[test]
fn every_certificate_says_where_the_list_of_its_signer_is() {
    const URL: &str = "http://127.0.0.1:10240/crl";
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::generate_with_lists_at(URL, now()).unwrap();
    pki.write(dir.path()).unwrap();
    assert_eq!(points_in(&pki.root.pem), [] as [&str; 0], "nobody takes the anchor back");
    assert_eq!(points_in(&pki.organisations.pem), [format!("{URL}/root.crl")]);
    assert_eq!(points_in(&pki.people.pem), [format!("{URL}/root.crl")]);
    // A later start signs as the first one did.
    for pki in [pki, TestPki::load(dir.path()).unwrap()] {
        let subject = subject();
        let leaf = Leaf::now(&subject, Purpose::Server, now());
        let of = |leaf: &Leaf<'_>| points_in(&pki.issue(leaf).unwrap().chain_pem);
        assert_eq!(of(&leaf), [format!("{URL}/organisations.crl")]);
        assert_eq!(of(&Leaf { branch: Branch::People, ..leaf }), [format!("{URL}/personnes.crl")]);
        for leaf in [Leaf { names_list: false, ..leaf }, Leaf { branch: Branch::Stranger, ..leaf }] {
            assert_eq!(of(&leaf), [] as [&str; 0]);
        }
    }
}

#[test]
fn without_an_address_of_the_lists_no_certificate_names_one() {
    let dir = tempfile::tempdir().unwrap();
    TestPki::generate(now()).unwrap().write(dir.path()).unwrap();
    let pki = TestPki::load(dir.path()).unwrap();
    assert_eq!(
        points_in(&pki.issue(&Leaf::now(&subject(), Purpose::Server, now())).unwrap().chain_pem),
        [] as [&str; 0]
    );
}

#[test]
fn revocations_outlive_a_new_signature_and_a_reload() {
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::generate(now()).unwrap();
    pki.write(dir.path()).unwrap();
    let revoked = Revoked { issuer: pki.organisations.name_der().unwrap(), serial: vec![0x51, 2, 3], since: now() };
    let first = Lists::parse(&pki.revocation_lists(std::slice::from_ref(&revoked), now()).unwrap()).unwrap();
    assert_eq!(first.revoked, [revoked]);
    assert!(!first.need_renewal(now()));
    assert!(first.need_renewal(later(now(), SignedDuration::from_hours(400 * 24))));

    let reloaded = TestPki::load(dir.path()).unwrap();
    let again = Lists::parse(&reloaded.revocation_lists(&first.revoked, now()).unwrap()).unwrap();
    assert_eq!(again, first);
}

/// Runs `openssl verify` with the sandbox's own files.
fn openssl_verify(dir: &Path, leaf: &str, at: Timestamp) -> String {
    let output = Command::new("openssl")
        .current_dir(dir)
        .args(["verify", "-x509_strict", "-crl_check_all", "-CRLfile", "crl.pem", "-CAfile", "root.pem"])
        .args(["-attime", &at.as_second().to_string(), "-untrusted", leaf, leaf])
        .output()
        .expect("openssl is missing");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
#[ignore = "needs openssl"]
fn openssl_believes_the_good_and_names_the_fault_of_the_bad() {
    let dir = tempfile::tempdir().unwrap();
    let pki = TestPki::generate(now()).unwrap();
    pki.write(dir.path()).unwrap();
    let write = |name: &str, leaf: &Leaf<'_>| {
        let issued = pki.issue(leaf).unwrap();
        issued.write(&dir.path().join(format!("{name}.crt")), &dir.path().join(format!("{name}.priv"))).unwrap();
        issued
    };
    let subject = subject();
    let good = Leaf::now(&subject, Purpose::Server, now());
    write("good", &good);
    let past =
        Leaf { not_after: later(now(), SignedDuration::from_hours(-1)), ..Leaf::now(&subject, Purpose::Server, now()) };
    write("expired", &past);
    let revoked = write("revoked", &good);
    write("person", &Leaf { branch: Branch::People, ..Leaf::now(&subject, Purpose::Server, now()) });
    write("self", &Leaf { branch: Branch::None, ..Leaf::now(&subject, Purpose::Server, now()) });
    let entry = Revoked { issuer: pki.organisations.name_der().unwrap(), serial: revoked.serial, since: now() };
    files::write(&dir.path().join("crl.pem"), pki.revocation_lists(&[entry], now()).unwrap()).unwrap();

    for (name, expected) in [
        ("good", "good.crt: OK"),
        ("person", "person.crt: OK"),
        ("expired", "certificate has expired"),
        ("revoked", "certificate revoked"),
        ("self", "self-signed"),
    ] {
        let text = openssl_verify(dir.path(), &format!("{name}.crt"), now());
        assert!(text.replace("self signed", "self-signed").contains(expected), "{name}: {text}");
    }
}
