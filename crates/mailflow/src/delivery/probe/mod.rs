//! [`Probe`]: walks the way of a message to a domain's server, step by step, and sends none. It speaks through the very
//! code of a delivery, so that what it finds is what a delivery meets.
//!
//! A server that has not proven who it is hears nothing under TLS; one that has is asked what it would say to `MAIL`,
//! and then taken leave of. `RCPT` is never said.

mod certificate;
mod fault;
mod step;
mod visit;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_directory::{Route, Routes, TrustList};
use pli_net::tls::probe::{ProbeFault, ProbeVersion, Showing};
use pli_net::{NetError, OwnCertificate, Pki, Resolver, TlsFacts, TlsStream};
use pli_types::{CertificateFault, CertificateUse, Clock, DistinguishedName, Domain, Masker, PresentedCertificate};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use fault::{Fault, Party};
pub use step::{Finding, Outcome, ProbeReport, Step};

use self::certificate::{Evidence, names};
use self::step::Seen;
use self::visit::Answer;
use super::courier::ADDRESSES_MAX;
use super::opening::{InClear, OpeningFault};
use super::route::{Expected, HOSTS_MAX};
use super::verdict::Server;
use crate::intake::record::foreign;

/// How many addresses may stay silent before a step's patience is over.
const SILENT_ADDRESSES: u32 = 3;

/// Authorities that a line shows at most.
const HINTS_SHOWN_MAX: usize = 4;

/// What a probe works with: what a node knows, without its store.
#[derive(Debug)]
pub struct Probe {
    /// Our name in EHLO.
    pub server_name: String,
    /// The domains whose mailboxes are here.
    pub hosted_domains: Vec<Domain>,
    /// The trust list in force.
    pub list: Option<Arc<TrustList>>,
    /// Whom we believe.
    pub pki: Pki,
    /// Connectors and static routes.
    pub routes: Arc<Routes>,
    /// Where servers are.
    pub resolver: Resolver,
    /// The port of the servers that the DNS names.
    pub port: u16,
    /// What we show.
    pub own: OwnCertificate,
    /// How identifiers are masked.
    pub masker: Masker,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long a step may take.
    pub patience: Duration,
}

impl Probe {
    /// Walks the way to a domain's server.
    pub async fn walk(&self, domain: &Domain) -> ProbeReport {
        let route = self.routes.route(domain);
        let expected = Expected::on(&route, domain);
        let mut walk = Walk { probe: self, domain, route, expected, findings: Vec::new() };
        walk.run().await;
        walk.skip_the_rest();
        ProbeReport { domain: domain.clone(), findings: walk.findings }
    }

    fn foreign(&self, text: &str) -> String {
        foreign(&self.masker, text)
    }

    fn judge(&self, certificate: &PresentedCertificate) -> Result<(), CertificateFault> {
        self.pki.judge(certificate, CertificateUse::Server, self.clock.now())
    }
}

/// A server and its addresses.
type Host = (String, u16, Vec<IpAddr>);

/// A server with which TLS stands.
struct Secured {
    server: Server,
    stream: TlsStream,
    facts: TlsFacts,
    certificate: PresentedCertificate,
    asked: Option<Vec<String>>,
}

