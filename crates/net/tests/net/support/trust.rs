//! [`Trust`]: root → "organisations" and "personnes" → leaves, with revocation lists, in a temporary folder.
//!
//! All of it lives around the fixed instant [`now`], so that no test depends on the day it runs.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pli_net::{Pki, PkiConfig, TlsConfig};
use pli_types::PresentedCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CrlDistributionPoint,
    CrlIssuingDistributionPoint, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, RsaKeySize, SerialNumber, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use tempfile::TempDir;

/// A day as rcgen takes it.
pub(crate) type Day = (i32, u8, u8);
pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

/// The middle of the validity of everything that a test does not date otherwise.
pub(crate) fn now() -> Timestamp {
    "2030-06-15T12:00:00Z".parse().unwrap()
}

pub(crate) struct Trust {
    pub(crate) folder: TempDir,
    pub(crate) root: Authority,
    pub(crate) organisations: Authority,
    pub(crate) personnes: Authority,
}

impl Trust {
    /// Writes anchor, "organisations" and the lists of both, empty.
    pub(crate) fn new() -> Self {
        Self::with(authority("AC ORGANISATIONS"))
    }

    /// The same, but the list of the root is to be had at `url`, and there is no file.
    pub(crate) fn publishing(url: &str) -> Self {
        let mut params = authority("AC ORGANISATIONS");
        params.crl_distribution_points = vec![point(&[url])];
        let trust = Self::with(params);
        std::fs::remove_file(trust.path("crl.pem")).unwrap();
        trust
    }

    fn with(organisations: CertificateParams) -> Self {
        let root = CertifiedIssuer::self_signed(authority("AC RACINE"), key()).unwrap();
        let organisations = CertifiedIssuer::signed_by(organisations, key(), &root).unwrap();
        let personnes = CertifiedIssuer::signed_by(authority("AC PERSONNES"), key(), &root).unwrap();
        let trust = Self { folder: tempfile::tempdir().unwrap(), root, organisations, personnes };
        trust.write("anchor.pem", &trust.root.pem());
        trust.write("organisations.pem", &trust.organisations.pem());
        trust.write_lists(&[list(&trust.root, &[]), list(&trust.organisations, &[])]);
        trust
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Replaces the file of lists as a careful administrator does: another file, renamed over it.
    pub(crate) fn write_lists(&self, lists: &[String]) {
        let fresh = self.write("crl.new", &lists.concat());
        std::fs::rename(fresh, self.path("crl.pem")).unwrap();
    }

    pub(crate) fn config(&self) -> PkiConfig {
        PkiConfig::new(self.path("anchor.pem"), self.path("organisations.pem")).with_crl(self.path("crl.pem"))
    }

    /// Without a file of lists.
    pub(crate) fn config_without_lists(&self) -> PkiConfig {
        PkiConfig { crl: None, ..self.config() }
    }

    pub(crate) fn load(&self, config: &PkiConfig) -> Pki {
        Pki::load(config, &self.path("state")).unwrap()
    }

    pub(crate) fn pki(&self) -> Pki {
        Pki::load(&self.config(), &self.path("state")).unwrap()
    }

    /// A good certificate of an operator, for both uses.
    pub(crate) fn operator(&self) -> Issued {
        Leaf::new("smtp.operator.example").signed_by(&self.organisations)
    }
}

/// A revocation list in PEM, in force around [`now`].
pub(crate) fn list(issuer: &Authority, revoked: &[u64]) -> String {
    list_dated(issuer, revoked, (2030, 6, 14), (2030, 6, 21))
}

pub(crate) fn list_dated(issuer: &Authority, revoked: &[u64], this_update: Day, next_update: Day) -> String {
    signed_list(issuer, revoked, this_update, next_update, None)
}

/// A list that answers for the certificates of one distribution point only.
pub(crate) fn list_of_part(issuer: &Authority, uri: &str, revoked: &[u64]) -> String {
    let distribution_point = CrlDistributionPoint { uris: vec![uri.to_owned()] };
    let part = CrlIssuingDistributionPoint { distribution_point, scope: None };
    signed_list(issuer, revoked, (2030, 6, 14), (2030, 6, 21), Some(part))
}

fn signed_list(
    issuer: &Authority,
    revoked: &[u64],
    this_update: Day,
    next_update: Day,
    part: Option<CrlIssuingDistributionPoint>,
) -> String {
    let revoked_certs = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(this_update.0, this_update.1, this_update.2),
        reason_code: None,
        invalidity_date: None,
    });
    CertificateRevocationListParams {
        this_update: date_time_ymd(this_update.0, this_update.1, this_update.2),
        next_update: date_time_ymd(next_update.0, next_update.1, next_update.2),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: part,
        revoked_certs: revoked_certs.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
    .signed_by(issuer)
    .unwrap()
    .pem()
    .unwrap()
}

