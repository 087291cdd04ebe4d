//! [`Signers`]: whose signature on a list is believed, judged as every certificate is.

use jiff::Timestamp;
use pli_directory::SignerJudge;
use pli_net::Pki;
use pli_types::DistinguishedName;

/// The trust space's authorities: chain through "organisations", dates, revocation lists.
#[derive(Debug, Clone)]
pub(crate) struct Signers(pub(crate) Pki);

impl SignerJudge for Signers {
    fn judge(&self, der: &[u8], now: Timestamp) -> Result<DistinguishedName, String> {
        match self.0.judge_signer(der, now) {
            Ok(signer) => Ok(signer.subject),
            Err(fault) => Err(fault.to_string()),
        }
    }
}
