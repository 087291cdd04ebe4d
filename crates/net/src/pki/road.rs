//! [`Road`]: anchor → "organisations" → certificate, walked by webpki.

use jiff::Timestamp;
use pli_types::{CertificateFault, CertificateUse, PresentedCertificate};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};

/// What a certificate is to be believed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A peer that connected to us.
    Client,
    /// A server that we connected to.
    Server,
    /// The signer of a document: nothing is asked of its extended key usage.
    Signer,
}

impl From<CertificateUse> for Role {
    fn from(usage: CertificateUse) -> Self {
        match usage {
            CertificateUse::Client => Self::Client,
            CertificateUse::Server => Self::Server,
        }
    }
}

/// The one way by which a certificate may come to be believed.
pub(super) struct Road<'a> {
    pub(super) leaf: &'a EndEntityCert<'a>,
    pub(super) organisations: &'a [CertificateDer<'a>],
    pub(super) anchor: &'a [TrustAnchor<'a>],
}

impl Road<'_> {
    /// Is the certificate believed, for this use of its key and at this instant?
    pub(super) fn judge(
        &self,
        certificate: &PresentedCertificate,
        role: Role,
        now: Timestamp,
        lists: &[&CertRevocationList<'_>],
    ) -> Result<(), CertificateFault> {
        let verdict = match (revocation(lists), role) {
            (None, _) => Err(Error::UnknownRevocationStatus),
            (revocation, Role::Client) => self.holds(now, KeyUsage::client_auth(), revocation),
            (revocation, Role::Server) => self.holds(now, KeyUsage::server_auth(), revocation),
            (revocation, Role::Signer) => self.holds(now, AnyUse, revocation),
        };
        verdict.map_err(|error| self.explain(&error, certificate, now))
    }

    /// Do the signatures lead from the anchor to the certificate? Dates count only in that all certificates of the
    /// road must have been valid together, use and revocation not at all.
    pub(super) fn leads(&self, certificate: &PresentedCertificate, now: Timestamp) -> bool {
        self.holds(now.max(certificate.not_before).min(certificate.not_after), AnyUse, None).is_ok()
    }

    /// webpki stops at the first thing it dislikes, and looks at dates and use before signatures: a stranger's old
    /// certificate would be called expired. So a refusal is taken apart again, trust first.
    fn explain(&self, error: &Error, certificate: &PresentedCertificate, now: Timestamp) -> CertificateFault {
        if !self.leads(certificate, now) {
            return CertificateFault::Untrusted;
        }
        if now < certificate.not_before {
            return CertificateFault::NotYetValid;
        }
        if now > certificate.not_after {
            return CertificateFault::Expired;
        }
        match error {
            Error::RequiredEkuNotFoundContext(_) => CertificateFault::WrongUse,
            Error::CertRevoked => CertificateFault::Revoked,
            // The road holds without the lists, so it is with them that something is wrong.
            _ => CertificateFault::RevocationUnknown,
        }
    }

    fn holds(
        &self,
        at: Timestamp,
        usage: impl ExtendedKeyUsageValidator,
        revocation: Option<RevocationOptions<'_>>,
    ) -> Result<(), Error> {
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        // The only intermediate there is to go through is "organisations". What the root signed itself goes
        // through none, and is not of the trust space.
        let through_organisations = |path: &webpki::VerifiedPath<'_>| match path.intermediate_certificates().next() {
            Some(_) => Ok(()),
            None => Err(Error::UnknownIssuer),
        };
        self.leaf
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                self.anchor,
                self.organisations,
                time,
                usage,
                revocation,
                Some(&through_organisations),
            )
            .map(|_| ())
    }
}

/// The whole chain is checked, and what no list in force answers for is refused (R-SMTP-8). `None` without lists.
fn revocation<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    let builder = RevocationOptionsBuilder::new(lists).ok()?;
    Some(
        builder
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build(),
    )
}

/// To ask about trust alone.
struct AnyUse;

impl ExtendedKeyUsageValidator for AnyUse {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}
