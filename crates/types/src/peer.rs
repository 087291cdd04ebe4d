//! What a certificate told us about a peer, already parsed, and what may be wrong with it.

use std::fmt;

use jiff::Timestamp;

use crate::dn::DistinguishedName;

/// The certificate that the other side of a TLS connection presented and whose key it proved to hold.
///
/// Nothing more is known of it until it has been judged: it may be self-signed, expired, revoked.
#[derive(Clone)]
pub struct PresentedCertificate {
    /// The leaf, in DER.
    pub leaf: Vec<u8>,
    /// What came with it, in DER, in the order sent.
    pub chain: Vec<Vec<u8>>,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its issuer.
    pub issuer: DistinguishedName,
    /// Its serial number, hexadecimal, lower case.
    pub serial: String,
    /// The first instant of its validity.
    pub not_before: Timestamp,
    /// The last instant of its validity.
    pub not_after: Timestamp,
}

impl fmt::Debug for PresentedCertificate {
    /// What an admin needs to find it again; the DER is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedCertificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial", &self.serial)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// In which role a certificate was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateUse {
    /// By a peer that connected to us (EKU clientAuth).
    Client,
    /// By a server that we connected to (EKU serverAuth).
    Server,
}

/// Why a certificate is not believed (spec §3.4, point 2). The text of each is what an admin reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CertificateFault {
    /// Not chained to the configured anchor through the "organisations" authority (R-SMTP-5).
    #[error("the certificate does not chain to the trust space's authority for organisations")]
    Untrusted,
    /// Past its end.
    #[error("the certificate has expired")]
    Expired,
    /// Before its beginning.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// On the CRL (R-SMTP-8).
    #[error("the certificate has been revoked")]
    Revoked,
    /// Not meant for this role.
    #[error("the certificate is not meant for this use")]
    WrongUse,
    /// No valid CRL says whether it is revoked: fail closed (R-SMTP-8).
    #[error("no valid revocation list says whether the certificate still holds")]
    RevocationUnknown,
}
