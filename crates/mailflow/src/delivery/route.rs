//! Where a destination's mail goes, and which certificate its server must show: [`Way`].

use pli_directory::{Route, TrustList};
use pli_net::{NetError, Resolver};
use pli_policy::Reason;
use pli_types::{CertificateUse, DistinguishedName, Domain, PresentedCertificate};

use super::verdict::{Trouble, Verdict};
use crate::intake::Intake;
use crate::intake::evidence::{self, Shown, Side};
use crate::intake::record::certificate_name;

/// Servers of one domain that are tried at most.
pub(crate) const HOSTS_MAX: usize = 5;

/// The servers to try, best first, and what each must prove.
#[derive(Debug)]
pub(crate) struct Way {
    /// Name and port.
    pub(crate) hosts: Vec<(String, u16)>,
    expected: Expected,
}

/// Which certificate is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// One that the list names for this domain (scenario 7).
    ListedFor(Domain),
    /// The connector's.
    Named(DistinguishedName),
}

impl Way {
    /// Finds it. A domain that the list no longer names gets no more mail (scenario 14); a connector's domain is ours to
    /// hand over, whether listed or not.
    pub(crate) async fn find(
        intake: &Intake,
        resolver: &Resolver,
        port: u16,
        destination: &Domain,
    ) -> Result<Self, Verdict> {
        let route = intake.routes.current().route(destination);
        let expected = Expected::on(&route, destination);
        if let Expected::ListedFor(domain) = &expected {
            must_be_listed(intake, domain)?;
        }
        let hosts = match route {
            Route::Connector { server, .. } => vec![(server.host, server.port)],
            Route::Static { host, port } => vec![(host, port)],
            Route::Mx => mail_hosts(intake, resolver, port, destination).await?,
        };
        Ok(Self { hosts, expected })
    }

    /// Is this the certificate that a server on this way must show? Judged anew for every message, under the
    /// revocation lists and the trust list in force. The trouble is told in words that may be shown.
    pub(crate) fn admits(&self, intake: &Intake, certificate: &PresentedCertificate) -> Result<(), Trouble> {
        let list = intake.trust.current();
        let reason = match intake.pki.judge(certificate, CertificateUse::Server, intake.clock.now()) {
            Err(fault) => Reason::from(fault),
            Ok(()) if self.expected.is_met_by(&certificate.subject, list.as_deref()) => return Ok(()),
            Ok(()) => Reason::PeerCertificateNotListed,
        };
        let shown = Shown::of(&intake.masker, certificate);
        let (pki, list) = (&intake.pki, list.as_deref());
        let seen = evidence::tell(pki, reason, Side::Server, Some(&shown), list).unwrap_or_default();
        let wanted = match (&self.expected, reason) {
            (Expected::ListedFor(domain), Reason::PeerCertificateNotListed) => format!("; not listed for {domain}"),
            (Expected::Named(name), Reason::PeerCertificateNotListed) => {
                format!("; not the connector's, {}", certificate_name(&intake.masker, name))
            }
            _ => String::new(),
        };
        Err(Trouble::scrubbed(reason, seen + &wanted))
    }
}

impl Expected {
    /// What a server on this route to this domain must show.
    pub(crate) fn on(route: &Route, destination: &Domain) -> Self {
        match route {
            Route::Connector { certificate_name, .. } => Self::Named(certificate_name.clone()),
            Route::Mx | Route::Static { .. } => Self::ListedFor(destination.clone()),
        }
    }

    pub(crate) fn is_met_by(&self, subject: &DistinguishedName, list: Option<&TrustList>) -> bool {
        match self {
            Self::ListedFor(domain) => list.is_some_and(|list| list.binds(domain, subject)),
            Self::Named(name) => name == subject,
        }
    }
}

fn must_be_listed(intake: &Intake, destination: &Domain) -> Result<(), Verdict> {
    let masker = &intake.masker;
    match intake.trust.current() {
        None => Err(Verdict::Later(Trouble::new(masker, Reason::ListUnavailable, "no trust list is in force"))),
        Some(list) if list.lists_domain(destination) => Ok(()),
        Some(list) => {
            let detail = format!("{destination} is not in the trust list of {}", list.generated_at());
            Err(Verdict::Never(Trouble::new(masker, Reason::RecipientDomainNotListed, &detail)))
        }
    }
}

async fn mail_hosts(
    intake: &Intake,
    resolver: &Resolver,
    port: u16,
    destination: &Domain,
) -> Result<Vec<(String, u16)>, Verdict> {
    match resolver.mail_hosts(destination.as_str()).await {
        Ok(hosts) => Ok(hosts.into_iter().take(HOSTS_MAX).map(|host| (host, port)).collect()),
        Err(error) => Err(dns_verdict(intake, &error)),
    }
}

/// A domain that says that it takes no mail (RFC 7505) will not take it tomorrow. Everything else, a name that does
/// not exist included, may be a fault of the DNS that is mended within the queue's patience.
fn dns_verdict(intake: &Intake, error: &NetError) -> Verdict {
    let detail = crate::chain(error);
    let trouble = Trouble::new(&intake.masker, Reason::PeerUnreachable, &detail);
    match error {
        NetError::NoHost(what) if what.contains("null MX") => Verdict::Never(trouble),
        _ => Verdict::Later(trouble),
    }
}
