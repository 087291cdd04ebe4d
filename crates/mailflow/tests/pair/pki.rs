//! A small authority: a root, "organisations" below it, leaves and revocation lists. Everything holds from 2026 to 2036.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;

use pli_net::{PkiConfig, TlsConfig};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

/// The authority, its files in a folder.
pub(crate) struct Authority {
    folder: PathBuf,
    root: Issuer<'static, KeyPair>,
    organisations: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(folder: &Path) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let root_params = authority("TEST ROOT", BasicConstraints::Unconstrained, 1);
        let root_pem = root_params.self_signed(&root_key).unwrap().pem();
        let root = Issuer::new(root_params, root_key);

        let key = KeyPair::generate().unwrap();
        let params = authority("TEST ORGANISATIONS", BasicConstraints::Constrained(0), 2);
        let pem = params.signed_by(&key, &root).unwrap().pem();
        let organisations = Issuer::new(params, key);

        std::fs::write(folder.join("root.pem"), root_pem).unwrap();
        std::fs::write(folder.join("organisations.pem"), pem).unwrap();
        let this = Self { folder: folder.to_owned(), root, organisations };
        this.revoke(&[]);
        this
    }

    pub(crate) fn config(&self) -> PkiConfig {
        let folder = &self.folder;
        PkiConfig::new(folder.join("root.pem"), folder.join("organisations.pem")).with_crl(folder.join("crl.pem"))
    }

    /// Publishes lists on which exactly these serial numbers stand.
    pub(crate) fn revoke(&self, serials: &[u64]) {
        let lists = [list(&self.root, &[]), list(&self.organisations, serials)].concat();
        let fresh = self.folder.join("crl.new");
        std::fs::write(&fresh, lists).unwrap();
        std::fs::rename(fresh, self.folder.join("crl.pem")).unwrap();
    }

    /// Publishes the root's list only; what "organisations" has to say, in DER, is for somebody else to serve.
    pub(crate) fn publish_the_roots_list_only(&self, serials: &[u64]) -> Vec<u8> {
        std::fs::write(self.folder.join("crl.pem"), list(&self.root, &[])).unwrap();
        let pem = list(&self.organisations, serials);
        CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
    }

    /// Takes the lists away.
    pub(crate) fn withdraw_lists(&self) {
        std::fs::remove_file(self.folder.join("crl.pem")).unwrap();
    }

    /// A certificate for both uses, its subject `CN=…,O=Test,C=FR`.
    pub(crate) fn leaf(&self, common_name: &str, serial: u64) -> TlsConfig {
        self.odd_leaf(common_name, serial, |_| {})
    }

    /// The same, but for one thing.
    pub(crate) fn odd_leaf(
        &self,
        common_name: &str,
        serial: u64,
        change: impl FnOnce(&mut CertificateParams),
    ) -> TlsConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = leaf_params(common_name, serial);
        change(&mut params);
        let pem = params.signed_by(&key, &self.organisations).unwrap().pem();
        self.write(&format!("{common_name}-{serial}"), &pem, &key)
    }

    /// The same, signed by nobody but itself.
    pub(crate) fn self_signed(&self, common_name: &str) -> TlsConfig {
        let key = KeyPair::generate().unwrap();
        let pem = leaf_params(common_name, 99).self_signed(&key).unwrap().pem();
        self.write(&format!("self-{common_name}"), &pem, &key)
    }

    fn write(&self, name: &str, pem: &str, key: &KeyPair) -> TlsConfig {
        let (certificate, key_file) =
            (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")));
        std::fs::write(&certificate, pem).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        TlsConfig { certificate, key: key_file }
    }
}

/// The subject of [`Authority::leaf`], as the trust list writes it.
pub(crate) fn subject(common_name: &str) -> String {
    format!("CN={common_name},O=Test,C=FR")
}

fn leaf_params(common_name: &str, serial: u64) -> CertificateParams {
    let mut params = named(common_name, serial);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority(name: &str, constraints: BasicConstraints, serial: u64) -> CertificateParams {
    let mut params = named(name, serial);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(common_name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "FR");
    params.distinguished_name.push(DnType::OrganizationName, "Test");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

fn list(issuer: &Issuer<'_, KeyPair>, serials: &[u64]) -> String {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2026, 1, 2),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2036, 1, 1),
        crl_number: SerialNumber::from(1 + serials.len() as u64),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().pem().unwrap()
}