struct Walk<'a> {
    probe: &'a Probe,
    domain: &'a Domain,
    route: Route,
    expected: Expected,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    /// Ends early (`None`) where nothing more can be seen.
    async fn run(&mut self) -> Option<()> {
        self.trust_list()?;
        self.route();
        let hosts = self.dns().await?;
        let (server, stream) = self.tcp(&hosts).await?;
        let secured = self.secure(server, stream).await?;
        self.asked(secured.asked.as_deref());
        self.certificate(&secured.certificate).await?;
        let Secured { server, stream, facts, .. } = secured;
        let spoken = self.mail(&server, stream).await;
        self.other_ways(&server, &facts.version, &spoken).await;
        Some(())
    }

    /// Writes down what a step saw; `None` if it failed.
    fn tell(&mut self, step: Step, began: Instant, seen: Seen) -> Option<()> {
        let Seen { outcome, detail, fault } = seen;
        self.findings.push(Finding { step, outcome, detail, fault, took: began.elapsed() });
        (outcome != Outcome::Fail).then_some(())
    }

    fn skip_the_rest(&mut self) {
        let failed = self.findings.iter().find(|finding| finding.outcome == Outcome::Fail);
        let why = failed.map_or_else(String::new, |finding| format!("not reached: {} failed", finding.step.code()));
        for step in Step::ALL.iter().skip(self.findings.len()) {
            self.tell(*step, Instant::now(), Seen::skipped(&why));
        }
    }

    fn trust_list(&mut self) -> Option<()> {
        let began = Instant::now();
        let seen = match (&self.probe.list, &self.route) {
            (_, Route::Connector { name, .. }) => Seen::ok(format!("the domain of connector {name}, listed or not")),
            (None, _) => Seen::fail(Fault::NoList, "no trust list is in force here"),
            (Some(list), _) if list.lists_domain(self.domain) => {
                let names = names(&self.probe.masker, list, self.domain);
                Seen::ok(format!("listed under {names}; list of {}", list.generated_at()))
            }
            (Some(list), _) => {
                Seen::fail(Fault::NotListed, format!("in no entry of the list of {}", list.generated_at()))
            }
        };
        self.tell(Step::TrustList, began, seen)
    }

    fn route(&mut self) {
        let detail = match &self.route {
            Route::Mx if self.probe.hosted_domains.contains(self.domain) => {
                format!(
                    "hosted here, so that our own mail for it stays here; others': the MX, port {}",
                    self.probe.port
                )
            }
            Route::Mx => format!("the MX, port {}", self.probe.port),
            Route::Static { host, port } => format!("a static route: {host}, port {port}"),
            Route::Connector { name, server, .. } => {
                format!("the connector {name}: {}, port {}", server.host, server.port)
            }
        };
        self.tell(Step::Route, Instant::now(), Seen::ok(detail));
    }

    async fn dns(&mut self) -> Option<Vec<Host>> {
        let began = Instant::now();
        let looked = timeout(self.probe.patience, self.look_up()).await.unwrap_or(Err(NetError::Timeout));
        let (seen, hosts) = match looked {
            Ok(hosts) => {
                let told = hosts.iter().map(|(host, _, addresses)| {
                    if host.parse::<IpAddr>().is_ok() {
                        return format!("{host}, an address");
                    }
                    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                    let addresses = if addresses.is_empty() { "no address".to_owned() } else { addresses.join(", ") };
                    format!("{}: {addresses}", self.probe.foreign(host))
                });
                (Seen::ok(told.collect::<Vec<_>>().join("; ")), Some(hosts))
            }
            Err(error) => {
                let fault = if matches!(error, NetError::NoHost(_)) { Fault::NoMailHost } else { Fault::DnsSilent };
                (Seen::fail(fault, self.probe.foreign(&crate::chain(&error))), None)
            }
        };
        self.tell(Step::Dns, began, seen)?;
        hosts
    }

    /// One host with an address at least; else the error of the last one.
    async fn look_up(&self) -> Result<Vec<Host>, NetError> {
        let named = match &self.route {
            Route::Static { host, port } => vec![(host.clone(), *port)],
            Route::Connector { server, .. } => vec![(server.host.clone(), server.port)],
            Route::Mx => {
                let hosts = self.probe.resolver.mail_hosts(self.domain.as_str()).await?;
                hosts.into_iter().take(HOSTS_MAX).map(|host| (host, self.probe.port)).collect()
            }
        };
        let (mut hosts, mut last) = (Vec::new(), NetError::NoHost(format!("{} has no mail host", self.domain)));
        for (host, port) in named {
            match self.probe.resolver.addresses(&host).await {
                Ok(mut addresses) => {
                    addresses.truncate(ADDRESSES_MAX);
                    hosts.push((host, port, addresses));
                }
                Err(error) => {
                    hosts.push((host, port, Vec::new()));
                    last = error;
                }
            }
        }
        if hosts.iter().any(|(_, _, addresses)| !addresses.is_empty()) { Ok(hosts) } else { Err(last) }
    }

    /// The first address that takes a connection, in the order of a delivery.
    async fn tcp(&mut self, hosts: &[Host]) -> Option<(Server, TcpStream)> {
        let began = Instant::now();
        let each = hosts.iter().flat_map(|(host, port, addresses)| {
            addresses.iter().map(|address| Server { host: host.clone(), address: SocketAddr::new(*address, *port) })
        });
        let mut tried = Vec::new();
        for server in each {
            let left = self.probe.patience.saturating_sub(began.elapsed());
            let patience = left.min(self.probe.patience / SILENT_ADDRESSES);
            match visit::connect(server.address, patience).await {
                Ok(stream) => {
                    tried.push(format!("connected to {}", self.probe.foreign(&server.to_string())));
                    self.tell(Step::Tcp, began, Seen::ok(tried.join("; ")))?;
                    return Some((server, stream));
                }
                Err(what) => tried.push(format!("{}: {what}", self.probe.foreign(&server.to_string()))),
            }
            if began.elapsed() >= self.probe.patience {
                break;
            }
        }
        self.tell(Step::Tcp, began, Seen::fail(Fault::NoConnection, tried.join("; ")))?;
        None
    }

    /// Greeting, STARTTLS, handshake.
    async fn secure(&mut self, server: Server, mut stream: TcpStream) -> Option<Secured> {
        let (probe, began) = (self.probe, Instant::now());
        let mut clear = InClear::new(&mut stream, probe.patience);
        let hello = timeout(probe.patience, clear.hello(&probe.server_name)).await;
        let hello = hello.unwrap_or_else(|_| Err(OpeningFault::Unreachable("no answer in time".to_owned())));
        let (seen, offers) = match hello {
            Ok(hello) => (Seen::ok(probe.foreign(&hello.greeting.to_string())), Some(hello.offers)),
            Err(fault) => (Seen::fail(Fault::NoGreeting, probe.foreign(&fault.to_string())), None),
        };
        self.tell(Step::Greeting, began, seen)?;

        let began = Instant::now();
        let seen = match clear.starttls(offers?).await {
            Ok(()) => Seen::ok("offered, and answered with 220"),
            Err(fault) => Seen::fail(Fault::NoStarttls, probe.foreign(&fault.to_string())),
        };
        self.tell(Step::Starttls, began, seen)?;

        let began = Instant::now();
        let showing = Showing::Chain(&probe.own);
        let probed = pli_net::tls::probe::probe(stream, &server.host, showing, ProbeVersion::Any, probe.patience).await;
        let (seen, secured) = match probed.handshake {
            Ok((stream, facts)) => match facts.certificate.clone() {
                Some(certificate) => {
                    let seen = Seen::ok(format!("{}, {}", facts.version, facts.cipher));
                    (seen, Some(Secured { server, stream, facts, certificate, asked: probed.asked }))
                }
                None => (Seen::fail(Fault::NoHandshake, "the server showed no certificate"), None),
            },
            // A server of TLS 1.2 judges our certificate within the handshake.
            Err(fault @ ProbeFault::Alert(_)) if probed.asked.is_some() => {
                (Seen::fail(Fault::OursNotTaken, probe.foreign(&crate::chain(&fault))), None)
            }
            Err(fault) => (Seen::fail(Fault::NoHandshake, probe.foreign(&crate::chain(&fault))), None),
        };
        self.tell(Step::Tls, began, seen)?;
        secured
    }

    fn asked(&mut self, asked: Option<&[String]>) {
        let began = Instant::now();
        let issuer = self.probe.own.presented().map(|own| own.issuer);
        let is_ours = |hint: &String| DistinguishedName::parse(hint).ok() == issuer;
        let shown = |hints: &[String]| {
            let hints = hints.iter().take(HINTS_SHOWN_MAX).map(|hint| self.probe.foreign(hint));
            hints.collect::<Vec<_>>().join("; ")
        };
        let seen = match asked {
            None => Seen::warning(Fault::NotAsked, "no certificate was asked for"),
            Some([]) => Seen::ok("asked for, of any authority"),
            Some(hints) if hints.iter().any(is_ours) => {
                Seen::ok(format!("asked for, of {} authorities, ours among them", hints.len()))
            }
            Some(hints) => Seen::warning(Fault::HintsWithoutOurs, format!("asked for, of {} only", shown(hints))),
        };
        self.tell(Step::CertificateAsked, began, seen);
    }

    /// `None` unless the server has proven who it is: then it hears nothing more.
    async fn certificate(&mut self, certificate: &PresentedCertificate) -> Option<()> {
        let (probe, began) = (self.probe, Instant::now());
        // As before a delivery: its revocation list may never have been asked for.
        drop(timeout(probe.patience, probe.pki.prepare(certificate, probe.clock.now())).await);
        let revocation = probe.pki.revocation_lists();
        let evidence = Evidence {
            masker: &probe.masker,
            certificate,
            verdict: probe.judge(certificate),
            now: probe.clock.now(),
            revocation: &revocation,
            list: probe.list.as_deref(),
            expected: &self.expected,
        };
        let (fetching, mut all) = (began.elapsed(), Some(()));
        for (step, seen) in evidence.steps() {
            // What took time was the fetch of the list.
            let took = if step == Step::Revocation { fetching } else { Duration::ZERO };
            let Seen { outcome, detail, fault } = seen;
            self.findings.push(Finding { step, outcome, detail, fault, took });
            all = all.filter(|()| outcome != Outcome::Fail);
        }
        all
    }

    /// EHLO and MAIL on the connection that was just judged, as a delivery says them.
    async fn mail(&mut self, server: &Server, stream: TlsStream) -> Answer {
        let began = Instant::now();
        let sender = self.sender_domain();
        let answer = self.probe.converse(server, stream, sender.as_ref()).await;
        let seen = match &answer {
            Answer::Reply(reply) if reply.is_done() => {
                Seen::ok(format!("{}: {}", mail_line(sender.as_ref()), self.probe.foreign(&reply.to_string())))
            }
            Answer::Reply(reply) => {
                let detail = format!("{}: {}", mail_line(sender.as_ref()), self.probe.foreign(&reply.to_string()));
                Seen::fail(Fault::MailRefused(reply.named_reason()), detail)
            }
            Answer::NotTaken(what) => Seen::fail(Fault::OursNotTaken, self.probe.foreign(what)),
            Answer::None(what) => Seen::fail(Fault::NoAnswer, self.probe.foreign(what)),
        };
        self.tell(Step::Mail, began, seen);
        answer
    }

    /// The domain that our certificate is listed for, or at least one that is ours.
    fn sender_domain(&self) -> Option<Domain> {
        let (hosted, own) = (&self.probe.hosted_domains, self.probe.own.presented());
        let bound = self
            .probe
            .list
            .as_ref()
            .zip(own)
            .and_then(|(list, own)| hosted.iter().find(|domain| list.binds(domain, &own.subject)));
        bound.or_else(|| hosted.first()).cloned()
    }

    /// Our certificate in both forms under both versions; then none.
    async fn other_ways(&mut self, server: &Server, version: &str, spoken: &Answer) {
        let (probe, own) = (self.probe, &self.probe.own);
        let sender = self.sender_domain();
        let ways = [
            (Step::ChainTls13, Showing::Chain(own), ProbeVersion::Tls13, "TLSv1.3"),
            (Step::AloneTls13, Showing::LeafOnly(own), ProbeVersion::Tls13, "TLSv1.3"),
            (Step::ChainTls12, Showing::Chain(own), ProbeVersion::Tls12, "TLSv1.2"),
            (Step::AloneTls12, Showing::LeafOnly(own), ProbeVersion::Tls12, "TLSv1.2"),
        ];
        for (step, showing, only, name) in ways {
            let began = Instant::now();
            let seen = if name == version && matches!(showing, Showing::Chain(_)) {
                self.heard_already(spoken)
            } else {
                let visited = probe.visit(server, &self.expected, showing, only, sender.as_ref()).await;
                probe.other_way(visited, only, spoken)
            };
            self.tell(step, began, seen);
        }
        let began = Instant::now();
        let visited = probe.visit(server, &self.expected, Showing::Nothing, ProbeVersion::Any, sender.as_ref()).await;
        self.tell(Step::NoCertificate, began, probe.without_certificate(visited));
    }

    /// That is what the delivery's way was.
    fn heard_already(&self, spoken: &Answer) -> Seen {
        match (spoken, self.findings.last()) {
            (Answer::Reply(reply), _) if reply.is_done() => Seen::ok("taken: the step mail"),
            (_, Some(Finding { fault: Some(fault), .. })) => Seen::fail(*fault, "not taken: the step mail"),
            _ => Seen::skipped("the step mail"),
        }
    }
}

fn mail_line(sender: Option<&Domain>) -> String {
    sender.map_or_else(|| "MAIL FROM:<>".to_owned(), |domain| format!("MAIL FROM:<postmaster@{domain}>"))
}
