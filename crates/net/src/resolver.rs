//! [`Resolver`]: MX, addresses, and where services are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::NetError as DnsFailure;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::MX;
use hickory_resolver::proto::rr::{Name, RData};
use tokio::time::timeout;

use crate::error::NetError;

/// One question to one server, and how often it is put.
const QUESTION: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// One call of ours, whatever the number of servers and questions.
const CALL: Duration = Duration::from_secs(20);
/// How long "there is none" is believed: the zone may be under repair.
const NEGATIVE_TTL: Duration = Duration::from_mins(5);
/// How many hosts, and addresses of a host, are worth trying. The zone's owner decides what stands in it.
const ANSWERS: usize = 16;

/// A place where a service is (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The lowest is tried first.
    pub priority: u16,
    /// The share of those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host, without the dot at the end; empty if the domain says that it does not offer the service.
    pub host: String,
}

/// Asks the DNS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    dns: TokioResolver,
}

impl Resolver {
    /// With the system's own settings. A machine without any asks a name server on itself (resolv.conf(5)).
    pub fn system() -> Result<Self, NetError> {
        if !Path::new("/etc/resolv.conf").exists() {
            return Self::with_servers(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]);
        }
        let mut builder = TokioResolver::builder_tokio()
            .map_err(|error| NetError::Dns(format!("/etc/resolv.conf cannot be used: {error}")))?;
        bound(builder.options_mut());
        Self::built(builder.build())
    }

    /// With name servers of one's own choice, asked in this order.
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        bound(builder.options_mut());
        builder.options_mut().server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        Self::built(builder.build())
    }

    fn built(dns: Result<TokioResolver, DnsFailure>) -> Result<Self, NetError> {
        dns.map(|dns| Self { dns }).map_err(|error| NetError::Dns(error.to_string()))
    }

    /// The hosts that take mail for a domain, best first (RFC 5321 §5.1): its MX, or the domain itself when it has
    /// none but has an address. A null MX (RFC 7505) is an error that says so.
    ///
    /// [`NetError::NoHost`] when the DNS is certain that there is none, otherwise [`NetError::Dns`] or
    /// [`NetError::Timeout`].
    pub async fn mail_hosts(&self, domain: &str) -> Result<Vec<String>, NetError> {
        within_call(async {
            let name = absolute(domain)?;
            match self.dns.mx_lookup(name).await {
                Ok(answer) => ranked(domain, answer.answers().iter().filter_map(|record| mx(&record.data))),
                Err(error) if error.is_nx_domain() => Err(no_such(domain)),
                // RFC 5321 §5.1: no MX at all, so the domain stands for its own mail host, if it is a host.
                Err(error) if error.is_no_records_found() => {
                    self.lookup(domain).await.map(|_| vec![domain.trim_end_matches('.').to_owned()])
                }
                Err(error) => Err(failed(domain, &error)),
            }
        })
        .await
    }

    /// The addresses of a host; an IP address stands for itself. Never empty.
    ///
    /// Errors as [`Resolver::mail_hosts`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        within_call(self.lookup(host)).await
    }

    /// Where a domain says that a service is (RFC 2782), as in `_imaps._tcp.example.fr`, the best first; none if it says
    /// nothing.
    ///
    /// [`NetError::Dns`] or [`NetError::Timeout`] when the DNS does not say.
    pub async fn services(&self, name: &str) -> Result<Vec<Service>, NetError> {
        within_call(async {
            match self.dns.srv_lookup(absolute(name)?).await {
                Ok(answer) => Ok(services(answer.answers().iter().map(|record| &record.data))),
                Err(error) if error.is_nx_domain() || error.is_no_records_found() => Ok(Vec::new()),
                Err(error) => Err(failed(name, &error)),
            }
        })
        .await
    }

    async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        let found = self.dns.lookup_ip(absolute(host)?).await.map_err(|error| failed(host, &error))?;
        let addresses: Vec<IpAddr> = found.iter().take(ANSWERS).collect();
        if addresses.is_empty() {
            return Err(NetError::NoHost(format!("{host} has no address")));
        }
        Ok(addresses)
    }
}

fn bound(options: &mut ResolverOpts) {
    options.timeout = QUESTION;
    options.attempts = ATTEMPTS;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.negative_max_ttl = Some(NEGATIVE_TTL);
}

async fn within_call<T>(call: impl Future<Output = Result<T, NetError>>) -> Result<T, NetError> {
    timeout(CALL, call).await.unwrap_or(Err(NetError::Timeout))
}

/// Without the search list of the machine: `example` is never `example.our-own-domain`.
fn absolute(name: &str) -> Result<Name, NetError> {
    let mut name =
        Name::from_utf8(name).map_err(|error| NetError::NoHost(format!("{name} is not a domain name: {error}")))?;
    name.set_fqdn(true);
    Ok(name)
}

fn services<'a>(records: impl Iterator<Item = &'a RData>) -> Vec<Service> {
    let records = records.filter_map(|data| match data {
        RData::SRV(srv) => Some(srv),
        _ => None,
    });
    let mut found: Vec<Service> = records
        .map(|srv| Service {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            host: srv.target.to_ascii().trim_end_matches('.').to_owned(),
        })
        .collect();
    found.sort_by_key(|service| (service.priority, std::cmp::Reverse(service.weight)));
    found.truncate(ANSWERS);
    found
}

fn mx(data: &RData) -> Option<&MX> {
    match data {
        RData::MX(mx) => Some(mx),
        _ => None,
    }
}

/// Best first, that is lowest preference first; without the dot at the end.
fn ranked<'a>(domain: &str, records: impl Iterator<Item = &'a MX>) -> Result<Vec<String>, NetError> {
    let mut records: Vec<&MX> = records.collect();
    records.sort_by_key(|mx| mx.preference);
    // A root as host means "no mail here" and stands alone (RFC 7505 §3); beside others it is no host either.
    let hosts = records.iter().filter(|mx| !mx.exchange.is_root()).take(ANSWERS);
    let hosts: Vec<String> = hosts.map(|mx| mx.exchange.to_ascii().trim_end_matches('.').to_owned()).collect();
    match (records.is_empty(), hosts.is_empty()) {
        (true, _) => Err(NetError::NoHost(format!("{domain} has no mail host"))),
        (false, true) => Err(NetError::NoHost(format!("{domain} takes no mail: it has a null MX (RFC 7505)"))),
        (false, false) => Ok(hosts),
    }
}

fn no_such(name: &str) -> NetError {
    NetError::NoHost(format!("there is no domain {name}"))
}

fn failed(name: &str, error: &DnsFailure) -> NetError {
    if error.is_nx_domain() {
        no_such(name)
    } else if error.is_no_records_found() {
        NetError::NoHost(format!("{name} has no address"))
    } else if matches!(error, DnsFailure::Timeout) {
        NetError::Timeout
    } else {
        NetError::Dns(format!("no answer about {name}: {error}"))
    }
}
