//! Revocation lists: signing them, and reading back what a sandbox's file revokes, so that a later start keeps it.

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::pki::{later, since_epoch};

/// How long a list holds. Shorter than a leaf, so that a clock moved between the two ends shows what happens
/// when no list is left.
const VALIDITY: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// A list begins a little in the past: clocks differ.
pub(crate) const BACKDATED: SignedDuration = SignedDuration::from_hours(1);
/// A start signs the lists anew when less than this is left.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// A certificate taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its issuer's name, in DER.
    pub issuer: Vec<u8>,
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// Since when.
    pub since: Timestamp,
}

/// Signs one list and gives it as PEM.
pub(crate) fn sign<'a>(
    issuer: &Issuer<'_, KeyPair>,
    revoked: impl Iterator<Item = &'a Revoked>,
    now: Timestamp,
) -> anyhow::Result<String> {
    let this_update = later(now, -BACKDATED);
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(1970, 1, 1) + since_epoch(this_update),
        next_update: date_time_ymd(1970, 1, 1) + since_epoch(later(now, VALIDITY)),
        // RFC 5280 §5.2.3 wants it to grow; seconds do, without a counter to keep.
        crl_number: SerialNumber::from(since_epoch(now).as_secs()),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .map(|entry| RevokedCertParams {
                serial_number: SerialNumber::from_slice(&entry.serial),
                revocation_time: date_time_ymd(1970, 1, 1) + since_epoch(entry.since),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(issuer)?.pem()?)
}

/// The list of this issuer (its name in DER) in a PEM file of lists, as DER.
pub(crate) fn of_issuer(pem: &str, issuer: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block?;
        let (_, list) = CertificateRevocationList::from_der(&block.contents)
            .map_err(|error| anyhow!("not a revocation list: {error}"))?;
        if list.issuer().as_raw() == issuer {
            return Ok(Some(block.contents));
        }
    }
    Ok(None)
}

/// What a PEM file of lists holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Lists {
    /// Everything revoked.
    pub revoked: Vec<Revoked>,
    /// The latest beginning of the lists.
    pub this_update: Timestamp,
    /// The earliest end of the lists.
    pub next_update: Timestamp,
}

impl Lists {
    /// Reads them. The signatures are not checked here: the operators do that.
    pub fn parse(pem: &str) -> anyhow::Result<Self> {
        let mut lists = Self { revoked: Vec::new(), this_update: Timestamp::MIN, next_update: Timestamp::MAX };
        for block in Pem::iter_from_buffer(pem.as_bytes()) {
            let block = block?;
            let (_, list) = CertificateRevocationList::from_der(&block.contents)
                .map_err(|error| anyhow!("not a revocation list: {error}"))?;
            let this = Timestamp::from_second(list.last_update().timestamp())?;
            lists.this_update = lists.this_update.max(this);
            let next = list.next_update().ok_or_else(|| anyhow!("a revocation list without nextUpdate"))?;
            lists.next_update = lists.next_update.min(Timestamp::from_second(next.timestamp())?);
            for entry in list.iter_revoked_certificates() {
                lists.revoked.push(Revoked {
                    issuer: list.issuer().as_raw().to_vec(),
                    serial: entry.raw_serial().to_vec(),
                    since: Timestamp::from_second(entry.revocation_date.timestamp())?,
                });
            }
        }
        Ok(lists)
    }

    /// Is it time for new ones?
    #[must_use]
    pub fn need_renewal(&self, now: Timestamp) -> bool {
        self.next_update < later(now, RENEWED_BEFORE)
    }
}
