//! A test CA in the shape of IGC-Santé (spec §3.2): a root, an authority for organisations, one for people, and
//! their revocation lists. Nothing it signs is believed outside of its sandbox.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use pli_types::DistinguishedName;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

use crate::keys::{Keys, rsa_key};
use crate::{crl, files, secrets};

/// How long a leaf holds: longer than any test moves its clock.
pub const LEAF_VALIDITY: SignedDuration = SignedDuration::from_hours(3 * 365 * 24);
const AUTHORITY_VALIDITY: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Certificates begin a little in the past, as a CA's do: clocks differ.
const BACKDATED: SignedDuration = SignedDuration::from_hours(24);

/// The subject of a leaf in the shape that every entry of the real trust list has.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The host name.
    pub common_name: String,
    /// National structure id: `1` and a FINESS, or `3` and a SIRET.
    pub structure: String,
    /// The legal name.
    pub organisation: String,
    /// The department, as `Paris (75)`.
    pub department: String,
}

/// Where everybody is, if nothing depends on it.
pub const DEPARTMENT: &str = "Paris (75)";
const COUNTRY: &str = "FR";

impl Subject {
    /// The text form of the trust list: `CN=…,OU=…,O=…,ST=…,C=FR`.
    #[must_use]
    pub fn text(&self) -> String {
        let attributes = [
            ("CN", self.common_name.as_str()),
            ("OU", &self.structure),
            ("O", &self.organisation),
            ("ST", &self.department),
            ("C", COUNTRY),
        ];
        DistinguishedName::from_attributes(attributes.map(|(kind, value)| (kind.to_owned(), value.to_owned())))
            .map(|name| name.to_string())
            .unwrap_or_default()
    }

    /// In the order of a certificate, the most general attribute first.
    fn to_rcgen(&self) -> rcgen::DistinguishedName {
        let mut name = rcgen::DistinguishedName::new();
        push_country(&mut name);
        name.push(DnType::StateOrProvinceName, self.department.as_str());
        name.push(DnType::OrganizationName, self.organisation.as_str());
        name.push(DnType::OrganizationalUnitName, self.structure.as_str());
        name.push(DnType::CommonName, self.common_name.as_str());
        name
    }
}

/// RFC 5280 Appendix A.1 has the country as a `PrintableString`, unlike the rest.
fn push_country(name: &mut rcgen::DistinguishedName) {
    if let Ok(country) = rcgen::string::PrintableString::try_from(COUNTRY) {
        name.push(DnType::CountryName, DnValue::PrintableString(country));
    }
}

/// Who signs a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// The only authority that operators may come from (R-SMTP-5).
    Organisations,
    /// The authority for people.
    People,
    /// An authority that no sandbox knows, as the public ones are. Its key is thrown away.
    Stranger,
    /// Nobody: the leaf signs itself.
    None,
}

/// What a leaf is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A mail server, which is a client as well when it sends: both uses, and the names of the loopback.
    Server,
    /// A mail server without the use of a client: serverAuth only, the names of the loopback.
    ServerOnly,
    /// A program that signs in (`ORG AUTH_CLI`): clientAuth only, no host name.
    Client,
}

/// A leaf to make.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// Its subject.
    pub subject: &'a Subject,
    /// Its signer.
    pub branch: Branch,
    /// Its use.
    pub purpose: Purpose,
    /// The first instant of its validity.
    pub not_before: Timestamp,
    /// The last.
    pub not_after: Timestamp,
    /// Does it say where its authority's revocation list is, if that has an address?
    pub names_list: bool,
}

impl<'a> Leaf<'a> {
    /// A leaf of the "organisations" branch that holds now.
    #[must_use]
    pub fn now(subject: &'a Subject, purpose: Purpose, now: Timestamp) -> Self {
        Self {
            subject,
            branch: Branch::Organisations,
            purpose,
            not_before: later(now, -BACKDATED),
            not_after: later(now, LEAF_VALIDITY),
            names_list: true,
        }
    }
}

/// A leaf made.
pub struct Issued {
    /// The leaf, then the authority that signed it.
    pub chain_pem: String,
    /// Its key, PKCS#8.
    pub key_pem: String,
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
}

impl Issued {
    /// Writes both files, the key for its owner only.
    pub fn write(&self, certificate: &Path, key: &Path) -> anyhow::Result<()> {
        files::write(certificate, &self.chain_pem)?;
        files::write_private(key, &self.key_pem)
    }
}

