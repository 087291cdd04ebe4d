//! The server's certificate, question by question. Asks nothing: everything that is needed to answer comes in.

use jiff::Timestamp;
use pli_directory::TrustList;
use pli_net::RevocationStatus;
use pli_types::{CertificateFault, DistinguishedName, Domain, Masker, PresentedCertificate};

use super::fault::Fault;
use super::step::{Seen, Step};
use crate::delivery::route::Expected;
use crate::intake::record::{certificate_name, foreign};

/// Names, domains and lists that one line shows at most.
pub(super) const SHOWN_MAX: usize = 4;

/// What the certificate is held against.
pub(super) struct Evidence<'a> {
    pub(super) masker: &'a Masker,
    pub(super) certificate: &'a PresentedCertificate,
    /// What the one judgement said, the same that a delivery hears.
    pub(super) verdict: Result<(), CertificateFault>,
    pub(super) now: Timestamp,
    pub(super) revocation: &'a [RevocationStatus],
    pub(super) list: Option<&'a TrustList>,
    pub(super) expected: &'a Expected,
}

impl Evidence<'_> {
    /// The judgement names one fault, the first of them in this order; what it did not come to is not known.
    pub(super) fn steps(&self) -> [(Step, Seen); 5] {
        [
            (Step::Chain, self.chain()),
            (Step::Dates, self.dates()),
            (Step::Use, self.usage()),
            (Step::Revocation, self.revocation()),
            (Step::Name, self.name()),
        ]
    }

    fn chain(&self) -> Seen {
        let certificate = self.certificate;
        let detail = format!(
            "{}, serial {}, issued by {}; sent with {} more",
            certificate_name(self.masker, &certificate.subject),
            foreign(self.masker, &certificate.serial),
            certificate_name(self.masker, &certificate.issuer),
            certificate.chain.len(),
        );
        match self.verdict {
            Err(CertificateFault::Untrusted) => Seen::fail(Fault::Certificate(CertificateFault::Untrusted), detail),
            _ => Seen::ok(detail),
        }
    }

    /// Also told of a certificate that does not chain: it may be the right one's forerunner.
    fn dates(&self) -> Seen {
        let (first, last) = (self.certificate.not_before, self.certificate.not_after);
        let detail = format!("{first} to {last}");
        if self.now < first {
            return Seen::fail(Fault::Certificate(CertificateFault::NotYetValid), detail);
        }
        if self.now > last {
            return Seen::fail(Fault::Certificate(CertificateFault::Expired), detail);
        }
        Seen::ok(format!("{detail}: {} days left", last.duration_since(self.now).as_hours() / 24))
    }

    fn usage(&self) -> Seen {
        match self.verdict {
            Ok(()) | Err(CertificateFault::Revoked | CertificateFault::RevocationUnknown) => {
                Seen::ok("meant for servers")
            }
            Err(CertificateFault::WrongUse) => {
                Seen::fail(Fault::Certificate(CertificateFault::WrongUse), "not meant for servers")
            }
            Err(_) => Seen::skipped("not asked of a certificate that does not hold"),
        }
    }

    fn revocation(&self) -> Seen {
        match self.verdict {
            Ok(()) => Seen::ok(format!("not revoked; {}", self.lists())),
            Err(fault @ (CertificateFault::Revoked | CertificateFault::RevocationUnknown)) => {
                Seen::fail(Fault::Certificate(fault), format!("{fault}; {}", self.lists()))
            }
            Err(_) => Seen::skipped("not asked of a certificate that does not hold"),
        }
    }

    /// Age and end of what answered for its issuer.
    fn lists(&self) -> String {
        let issuer = &self.certificate.issuer;
        // One that another source has overtaken answers for nothing.
        let counts = |status: &&RevocationStatus| status.in_force || status.validity.is_none();
        let of_issuer = self.revocation.iter().filter(|status| is_of(&status.authority, issuer)).filter(counts);
        let told: Vec<String> = of_issuer.take(SHOWN_MAX).map(|status| self.told(status)).collect();
        if told.is_empty() { "no list of its issuer is here".to_owned() } else { told.join("; ") }
    }

    fn told(&self, status: &RevocationStatus) -> String {
        let source = foreign(self.masker, &status.source);
        let Some((this_update, next_update)) = status.validity else {
            let fault = status.last_try.as_ref().and_then(|(_, fault)| fault.as_deref());
            return format!("no list from {source}: {}", foreign(self.masker, fault.unwrap_or("never asked")));
        };
        let hours = self.now.duration_since(this_update).as_hours();
        format!("list of {this_update} ({hours} h old), next due {next_update}, {source}")
    }

    fn name(&self) -> Seen {
        let shown = certificate_name(self.masker, &self.certificate.subject);
        if self.expected.is_met_by(&self.certificate.subject, self.list) {
            return Seen::ok(match self.expected {
                Expected::ListedFor(domain) => format!("{shown} is listed for {}", self.masker.scrub(domain.as_str())),
                Expected::Named(_) => format!("{shown} is the connector's"),
            });
        }
        let expected = match (self.expected, self.list) {
            (Expected::ListedFor(domain), Some(list)) => names(self.masker, list, domain),
            (Expected::ListedFor(_), None) => "nobody: no list is in force".to_owned(),
            (Expected::Named(name), _) => certificate_name(self.masker, name),
        };
        Seen::fail(Fault::OtherName, format!("{shown} {}; expected is {expected}", self.belongs_to()))
    }

    fn belongs_to(&self) -> String {
        let domains = self.list.map(|list| list.domains_of(&self.certificate.subject)).unwrap_or_default();
        if domains.is_empty() {
            return "is in no entry of the list".to_owned();
        }
        let domains: Vec<_> = domains.into_iter().map(|domain| self.masker.scrub(domain.as_str())).collect();
        format!("is listed for {}", first_of(&domains))
    }
}

/// An authority is told by its name as text.
fn is_of(authority: &str, issuer: &DistinguishedName) -> bool {
    DistinguishedName::parse(authority).is_ok_and(|authority| authority == *issuer)
}

/// The certificate names of a domain, the first few.
pub(super) fn names(masker: &Masker, list: &TrustList, domain: &Domain) -> String {
    let mut names: Vec<String> = list.names_of(domain).map(|name| certificate_name(masker, name)).collect();
    names.sort();
    first_of(&names)
}

fn first_of(all: &[impl AsRef<str>]) -> String {
    let shown: Vec<_> = all.iter().take(SHOWN_MAX).map(AsRef::as_ref).collect();
    let more = all.len().saturating_sub(SHOWN_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join("; "))
}
