//! [`CertificateDetails`]: a certificate in words, for people who look for what is wrong with it.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pli_types::DistinguishedName;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::error::NetError;
use crate::{peer, pem};

/// What stands in a certificate. None of it is believed by being here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDetails {
    /// Whose it is.
    pub subject: DistinguishedName,
    /// Who signed it, by its own word.
    pub issuer: DistinguishedName,
    /// Hexadecimal, lower case.
    pub serial: String,
    /// The first instant of its validity.
    pub not_before: Timestamp,
    /// The last instant of its validity.
    pub not_after: Timestamp,
    /// What its key may do, then what it is for, by their names in RFC 5280 (§4.2.1.3, §4.2.1.12):
    /// `digitalSignature`, `clientAuth`. Others than those that matter here are left out.
    pub usages: Vec<&'static str>,
    /// Kind and size of its key: `RSA 2048`, `EC 256`.
    pub key: String,
    /// The DNS names of its SAN.
    pub dns_names: Vec<String>,
    /// The addresses of its revocation lists (RFC 5280 §4.2.1.13), in its order, whatever their scheme.
    pub crl_points: Vec<String>,
    /// SHA-256 of its DER, hexadecimal, lower case.
    pub fingerprint: String,
}

/// Reads a certificate in DER. `None` if it is none.
#[must_use]
pub fn certificate_details(der: &[u8]) -> Option<CertificateDetails> {
    let presented = peer::presented(&[CertificateDer::from(der)])?;
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    Some(CertificateDetails {
        subject: presented.subject,
        issuer: presented.issuer,
        serial: presented.serial,
        not_before: presented.not_before,
        not_after: presented.not_after,
        usages: usages(&x509),
        key: key(&x509),
        dns_names: dns_names(&x509),
        crl_points: distribution_points(&x509).into_iter().flatten().collect(),
        fingerprint: fingerprint(der),
    })
}

/// The certificates of a file, in DER and in its order: PEM, or one certificate in DER. At least one, each of which
/// can be read.
pub fn certificates_in(path: &Path) -> Result<Vec<Vec<u8>>, NetError> {
    let bytes = std::fs::read(path).map_err(|error| pem::cannot_read(path, &error))?;
    if certificate_details(&bytes).is_some() {
        return Ok(vec![bytes]);
    }
    let found: Vec<Vec<u8>> = pem::certificates(path)?.iter().map(|der| der.to_vec()).collect();
    match found.iter().position(|der| certificate_details(der).is_none()) {
        Some(bad) => Err(NetError::file(path, format!("certificate {} of it cannot be read", bad + 1))),
        None => Ok(found),
    }
}

/// SHA-256, hexadecimal.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    peer::hex(digest(&SHA256, bytes).as_ref())
}

/// The distribution points of a certificate (RFC 5280 §4.2.1.13): of each, the addresses of one and the same list, in
/// the certificate's order. Left out are those that answer for some reasons only, or whose lists another authority
/// signs: no such list is ever in force here.
pub(crate) fn distribution_points(x509: &X509Certificate<'_>) -> Vec<Vec<String>> {
    let points = x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(&points.points),
        _ => None,
    });
    points
        .into_iter()
        .flatten()
        .filter(|point| point.reasons.is_none() && point.crl_issuer.is_none())
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(uris(names)),
            _ => None,
        })
        .collect()
}

fn uris(names: &[GeneralName<'_>]) -> Vec<String> {
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    names.iter().filter_map(uri).collect()
}

fn usages(x509: &X509Certificate<'_>) -> Vec<&'static str> {
    let mut usages = Vec::new();
    if let Ok(Some(usage)) = x509.key_usage() {
        usages.extend(key_usages(usage.value));
    }
    if let Ok(Some(usage)) = x509.extended_key_usage() {
        usages.extend(extended_usages(usage.value));
    }
    usages
}

fn key_usages(usage: &KeyUsage) -> impl Iterator<Item = &'static str> {
    named([
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ])
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>) -> impl Iterator<Item = &'static str> {
    named([
        (usage.any, "anyExtendedKeyUsage"),
        (usage.client_auth, "clientAuth"),
        (usage.server_auth, "serverAuth"),
        (usage.email_protection, "emailProtection"),
        (usage.code_signing, "codeSigning"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ])
}

fn named<const N: usize>(usages: [(bool, &'static str); N]) -> impl Iterator<Item = &'static str> {
    usages.into_iter().filter_map(|(there, name)| there.then_some(name))
}

fn key(x509: &X509Certificate<'_>) -> String {
    match x509.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
        _ => format!("of algorithm {}", x509.public_key().algorithm.algorithm),
    }
}

fn dns_names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = x509.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}
