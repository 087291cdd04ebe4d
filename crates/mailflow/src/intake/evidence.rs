//! What was seen when a certificate or the trust list was the reason: whose certificate, which one, which date decided.
//! For the log, the record and the queue entry; a peer is told by its reason alone.

use std::fmt;

use jiff::Timestamp;
use pli_directory::TrustList;
use pli_net::Pki;
use pli_policy::Reason;
use pli_types::{Masker, PresentedCertificate};

use super::record::certificate_name;

/// Which side of a connection showed the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that connected to us.
    Client,
    /// The one that we connected to.
    Server,
}

/// A certificate as the record has it, masked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its subject.
    pub(crate) name: String,
    /// Who signed it, as it says itself.
    pub(crate) issuer: String,
    /// Hexadecimal.
    pub(crate) serial: String,
    /// The first instant of its validity.
    pub(crate) not_before: Timestamp,
    /// The last.
    pub(crate) not_after: Timestamp,
}

impl Shown {
    /// What may be shown of a certificate, believed or not.
    pub(crate) fn of(masker: &Masker, certificate: &PresentedCertificate) -> Self {
        Self {
            name: certificate_name(masker, &certificate.subject),
            issuer: certificate_name(masker, &certificate.issuer),
            serial: certificate.serial.chars().take(SERIAL_MAX).collect(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        }
    }
}

/// Two are usual: the root's and that of "organisations".
const LISTS_TOLD_MAX: usize = 8;

/// RFC 5280 §4.1.2.2 allows 20 octets; a stranger's certificate may have more.
const SERIAL_MAX: usize = 40;

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// Tells it in one line; `None` where the reason lies elsewhere.
pub(crate) fn tell(
    pki: &Pki,
    reason: Reason,
    side: Side,
    shown: Option<&Shown>,
    list: Option<&TrustList>,
) -> Option<String> {
    let decided = match (reason, shown) {
        (Reason::CertificateMissing, _) => return Some(format!("the {side} showed no certificate")),
        (Reason::CertificateUntrusted, Some(shown)) => format!("issued by {}", shown.issuer),
        (Reason::CertificateRevoked | Reason::RevocationUnknown, Some(shown)) => {
            format!("issued by {}; {}", shown.issuer, revocation_lists(pki))
        }
        (Reason::CertificateNotYetValid, Some(shown)) => format!("valid from {}", shown.not_before),
        (Reason::CertificateExpired, Some(shown)) => format!("valid until {}", shown.not_after),
        (Reason::CertificateUsage, Some(_)) => format!("not meant for a {side}"),
        _ if turns_on_the_list(reason) => match list {
            Some(list) => format!("trust list of {}", list.generated_at()),
            None => "no trust list in force".to_owned(),
        },
        _ => return None,
    };
    Some(match shown {
        Some(shown) => format!("the {side}'s certificate {}, serial {}; {decided}", shown.name, shown.serial),
        None => decided,
    })
}

/// The revocation lists that certificates are held against, with their dates.
pub(crate) fn revocation_lists(pki: &Pki) -> String {
    let in_force = pki.revocation_lists().into_iter().filter(|list| list.in_force);
    let told: Vec<String> = in_force
        .filter_map(|list| {
            let (from, until) = list.validity?;
            Some(format!("revocation list of {}, from {from} until {until}", list.authority))
        })
        .take(LISTS_TOLD_MAX)
        .collect();
    if told.is_empty() { "no revocation list in force".to_owned() } else { told.join("; ") }
}

fn turns_on_the_list(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CertificateNotListed
            | Reason::SenderDomainNotListed
            | Reason::SenderDomainOtherCertificate
            | Reason::RecipientDomainNotListed
            | Reason::ListUnavailable
            | Reason::PeerCertificateNotListed
    )
}
