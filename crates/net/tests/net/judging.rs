//! Every reason not to believe a certificate, each by a real one.

use pli_types::{CertificateFault, CertificateUse};
use rcgen::{CertifiedIssuer, ExtendedKeyUsagePurpose, KeyUsagePurpose};

use crate::support::trust::{Issued, Leaf, Trust, authority, key, list, now};

use CertificateUse::{Client, Server};

fn judged(trust: &Trust, issued: &Issued, usage: CertificateUse) -> Result<(), CertificateFault> {
    trust.pki().judge(&issued.presented(), usage, now())
}

fn fault(trust: &Trust, issued: &Issued) -> CertificateFault {
    judged(trust, issued, Client).unwrap_err()
}

#[test]
fn a_good_certificate_is_believed_in_both_uses() {
    let trust = Trust::new();
    let issued = trust.operator();
    assert_eq!(judged(&trust, &issued, Client), Ok(()));
    assert_eq!(judged(&trust, &issued, Server), Ok(()));
}

#[test]
fn an_rsa_certificate_is_believed() {
    let trust = Trust::new();
    assert_eq!(judged(&trust, &Leaf::new("mx.example").rsa().signed_by(&trust.organisations), Client), Ok(()));
}

#[test]
fn the_chain_need_not_be_sent_along() {
    let trust = Trust::new();
    let mut issued = trust.operator();
    issued.chain.truncate(1);
    assert_eq!(judged(&trust, &issued, Client), Ok(()));
}

#[test]
fn a_certificate_without_extended_key_usage_serves_both_uses() {
    let trust = Trust::new();
    let issued = Leaf::new("mx.example").uses(&[]).signed_by(&trust.organisations);
    assert_eq!(judged(&trust, &issued, Client), Ok(()));
    assert_eq!(judged(&trust, &issued, Server), Ok(()));
}

#[test]
fn a_certificate_for_servers_does_not_make_a_client() {
    let trust = Trust::new();
    let issued = Leaf::new("mx.example").uses(&[ExtendedKeyUsagePurpose::ServerAuth]).signed_by(&trust.organisations);
    assert_eq!(judged(&trust, &issued, Server), Ok(()));
    assert_eq!(judged(&trust, &issued, Client), Err(CertificateFault::WrongUse));
}

#[test]
fn a_key_for_seals_on_documents_does_not_make_a_peer() {
    let trust = Trust::new();
    let with_usage = |usage: &[KeyUsagePurpose]| {
        let mut leaf = Leaf::new("mx.example").uses(&[]);
        leaf.params.key_usages = usage.to_vec();
        judged(&trust, &leaf.signed_by(&trust.organisations), Client)
    };
    assert_eq!(with_usage(&[KeyUsagePurpose::ContentCommitment]), Err(CertificateFault::WrongUse));
    assert_eq!(with_usage(&[KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::DigitalSignature]), Ok(()));
    assert_eq!(with_usage(&[]), Ok(()), "a certificate that does not limit its key's usage");
}

#[test]
fn a_certificate_is_valid_from_its_first_to_its_last_second() {
    let trust = Trust::new();
    let issued = Leaf::new("mx.example").dated((2030, 6, 15), (2030, 6, 16)).signed_by(&trust.organisations);
    let pki = trust.pki();
    let judged = |at: &str| pki.judge(&issued.presented(), Client, at.parse().unwrap());
    assert_eq!(judged("2030-06-14T23:59:59Z"), Err(CertificateFault::NotYetValid));
    assert_eq!(judged("2030-06-15T00:00:00Z"), Ok(()));
    assert_eq!(judged("2030-06-16T00:00:00Z"), Ok(()));
    assert_eq!(judged("2030-06-16T00:00:01Z"), Err(CertificateFault::Expired));
}

#[test]
fn a_persons_certificate_is_not_believed_although_the_root_is_the_same() {
    let trust = Trust::new();
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[]), list(&trust.personnes, &[])]);
    assert_eq!(fault(&trust, &Leaf::new("DR MARTIN").signed_by(&trust.personnes)), CertificateFault::Untrusted);
}

#[test]
fn what_the_root_itself_signed_is_not_believed() {
    let trust = Trust::new();
    assert_eq!(fault(&trust, &Leaf::new("mx.example").signed_by(&trust.root)), CertificateFault::Untrusted);
}

#[test]
fn an_authority_is_no_operator() {
    let trust = Trust::new();
    let presented = pli_net::peer::presented(&[trust.organisations.der().clone()]).unwrap();
    assert_eq!(trust.pki().judge(&presented, Client, now()), Err(CertificateFault::Untrusted));
}

#[test]
fn an_operator_is_no_authority() {
    let trust = Trust::new();
    let operator = CertifiedIssuer::signed_by(Leaf::new("mx.example").params, key(), &trust.organisations).unwrap();
    let mut issued = Leaf::new("below.example").signed_by(&operator);
    issued.chain.push(trust.organisations.der().clone());
    assert_eq!(fault(&trust, &issued), CertificateFault::Untrusted);
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_not_believed() {
    let trust = Trust::new();
    let other_root = CertifiedIssuer::self_signed(authority("AC RACINE"), key()).unwrap();
    let other = CertifiedIssuer::signed_by(authority("AC ORGANISATIONS"), key(), &other_root).unwrap();
    assert_eq!(fault(&trust, &Leaf::new("mx.example").signed_by(&other)), CertificateFault::Untrusted);
}

#[test]
fn a_stranger_is_untrusted_whatever_else_is_wrong_with_its_certificate() {
    let trust = Trust::new();
    let good = Leaf::new("mx.example");
    let old = Leaf::new("mx.example").dated((2028, 1, 1), (2029, 1, 1));
    let young = Leaf::new("mx.example").dated((2031, 1, 1), (2032, 1, 1));
    let of_no_use = Leaf::new("mx.example").uses(&[ExtendedKeyUsagePurpose::CodeSigning]);
    let upside_down = Leaf::new("mx.example").dated((2031, 1, 1), (2029, 1, 1));
    for leaf in [good, old, young, of_no_use, upside_down] {
        assert_eq!(fault(&trust, &leaf.self_signed()), CertificateFault::Untrusted);
    }
}

#[test]
fn a_new_key_of_the_authority_is_believed_beside_the_old_one() {
    let trust = Trust::new();
    let renewed = CertifiedIssuer::signed_by(authority("AC ORGANISATIONS"), key(), &trust.root).unwrap();
    trust.write("organisations.pem", &(trust.organisations.pem() + &renewed.pem()));
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[]), list(&renewed, &[7])]);
    assert_eq!(judged(&trust, &trust.operator(), Client), Ok(()));
    assert_eq!(judged(&trust, &Leaf::new("mx.example").signed_by(&renewed), Client), Ok(()));
    let revoked = Leaf::new("mx.example").serial(7).signed_by(&renewed);
    assert_eq!(fault(&trust, &revoked), CertificateFault::Revoked);
}

#[test]
fn an_expired_authority_takes_its_certificates_with_it() {
    let trust = Trust::new();
    let issued = Leaf::new("mx.example").dated((2030, 1, 1), (2049, 1, 1)).signed_by(&trust.organisations);
    let after_the_authority = "2041-01-01T00:00:00Z".parse().unwrap();
    let judged = trust.pki().judge(&issued.presented(), Client, after_the_authority);
    assert_eq!(judged, Err(CertificateFault::Untrusted));
}
