//! A peer proves who it is by a certificate that holds (R-SMTP-2, R-SMTP-5, R-SMTP-8; spec §3.4 point 2).

use pli_types::CertificateFault;

use crate::told::Told;
use crate::{CertificateFacts, Decision, Facts, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Origin::Peer { certificate, .. } = &facts.origin else { return Decision::Accept };
    match certificate {
        CertificateFacts::Proven(_) => Decision::Accept,
        CertificateFacts::Missing => Decision::Refuse(Reason::CertificateMissing),
        // For good, even where time may mend it (a revocation list that is missing): a peer that is not proven is not
        // asked to come again.
        CertificateFacts::Faulty(fault) => Decision::Refuse(Reason::from(*fault)),
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    if let Origin::Peer { certificate, .. } = &facts.origin {
        told.certificate(certificate);
    }
}

impl From<CertificateFault> for Reason {
    /// The same words for both sides of a connection.
    fn from(fault: CertificateFault) -> Self {
        match fault {
            CertificateFault::Untrusted => Reason::CertificateUntrusted,
            CertificateFault::Expired => Reason::CertificateExpired,
            CertificateFault::NotYetValid => Reason::CertificateNotYetValid,
            CertificateFault::Revoked => Reason::CertificateRevoked,
            CertificateFault::WrongUse => Reason::CertificateUsage,
            CertificateFault::RevocationUnknown => Reason::RevocationUnknown,
        }
    }
}
