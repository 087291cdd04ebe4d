//! From DER to what the rest of Pli knows of a certificate; whatever the bytes.

use pli_net::peer::presented;
use pli_types::DistinguishedName;
use proptest::prelude::*;
use rcgen::string::{BmpString, TeletexString};
use rcgen::{DnType, DnValue, SerialNumber};
use rustls_pki_types::CertificateDer;

use crate::support::trust::{Leaf, Trust};

#[test]
fn the_subject_is_the_one_that_the_trust_list_writes() {
    let issued = Trust::new().operator().presented();
    let listed = "CN=smtp.operator.example,OU=318751275100020,O=Opérateur d'essai,ST=Bouches-du-Rhône (13),C=FR";
    assert_eq!(issued.subject, DistinguishedName::parse(listed).unwrap());
    assert_eq!(issued.subject.to_string(), listed, "and shown in the same order");
    assert_eq!(issued.issuer.value("CN"), Some("AC ORGANISATIONS"));
    assert_eq!(issued.serial, "8001", "without the zero byte that DER puts before");
    assert_eq!(issued.not_before.to_string(), "2030-01-01T00:00:00Z");
    assert_eq!(issued.not_after.to_string(), "2031-01-01T00:00:00Z");
    assert_eq!(issued.chain.len(), 1);
}

#[test]
fn old_string_types_are_the_same_name() {
    let mut leaf = Leaf::new("mx.example");
    let name = &mut leaf.params.distinguished_name;
    name.push(DnType::OrganizationName, DnValue::BmpString(BmpString::try_from("Hôpital d'Ajaccio").unwrap()));
    name.push(DnType::LocalityName, DnValue::TeletexString(TeletexString::try_from("Ajaccio").unwrap()));
    let subject = leaf.self_signed().presented().subject;
    assert_eq!(subject.value("O"), Some("Hôpital d'Ajaccio"));
    assert_eq!(subject.value("L"), Some("Ajaccio"));
}

#[test]
fn a_certificate_without_subject_is_still_a_certificate() {
    let mut leaf = Leaf::new("mx.example");
    leaf.params.distinguished_name = rcgen::DistinguishedName::new();
    assert_eq!(leaf.self_signed().presented().subject.value("CN"), Some(""));
}

#[test]
fn a_certificate_without_end_has_the_last_instant_there_is() {
    let leaf = Leaf::new("mx.example").dated((1969, 1, 1), (9999, 12, 31));
    let presented = leaf.self_signed().presented();
    assert!(presented.not_before.as_second() < 0);
    assert_eq!(presented.not_after, jiff::Timestamp::MAX);
}

#[test]
fn a_long_serial_keeps_all_its_digits() {
    let mut leaf = Leaf::new("mx.example");
    leaf.params.serial_number = Some(SerialNumber::from_slice(&[0x7f, 0, 0x0a, 0xff, 1, 2, 3, 4, 5, 6]));
    assert_eq!(leaf.self_signed().presented().serial, "7f000aff010203040506");
}

#[test]
fn nothing_presented_is_nothing() {
    assert!(presented(&[]).is_none());
    assert!(presented(&[CertificateDer::from(Vec::new())]).is_none());
}

#[test]
fn bytes_behind_a_certificate_make_it_unreadable() {
    let mut bytes = Leaf::new("mx.example").self_signed().chain[0].to_vec();
    bytes.push(0);
    assert!(presented(&[CertificateDer::from(bytes)]).is_none());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(presented(&[CertificateDer::from(bytes)]).is_none());
    }

    #[test]
    fn a_certificate_with_flipped_bytes_never_panics(flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        thread_local! {
            static GOOD: (Trust, Vec<u8>) = {
                let trust = Trust::new();
                let leaf = trust.operator().chain[0].to_vec();
                (trust, leaf)
            };
        }
        GOOD.with(|(trust, good)| {
            let mut bytes = good.clone();
            for (position, value) in flips {
                let position = position % bytes.len();
                bytes[position] = value;
            }
            if let Some(presented) = presented(&[CertificateDer::from(bytes.clone())]) {
                let now = crate::support::trust::now();
                let judged = trust.pki().judge(&presented, pli_types::CertificateUse::Client, now);
                assert!(judged.is_err() || bytes == *good, "a changed certificate is believed");
            }
        });
    }
}
