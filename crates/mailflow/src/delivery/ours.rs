//! Our own certificate, before anybody is shown it: while it cannot be believed, mail waits here instead of being
//! refused elsewhere.

use pli_net::ClientTls;
use pli_policy::Reason;
use pli_types::{CertificateFault, CertificateUse, PresentedCertificate};

use super::verdict::Trouble;
use crate::intake::Intake;
use crate::intake::evidence::{self, Shown};

/// Why no server can believe us now; `None` if one may. What we show is asked for anew each time, so that a renewed
/// certificate counts at once. Of a missing revocation list the other side may know better, and which uses and which
/// authority it takes is its own affair.
pub(crate) fn fault(intake: &Intake, tls: &ClientTls) -> Option<Trouble> {
    let own = tls.presented()?;
    let fault = judge(intake, &own).err()?;
    let shown = Shown::of(&intake.masker, &own);
    let decided = match fault {
        CertificateFault::Expired => format!("valid until {}", shown.not_after),
        CertificateFault::NotYetValid => format!("valid from {}", shown.not_before),
        CertificateFault::Revoked => format!("issued by {}; {}", shown.issuer, evidence::revocation_lists(&intake.pki)),
        CertificateFault::Untrusted | CertificateFault::WrongUse | CertificateFault::RevocationUnknown => return None,
    };
    let Shown { name, serial, .. } = shown;
    let detail = format!("our own certificate {name}, serial {serial}; {decided}; mail waits until it is renewed");
    Some(Trouble::scrubbed(Reason::from(fault), detail))
}

/// One meant for servers only is taken by those who set it so (spec §3.2): its dates and its revocation count all the
/// same.
fn judge(intake: &Intake, own: &PresentedCertificate) -> Result<(), CertificateFault> {
    let judge = |usage| intake.pki.judge_lately(own, usage, intake.clock.now());
    match judge(CertificateUse::Client) {
        Err(CertificateFault::WrongUse) => judge(CertificateUse::Server),
        verdict => verdict,
    }
}
