//! Certificate in DER → [`PresentedCertificate`].

use pli_types::PresentedCertificate;

/// Parses what the other side presented, leaf first. `None` if the leaf cannot be read as X.509.
#[must_use]
pub fn presented(_chain: &[rustls_pki_types::CertificateDer<'_>]) -> Option<PresentedCertificate> {
    None
}
