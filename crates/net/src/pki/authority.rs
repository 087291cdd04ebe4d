//! The two authorities that we are configured with, and what they have signed.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use crate::config::PkiConfig;
use crate::error::NetError;
use crate::{peer, pem};

/// All of them.
#[derive(Debug)]
pub(super) struct Authorities {
    /// The root, the anchor.
    pub(super) root: Authority,
    /// Several when the authority has changed its key: each then has lists of its own.
    pub(super) organisations: Vec<Authority>,
}

impl Authorities {
    /// Reads the files. Each "organisations" must be signed by the root: a slip in the configuration is told at the
    /// start, not by refusing everybody later.
    pub(super) fn load(config: &PkiConfig) -> Result<Self, NetError> {
        let root = anchor(&config.anchor)?;
        let organisations = signed_by(&root, &config.organisations)?;
        Ok(Self { root, organisations })
    }

    /// The root, then the others.
    pub(super) fn all(&self) -> impl Iterator<Item = &Authority> {
        std::iter::once(&self.root).chain(&self.organisations)
    }
}

/// The certificate of an authority.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    /// Its subject, in DER: the issuer that its certificates and lists name.
    pub(super) subject: Vec<u8>,
    /// The same, for people.
    pub(super) name: String,
}

impl Authority {
    fn new(path: &Path, certificate: CertificateDer<'static>) -> Result<Self, NetError> {
        let x509 = parsed(path, &certificate)?;
        let (subject, name) = (x509.subject().as_raw().to_vec(), peer::name_in_words(x509.subject()));
        Ok(Self { certificate, subject, name })
    }
}

/// The root: the first certificate of its file.
fn anchor(path: &Path) -> Result<Authority, NetError> {
    Authority::new(path, pem::certificates(path)?.swap_remove(0))
}

/// The authorities of a file, each of which must be signed by `root`.
fn signed_by(root: &Authority, path: &Path) -> Result<Vec<Authority>, NetError> {
    pem::certificates(path)?
        .into_iter()
        .map(|certificate| {
            let x509 = parsed(path, &certificate)?;
            let body = x509.tbs_certificate.as_ref();
            let signature = Signature { algorithm: &x509.signature_algorithm, value: &x509.signature_value.data };
            if x509.issuer().as_raw() != root.subject || !root.has_signed(body, &signature) {
                let what = format!("{} is not signed by the configured anchor", peer::name_in_words(x509.subject()));
                return Err(NetError::file(path, what));
            }
            Authority::new(path, certificate)
        })
        .collect()
}

fn parsed<'a>(path: &Path, certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, NetError> {
    X509Certificate::from_der(certificate)
        .map(|(_, x509)| x509)
        .map_err(|error| NetError::file(path, format!("a certificate cannot be read: {error}")))
}

/// A signature as certificates and lists carry it.
pub(super) struct Signature<'a> {
    pub(super) algorithm: &'a AlgorithmIdentifier<'a>,
    pub(super) value: &'a [u8],
}

impl Authority {
    /// Did this authority's key sign these bytes? webpki asks again, with the algorithm's parameters, at each use.
    pub(super) fn has_signed(&self, body: &[u8], signature: &Signature<'_>) -> bool {
        let Ok(signer) = EndEntityCert::try_from(&self.certificate) else { return false };
        let oid = signature.algorithm.algorithm.as_bytes();
        webpki::ALL_VERIFICATION_ALGS
            .iter()
            .filter(|algorithm| names(algorithm.signature_alg_id().as_ref(), oid))
            .any(|algorithm| signer.verify_signature(*algorithm, body, signature.value).is_ok())
    }
}

/// Does an `AlgorithmIdentifier` in DER, without its outer SEQUENCE, begin with this OID?
fn names(identifier: &[u8], oid: &[u8]) -> bool {
    const OBJECT_IDENTIFIER: u8 = 6;
    match identifier {
        [OBJECT_IDENTIFIER, length, rest @ ..] => usize::from(*length) == oid.len() && rest.starts_with(oid),
        _ => false,
    }
}