/// A list as servers give it.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// One distribution point: several addresses of one list.
pub(crate) fn point(urls: &[&str]) -> CrlDistributionPoint {
    CrlDistributionPoint { uris: urls.iter().map(|url| (*url).to_owned()).collect() }
}

/// An end certificate to be.
pub(crate) struct Leaf {
    pub(crate) params: CertificateParams,
    key: KeyPair,
}

impl Leaf {
    /// For both uses, valid from 2030 to 2031, without a SAN, with an ECDSA key.
    pub(crate) fn new(common_name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.serial_number = Some(SerialNumber::from(0x8001));
        Self { params, key: key() }.dated((2030, 1, 1), (2031, 1, 1))
    }

    pub(crate) fn rsa(mut self) -> Self {
        self.key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        self
    }

    pub(crate) fn dated(mut self, first: Day, last: Day) -> Self {
        self.params.not_before = date_time_ymd(first.0, first.1, first.2);
        self.params.not_after = date_time_ymd(last.0, last.1, last.2);
        self
    }

    pub(crate) fn serial(mut self, serial: u64) -> Self {
        self.params.serial_number = Some(SerialNumber::from(serial));
        self
    }

    pub(crate) fn uses(mut self, uses: &[ExtendedKeyUsagePurpose]) -> Self {
        self.params.extended_key_usages = uses.to_vec();
        self
    }

    /// Its list is to be had at these addresses: each is a distribution point.
    pub(crate) fn listed_at(mut self, urls: &[&str]) -> Self {
        self.params.crl_distribution_points = urls.iter().map(|url| point(&[url])).collect();
        self
    }

    pub(crate) fn signed_by(self, issuer: &Authority) -> Issued {
        let certificate = self.params.signed_by(&self.key, issuer).unwrap();
        let pem = certificate.pem() + &issuer.pem();
        Issued { chain: vec![certificate.der().clone(), issuer.der().clone()], pem, key: self.key }
    }

    pub(crate) fn self_signed(self) -> Issued {
        let certificate = self.params.self_signed(&self.key).unwrap();
        Issued { chain: vec![certificate.der().clone()], pem: certificate.pem(), key: self.key }
    }
}

/// A certificate, what its holder sends with it, and its key.
pub(crate) struct Issued {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) pem: String,
    pub(crate) key: KeyPair,
}

impl Issued {
    pub(crate) fn presented(&self) -> PresentedCertificate {
        pli_net::peer::presented(&self.chain).unwrap()
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn files(&self, folder: &Path, name: &str) -> TlsConfig {
        let files =
            TlsConfig { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        std::fs::write(&files.certificate, &self.pem).unwrap();
        std::fs::write(&files.key, self.key.serialize_pem()).unwrap();
        files
    }
}

/// A subject in the shape of the trust list's.
pub(crate) fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "FR");
    name.push(DnType::StateOrProvinceName, "Bouches-du-Rhône (13)");
    name.push(DnType::OrganizationName, "Opérateur d'essai");
    name.push(DnType::OrganizationalUnitName, "318751275100020");
    name.push(DnType::CommonName, common_name);
    name
}

pub(crate) fn authority(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}
