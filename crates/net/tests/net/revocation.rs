//! Revocation lists: in force, renewed, missing, old, forged (R-SMTP-8).

use pli_net::{NetError, Pki};
use pli_types::{CertificateFault, CertificateUse};
use rcgen::CertifiedIssuer;

use crate::support::trust::{Issued, Leaf, Trust, authority, key, list, list_dated, list_of_part, now};

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
    let before = pki.generation();

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
        assert_eq!(pki.generation(), before);
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
fn an_older_list_never_un_revokes() {
    let trust = Trust::new();
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[5])]);
    let (pki, revoked) = (trust.pki(), operator(&trust, 5));
    let before = pki.generation();
    let older = list_dated(&trust.organisations, &[], (2030, 6, 13), (2030, 6, 30));
    trust.write_lists(&[list(&trust.root, &[6]), older]);
    for _ in 0..2 {
        let told = pki.refresh().unwrap_err().to_string();
        assert!(told.contains("crl.pem") && told.contains("AC ORGANISATIONS") && told.contains("older"), "{told}");
        assert!(!told.contains("AC RACINE"), "{told}");
        assert_eq!(judged(&pki, &revoked), Err(CertificateFault::Revoked));
        assert_eq!(pki.generation(), before + 1, "the root's list is new, once");
    }

    let same_day = list(&trust.organisations, &[]);
    trust.write_lists(&[list(&trust.root, &[]), same_day]);
    assert!(pki.refresh().unwrap(), "a list of the same instant is taken, whatever its number");
    assert_eq!(judged(&pki, &revoked), Ok(()));
}

#[test]
fn a_file_without_one_authoritys_list_leaves_that_list_in_force() {
    let trust = Trust::new();
    let (root, ours) = (list(&trust.root, &[]), list(&trust.organisations, &[5]));
    trust.write_lists(&[root.clone(), ours.clone()]);
    let (pki, revoked) = (trust.pki(), operator(&trust, 5));
    let other = operator(&trust, 6);
    for (cut, missing) in [(&root, "AC ORGANISATIONS"), (&ours, "AC RACINE")] {
        let before = pki.generation();
        trust.write_lists(std::slice::from_ref(cut));
        for _ in 0..2 {
            let told = pki.refresh().unwrap_err().to_string();
            assert!(told.contains("holds no revocation list of") && told.contains(missing), "{told}");
            assert_eq!(judged(&pki, &revoked), Err(CertificateFault::Revoked));
            assert_eq!(judged(&pki, &other), Ok(()));
            assert_eq!(pki.generation(), before, "the same lists are in force");
        }
    }

    let ended = "2030-06-22T00:00:00Z".parse().unwrap();
    let judged_then = pki.judge(&other.presented(), CertificateUse::Client, ended);
    assert_eq!(judged_then, Err(CertificateFault::RevocationUnknown), "a list is kept until it ends, not longer");

    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[5, 6])]);
    assert!(pki.refresh().unwrap());
    assert_eq!(judged(&pki, &other), Err(CertificateFault::Revoked));
}

#[test]
fn what_is_new_in_a_file_that_lacks_a_list_is_in_force() {
    let trust = Trust::new();
    let (pki, revoked) = (trust.pki(), operator(&trust, 5));
    let before = pki.generation();
    trust.write_lists(&[list(&trust.organisations, &[5])]);
    assert!(pki.refresh().unwrap_err().to_string().contains("AC RACINE"));
    assert_eq!(pki.generation(), before + 1);
    assert_eq!(judged(&pki, &revoked), Err(CertificateFault::Revoked));
}

#[test]
fn a_list_of_one_part_does_not_replace_that_of_another() {
    let trust = Trust::new();
    let part = |number: u8| list_of_part(&trust.organisations, &format!("http://crl.example/{number}"), &[]);
    let (root, one, two) = (list(&trust.root, &[]), part(1), part(2));
    trust.write_lists(&[root.clone(), one.clone(), two.clone()]);
    let pki = trust.pki();
    let before = pki.generation();
    assert!(!pki.refresh().unwrap());
    trust.write_lists(&[root.clone(), two.clone()]);
    let told = pki.refresh().unwrap_err().to_string();
    assert!(told.contains("AC ORGANISATIONS") && told.contains("distribution point"), "{told}");
    trust.write_lists(&[root, one, two]);
    assert!(!pki.refresh().unwrap());
    assert_eq!(pki.generation(), before, "both parts were in force all the time");
}

#[test]
fn a_node_starts_without_lists_believes_nobody_and_is_told() {
    for (content, told) in [
        (None, "no such file"),
        (Some(""), "no revocation list"),
        (Some("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"), "cannot be read"),
    ] {
        let trust = Trust::new();
        match content {
            Some(content) => trust.write_lists(&[content.to_owned()]),
            None => std::fs::remove_file(trust.path("crl.pem")).unwrap(),
        }
        let (pki, issued) = (trust.pki(), trust.operator());
        let fault = pki.refresh().unwrap_err().to_string();
        assert!(fault.contains("crl.pem") && fault.contains(told), "{fault}");
        assert_eq!(judged(&pki, &issued), Err(CertificateFault::RevocationUnknown));

        let before = pki.generation();
        trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[])]);
        assert!(pki.refresh().unwrap());
        assert!(pki.generation() > before);
        assert_eq!(judged(&pki, &issued), Ok(()));
    }
}

#[test]
fn an_authority_renewed_with_its_key_has_one_list_for_both_certificates() {
    let trust = Trust::new();
    let key = rcgen::KeyPair::from_pem(&trust.organisations.key().serialize_pem()).unwrap();
    let renewed = CertifiedIssuer::signed_by(authority("AC ORGANISATIONS"), key, &trust.root).unwrap();
    trust.write("organisations.pem", &(trust.organisations.pem() + &renewed.pem()));
    let pki = trust.pki();
    assert!(!pki.refresh().unwrap(), "neither lacks a list");
    assert_eq!(judged(&pki, &trust.operator()), Ok(()));
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
    let error = Pki::load(&trust.config(), &trust.path("state")).unwrap_err().to_string();
    assert!(error.contains("not signed by the configured anchor"), "{error}");
    assert!(error.contains("organisations.pem"), "{error}");

    let forged = CertifiedIssuer::self_signed(authority("AC RACINE"), key()).unwrap();
    let forged = CertifiedIssuer::signed_by(authority("AC ORGANISATIONS"), key(), &forged).unwrap();
    trust.write("organisations.pem", &forged.pem());
    assert!(Pki::load(&trust.config(), &trust.path("state")).is_err());
}
