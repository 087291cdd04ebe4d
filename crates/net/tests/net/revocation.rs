//! Revocation lists: in force, renewed, missing, old, forged (R-SMTP-8).

use pli_net::{NetError, Pki};
use pli_types::{CertificateFault, CertificateUse};
use rcgen::CertifiedIssuer;

use crate::support::trust::{Issued, Leaf, Trust, authority, key, list, list_dated, now};

fn judged(pki: &Pki, issued: &Issued) -> Result<(), CertificateFault> {
    pki.judge(&issued.presented(), CertificateUse::Client, now())
}

fn operator(trust: &Trust, serial: u64) -> Issued {
    Leaf::new("mx.example").serial(serial).signed_by(&trust.organisations)
}

#[test]
fn a_revocation_takes_effect_without_a_restart() {
    let trust = Trust::new();
    let (pki, revoked, other) = (trust.pki(), operator(&trust, 0xfedc_ba98), operator(&trust, 2));
    assert_eq!(judged(&pki, &revoked), Ok(()));
    assert!(!pki.refresh().unwrap(), "nothing has changed yet");

    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[0xfedc_ba98])]);
    let before = pki.generation();
    assert!(pki.refresh().unwrap());
    assert_eq!(pki.generation(), before + 1);
    assert_eq!(judged(&pki, &revoked), Err(CertificateFault::Revoked));
    assert_eq!(judged(&pki, &other), Ok(()));
    assert!(!pki.refresh().unwrap());
}

#[test]
fn a_clone_sees_the_new_lists() {
    let trust = Trust::new();
    let (pki, issued) = (trust.pki(), operator(&trust, 1));
    let clone = pki.clone();
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[1])]);
    assert!(pki.refresh().unwrap());
    assert_eq!(judged(&clone, &issued), Err(CertificateFault::Revoked));
}

#[test]
fn a_revoked_authority_takes_its_certificates_with_it() {
    let trust = Trust::new();
    let mut params = authority("AC ORGANISATIONS");
    params.serial_number = Some(rcgen::SerialNumber::from(77));
    let organisations = CertifiedIssuer::signed_by(params, key(), &trust.root).unwrap();
    trust.write("organisations.pem", &organisations.pem());
    trust.write_lists(&[list(&trust.root, &[77]), list(&organisations, &[])]);
    let issued = Leaf::new("mx.example").signed_by(&organisations);
    assert_eq!(judged(&trust.pki(), &issued), Err(CertificateFault::Revoked));
}

#[test]
fn without_a_list_of_each_issuer_nobody_is_believed() {
    let trust = Trust::new();
    let issued = trust.operator();
    for lists in
        [vec![list(&trust.root, &[])], vec![list(&trust.organisations, &[])], vec![list(&trust.personnes, &[])]]
    {
        trust.write_lists(&lists);
        assert_eq!(judged(&trust.pki(), &issued), Err(CertificateFault::RevocationUnknown));
    }
}

#[test]
fn a_list_past_its_next_update_says_nothing_any_more() {
    let trust = Trust::new();
    let issued = trust.operator();
    let old = list_dated(&trust.organisations, &[], (2030, 6, 1), (2030, 6, 8));
    trust.write_lists(&[list(&trust.root, &[]), old]);
    assert_eq!(judged(&trust.pki(), &issued), Err(CertificateFault::RevocationUnknown));
}

#[test]
fn of_two_lists_the_newer_is_in_force_wherever_it_stands() {
    let trust = Trust::new();
    let issued = operator(&trust, 1);
    let old = list_dated(&trust.organisations, &[], (2030, 6, 1), (2030, 7, 1));
    let new = list_dated(&trust.organisations, &[1], (2030, 6, 10), (2030, 7, 10));
    for lists in [[&old, &new], [&new, &old]] {
        trust.write_lists(&[list(&trust.root, &[]), lists[0].clone(), lists[1].clone()]);
        assert_eq!(judged(&trust.pki(), &issued), Err(CertificateFault::Revoked));
    }
}

#[test]
fn a_bad_file_leaves_the_lists_in_force_and_is_told_each_time() {
    let trust = Trust::new();
    let forger = CertifiedIssuer::self_signed(authority("AC ORGANISATIONS"), key()).unwrap();
    let whole = list(&trust.organisations, &[]);
    let (pki, revoked) = (Trust::pki, operator(&trust, 5));
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[5])]);
    let pki = pki(&trust);

    for (bad, told) in [
        (String::new(), "no revocation list"),
        ("not PEM at all".to_owned(), "no revocation list"),
        (whole.split_at(whole.len() / 2).0.to_owned(), "not a whole PEM file"),
        ("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".to_owned(), "cannot be read"),
        (list(&trust.root, &[]) + &list(&forger, &[]), "does not bear its signature"),
    ] {
        trust.write_lists(&[bad]);
        for _ in 0..2 {
            let error = pki.refresh().unwrap_err();
            assert!(matches!(&error, NetError::File { path, .. } if *path == trust.path("crl.pem")));
            assert!(error.to_string().contains(told), "{error}");
        }
        assert_eq!(pki.generation(), 0);
        assert_eq!(judged(&pki, &revoked), Err(CertificateFault::Revoked));
        assert_eq!(judged(&pki, &operator(&trust, 6)), Ok(()));
    }

    std::fs::remove_file(trust.path("crl.pem")).unwrap();
    assert!(pki.refresh().unwrap_err().to_string().contains("no such file"));
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[])]);
    assert!(pki.refresh().unwrap());
    assert_eq!(judged(&pki, &revoked), Ok(()));
}

#[test]
fn a_revoked_serial_is_of_its_issuer_only() {
    let trust = Trust::new();
    trust.write_lists(&[list(&trust.root, &[3]), list(&trust.organisations, &[])]);
    assert_eq!(judged(&trust.pki(), &operator(&trust, 3)), Ok(()));
}

#[test]
fn files_that_do_not_fit_each_other_are_told_at_the_start() {
    let trust = Trust::new();
    trust.write("organisations.pem", &CertifiedIssuer::self_signed(authority("X"), key()).unwrap().pem());
    let error = Pki::load(&trust.config()).unwrap_err().to_string();
    assert!(error.contains("not signed by the configured anchor"), "{error}");
    assert!(error.contains("organisations.pem"), "{error}");

    let forged = CertifiedIssuer::self_signed(authority("AC RACINE"), key()).unwrap();
    let forged = CertifiedIssuer::signed_by(authority("AC ORGANISATIONS"), key(), &forged).unwrap();
    trust.write("organisations.pem", &forged.pem());
    assert!(Pki::load(&trust.config()).is_err());
}
