//! Certificates in words, and as signers of documents.

use pli_net::{certificate_details, certificates_in};
use pli_types::CertificateFault;
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};

use crate::support::trust::{Issued, Leaf, Trust, list, now};

#[test]
fn all_that_matters_in_a_certificate_is_told() {
    let trust = Trust::new();
    let urls = ["http://crl.example/1.crl", "ldap://ldap.example/cn=crl"];
    let mut leaf = Leaf::new("mx.example").serial(0xfedc).rsa().listed_at(&urls);
    leaf.params.subject_alt_names = vec![SanType::DnsName("mx.example".try_into().unwrap())];
    let issued = leaf.signed_by(&trust.organisations);
    let details = certificate_details(&issued.chain[0]).unwrap();
    assert_eq!(details.subject, issued.presented().subject);
    assert_eq!(details.issuer.value("CN"), Some("AC ORGANISATIONS"));
    assert_eq!(details.serial, "fedc");
    assert_eq!(details.not_after, "2031-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(details.usages, ["digitalSignature", "clientAuth", "serverAuth"]);
    assert_eq!(details.key, "RSA 2048");
    assert_eq!(details.dns_names, ["mx.example"]);
    assert_eq!(details.crl_points, urls);
    assert_eq!(details.fingerprint.len(), 64);

    let authority = certificate_details(trust.organisations.der()).unwrap();
    assert_eq!(authority.usages, ["keyCertSign", "cRLSign"]);
    assert_eq!(authority.key, "EC 256");
    assert_ne!(authority.fingerprint, details.fingerprint);
    assert_eq!(certificate_details(b"no certificate"), None);
}

#[test]
fn a_file_of_certificates_is_read_in_pem_and_in_der() {
    let trust = Trust::new();
    let issued = trust.operator();
    let pem = trust.write("chain.pem", &issued.pem);
    assert_eq!(certificates_in(&pem).unwrap(), issued.chain.iter().map(|der| der.to_vec()).collect::<Vec<_>>());
    let der = trust.path("leaf.der");
    std::fs::write(&der, &issued.chain[0]).unwrap();
    assert_eq!(certificates_in(&der).unwrap(), [issued.chain[0].to_vec()]);
    let bad = trust.write("bad.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    assert!(certificates_in(&bad).unwrap_err().to_string().contains("certificate 1 of it cannot be read"));
    assert!(certificates_in(&trust.path("none.pem")).unwrap_err().to_string().contains("there is no such file"));
}

fn signer(usages: &[KeyUsagePurpose], purposes: &[ExtendedKeyUsagePurpose]) -> Leaf {
    let mut leaf = Leaf::new("signature.example").uses(purposes);
    leaf.params.key_usages = usages.to_vec();
    leaf
}

#[test]
fn a_key_for_signatures_signs_documents_whatever_its_extended_usage() {
    use ExtendedKeyUsagePurpose::{EmailProtection, ServerAuth};
    use KeyUsagePurpose::{ContentCommitment, DigitalSignature, KeyEncipherment};
    let trust = Trust::new();
    let pki = trust.pki();
    let judged = |issued: &Issued| pki.judge_signer(&issued.chain[0], now()).map(|signer| signer.subject);
    for (usages, purposes, expected) in [
        (&[ContentCommitment][..], &[][..], Ok(())),
        (&[DigitalSignature], &[EmailProtection], Ok(())),
        (&[DigitalSignature, ContentCommitment], &[ServerAuth], Ok(())),
        (&[], &[], Ok(())),
        (&[KeyEncipherment], &[], Err(CertificateFault::WrongUse)),
    ] {
        let issued = signer(usages, purposes).signed_by(&trust.organisations);
        assert_eq!(judged(&issued), expected.map(|()| issued.presented().subject), "{usages:?}");
    }
}

#[test]
fn a_signer_goes_the_same_road_as_a_peer() {
    let trust = Trust::new();
    trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[7])]);
    let pki = trust.pki();
    let judged = |issued: &Issued| pki.judge_signer(&issued.chain[0], now()).unwrap_err();
    let leaf = || signer(&[KeyUsagePurpose::ContentCommitment], &[]);
    assert_eq!(judged(&leaf().self_signed()), CertificateFault::Untrusted);
    assert_eq!(judged(&leaf().signed_by(&trust.personnes)), CertificateFault::Untrusted);
    assert_eq!(judged(&leaf().signed_by(&trust.root)), CertificateFault::Untrusted);
    assert_eq!(judged(&leaf().serial(7).signed_by(&trust.organisations)), CertificateFault::Revoked);
    let past = leaf().dated((2029, 1, 1), (2030, 1, 1)).signed_by(&trust.organisations);
    assert_eq!(judged(&past), CertificateFault::Expired);
    assert_eq!(pki.judge_signer(b"no certificate", now()).unwrap_err(), CertificateFault::Untrusted);
}