/// An authority: its certificate, and its key ready to sign.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pem: String,
    key_pem: String,
}

/// The three, by the names of their files.
pub const AUTHORITIES: [&str; 3] = ["root", "organisations", "personnes"];

/// The three authorities of a sandbox.
pub struct TestPki {
    pub(crate) root: Authority,
    pub(crate) organisations: Authority,
    pub(crate) people: Authority,
    /// Below it each authority has its revocation list. Without it no certificate says where that is.
    lists_url: Option<String>,
    keys: Keys,
}

impl TestPki {
    /// Makes them, with new keys. Their revocation lists have no address.
    pub fn generate(now: Timestamp) -> anyhow::Result<Self> {
        Self::make(now, None)
    }

    /// Makes them, with new keys. What they sign says that its authority's revocation list is below this URL.
    pub fn generate_with_lists_at(url: &str, now: Timestamp) -> anyhow::Result<Self> {
        Self::make(now, Some(url.to_owned()))
    }

    fn make(now: Timestamp, lists_url: Option<String>) -> anyhow::Result<Self> {
        let root = Authority::root("TEST AC RACINE PLI ELEMENTAIRE", now)?;
        let point = lists_url.as_deref().map(|url| list_url(url, "root"));
        let subordinate = |name| root.subordinate(name, point.as_deref(), now);
        let organisations = subordinate("TEST AC PLI ELEMENTAIRE ORGANISATIONS")?;
        let people = subordinate("TEST AC PLI ELEMENTAIRE PERSONNES")?;
        Ok(Self { root, organisations, people, lists_url, keys: Keys::default() })
    }

