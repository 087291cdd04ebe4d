//! Signers made for tests, and the signatures that they make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use jiff::Timestamp;
use pli_directory::SignerJudge;
use pli_types::DistinguishedName;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

pub(crate) const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// A key and its certificate. Chains are for the judge, which is another's: here, one certificate is enough.
#[derive(Debug)]
pub(crate) struct Signer {
    certificate: CertifiedIssuer<'static, KeyPair>,
    method: &'static str,
}

impl Signer {
    pub(crate) fn ecdsa(name: &str) -> Self {
        Self::with(name, &KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), ECDSA_SHA256)
    }

    pub(crate) fn rsa(name: &str) -> Self {
        Self::with(name, &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), RSA_SHA256)
    }

    /// Another certificate for the same key.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        Self::with(name, self.certificate.key(), self.method)
    }

    fn with(name: &str, key: &KeyPair, method: &'static str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationalUnitName, "318751275100020");
        let key = KeyPair::from_pem(&key.serialize_pem()).unwrap();
        Self { certificate: CertifiedIssuer::self_signed(params, key).unwrap(), method }
    }

    pub(crate) fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.certificate.key().serialize_pem()
    }

    /// The list, signed as its last child.
    pub(crate) fn sign(&self, list: &str) -> String {
        self.fill(&Template::new(self).enclosed_by(list))
    }

    /// Computes digest and signature of a template.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut keys = KeysManager::new();
        keys.add_key(load_pem_auto(self.key_pem().as_bytes(), None).unwrap());
        bergshamra::sign(&DsigContext::new(keys), template).unwrap()
    }
}

/// The parts of a signature, each of which a test may spoil.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) canonicalization: String,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) transforms: Vec<String>,
    pub(crate) digest: String,
    pub(crate) more_references: String,
    pub(crate) key_info: String,
    pub(crate) objects: String,
}

impl Template {
    pub(crate) fn new(signer: &Signer) -> Self {
        Self {
            canonicalization: transform("CanonicalizationMethod", EXCLUSIVE),
            method: signer.method.to_owned(),
            uri: String::new(),
            transforms: vec![transform("Transform", ENVELOPED), transform("Transform", EXCLUSIVE)],
            digest: SHA256.to_owned(),
            more_references: String::new(),
            key_info: format!("<ds:X509Data>{}</ds:X509Data>", x509(signer.der())),
            objects: String::new(),
        }
    }

    pub(crate) fn xml(&self) -> String {
        let Self { canonicalization, method, uri, digest, more_references, key_info, objects, .. } = self;
        let transforms = self.transforms.concat();
        format!(
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>{canonicalization}\
             <ds:SignatureMethod Algorithm=\"{method}\"/><ds:Reference URI=\"{uri}\">\
             <ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm=\"{digest}\"/>\
             <ds:DigestValue></ds:DigestValue></ds:Reference>{more_references}</ds:SignedInfo>\
             <ds:SignatureValue></ds:SignatureValue><ds:KeyInfo>{key_info}</ds:KeyInfo>{objects}</ds:Signature>"
        )
    }

    pub(crate) fn enclosed_by(&self, list: &str) -> String {
        append(list, &self.xml())
    }
}

/// The text as the list's last child.
pub(crate) fn append(list: &str, text: &str) -> String {
    list.replace("</ListeBlancheMSSante>", &format!("{text}</ListeBlancheMSSante>"))
}

pub(crate) fn transform(element: &str, algorithm: &str) -> String {
    format!("<ds:{element} Algorithm=\"{algorithm}\"/>")
}

pub(crate) fn x509(der: &[u8]) -> String {
    format!("<ds:X509Certificate>{}</ds:X509Certificate>", STANDARD.encode(der))
}

/// Believes these certificates, byte for byte.
#[derive(Debug)]
pub(crate) struct Believed(pub(crate) Vec<(Vec<u8>, DistinguishedName)>);

impl Believed {
    pub(crate) fn only(signer: &Signer) -> Self {
        Self(vec![(signer.der().to_vec(), publisher())])
    }
}

/// The subject that all believed signers have.
pub(crate) fn publisher() -> DistinguishedName {
    DistinguishedName::parse("CN=Liste blanche,OU=318751275100020,OU=0002 187512751,O=ANS,C=FR").unwrap()
}

impl SignerJudge for Believed {
    fn judge(&self, der: &[u8], _: Timestamp) -> Result<DistinguishedName, String> {
        let known = self.0.iter().find(|(known, _)| known == der);
        known.map(|(_, subject)| subject.clone()).ok_or_else(|| "not issued by the organisations' authority".to_owned())
    }
}