    /// Reads them back from the folder that [`TestPki::write`] filled.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let authority = |name: &str| {
            let pem = files::read(&folder.join(format!("{name}.pem")))?;
            let key_pem = files::read(&folder.join(format!("{name}.key")))?;
            Authority::from_pem(pem, key_pem).with_context(|| format!("the authority {name} cannot be read"))
        };
        let organisations = authority("organisations")?;
        Ok(Self {
            root: authority("root")?,
            people: authority("personnes")?,
            // What they sign from now on says the same as what they signed before.
            lists_url: organisations.point()?.and_then(|url| Some(url.strip_suffix(&list_url("", "root"))?.to_owned())),
            organisations,
            keys: Keys::default(),
        })
    }

    /// Writes certificates and keys: the keys stay with the sandbox, so that a later start, or a test, can sign.
    /// `ca.pem` is what a mail program is given to trust.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for (name, authority) in AUTHORITIES.iter().zip([&self.root, &self.organisations, &self.people]) {
            files::write(&folder.join(format!("{name}.pem")), &authority.pem)?;
            files::write_private(&folder.join(format!("{name}.key")), &authority.key_pem)?;
        }
        files::write(&folder.join("ca.pem"), format!("{}{}", self.root.pem, self.organisations.pem))
    }

    /// Makes the keys of so many leaves at once, on all processors.
    pub(crate) fn prepare(&self, leaves: usize) -> anyhow::Result<()> {
        self.keys.make(leaves)
    }

    /// Is there an authority of this name (in DER)?
    pub(crate) fn has_authority(&self, name: &[u8]) -> anyhow::Result<bool> {
        for authority in [&self.root, &self.organisations, &self.people] {
            if authority.name_der()? == name {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a leaf with an RSA key: the closed list of suites (R-SMTP-7) has no other.
    pub fn issue(&self, leaf: &Leaf<'_>) -> anyhow::Result<Issued> {
        let key = self.keys.take()?;
        let serial = serial()?;
        let mut params = CertificateParams::new(leaf_names(leaf))?;
        params.distinguished_name = leaf.subject.to_rcgen();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(leaf.not_before);
        params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(leaf.not_after);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = match leaf.purpose {
            Purpose::Server => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            Purpose::ServerOnly => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Purpose::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.use_authority_key_identifier_extension = leaf.branch != Branch::None;
        let stranger;
        let (signer, list) = match leaf.branch {
            Branch::Organisations => (Some(&self.organisations), Some("organisations")),
            Branch::People => (Some(&self.people), Some("personnes")),
            Branch::Stranger => {
                stranger = Authority::root("TEST AC PUBLIQUE", leaf.not_before)?;
                (Some(&stranger), None)
            }
            Branch::None => (None, None),
        };
        if let (true, Some(url), Some(list)) = (leaf.names_list, &self.lists_url, list) {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![list_url(url, list)] }];
        }
        let chain_pem = match signer {
            Some(authority) => {
                format!("{}{}", params.signed_by(&key, &authority.issuer)?.pem(), authority.pem)
            }
            None => params.self_signed(&key)?.pem(),
        };
        Ok(Issued { chain_pem, key_pem: key.serialize_pem(), serial })
    }

    /// The revocation lists of the three in one PEM file, with `revoked` on the list of organisations.
    pub fn revocation_lists(&self, revoked: &[crl::Revoked], now: Timestamp) -> anyhow::Result<String> {
        let mut out = String::new();
        for authority in [&self.root, &self.organisations, &self.people] {
            let issuer = authority.name_der()?;
            out.push_str(&crl::sign(&authority.issuer, revoked.iter().filter(|entry| entry.issuer == issuer), now)?);
        }
        Ok(out)
    }
}

/// Where an authority's revocation list is.
fn list_url(url: &str, authority: &str) -> String {
    format!("{url}/{authority}.crl")
}

/// The names of a server: its own, and the two of the loopback, so that any client can check them there.
fn leaf_names(leaf: &Leaf<'_>) -> Vec<String> {
    match leaf.purpose {
        // rcgen tells IP addresses from DNS names.
        Purpose::Server | Purpose::ServerOnly => {
            vec![leaf.subject.common_name.clone(), "localhost".to_owned(), "127.0.0.1".to_owned()]
        }
        Purpose::Client => Vec::new(),
    }
}

impl Authority {
    fn root(name: &str, now: Timestamp) -> anyhow::Result<Self> {
        let key = rsa_key()?;
        let params = authority_params(name, BasicConstraints::Unconstrained, &serial()?, now)?;
        let pem = params.self_signed(&key)?.pem();
        Self::from_pem(pem, key.serialize_pem())
    }

    /// One below this one, whose certificate says where this one's revocation list is.
    fn subordinate(&self, name: &str, point: Option<&str>, now: Timestamp) -> anyhow::Result<Self> {
        let key = rsa_key()?;
        let mut params = authority_params(name, BasicConstraints::Constrained(0), &serial()?, now)?;
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points =
            point.map(|url| CrlDistributionPoint { uris: vec![url.to_owned()] }).into_iter().collect();
        let pem = params.signed_by(&key, &self.issuer)?.pem();
        Self::from_pem(pem, key.serialize_pem())
    }

    fn from_pem(pem: String, key_pem: String) -> anyhow::Result<Self> {
        let issuer = Issuer::from_ca_cert_pem(&pem, KeyPair::from_pem(&key_pem)?)?;
        Ok(Self { issuer, pem, key_pem })
    }

    /// The subject as it stands in the certificate.
    pub(crate) fn name_der(&self) -> anyhow::Result<Vec<u8>> {
        name_der(&self.pem)
    }

    /// Where its certificate says that the revocation list of its signer is.
    fn point(&self) -> anyhow::Result<Option<String>> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.pem.as_bytes())?;
        Ok(points(&pem.parse_x509()?).into_iter().next())
    }
}

/// The subject of a certificate as it stands there.
pub(crate) fn name_der(pem: &str) -> anyhow::Result<Vec<u8>> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes())?;
    Ok(pem.parse_x509()?.subject().as_raw().to_vec())
}

/// Where a certificate says that its signer's revocation list is (RFC 5280 §4.2.1.13).
fn points(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else { continue };
        for point in points.iter() {
            if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                out.extend(names.iter().filter_map(|name| match name {
                    GeneralName::URI(uri) => Some((*uri).to_owned()),
                    _ => None,
                }));
            }
        }
    }
    out
}

fn authority_params(
    name: &str,
    constraints: BasicConstraints,
    serial: &[u8],
    now: Timestamp,
) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    push_country(&mut params.distinguished_name);
    params.distinguished_name.push(DnType::OrganizationName, "BAC A SABLE PLI");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "PLI TEST");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(later(now, -BACKDATED));
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(later(now, AUTHORITY_VALIDITY));
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// 16 random bytes, positive and not beginning with zero (RFC 5280 §4.1.2.2).
fn serial() -> anyhow::Result<Vec<u8>> {
    let mut bytes = secrets::bytes::<16>()?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    Ok(bytes.to_vec())
}

/// The instant, moved; it stays where it is if that would leave the calendar.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

/// What rcgen's own time type is built from.
pub(crate) fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

#[cfg(test)]
#[path = "pki_tests.rs"]
mod tests;
