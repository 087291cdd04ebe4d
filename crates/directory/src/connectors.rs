//! Hospitals' own mail servers ([`Connector`]) and static routes beside the DNS ([`Routes`]).

use std::collections::HashMap;
use std::net::IpAddr;

use pli_types::{DistinguishedName, Domain};
use serde::{Deserialize, Serialize};

use crate::trust_list::certificate_name;

/// `[[connector]]`: a hospital's own mail server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorConfig {
    /// Its name, for admins.
    pub name: String,
    /// The subject of its certificate (RFC 4514), shown as a client and expected as a server.
    pub certificate_name: String,
    /// The domains that it may send as; mail for them that has no mailbox here is handed to it.
    pub domains: Vec<String>,
    /// Where that mail is handed.
    pub host: String,
    /// And at which port.
    pub port: u16,
}

/// `[[route]]`: where a domain's mail goes, instead of its MX.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// The recipient's domain.
    pub domain: String,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A hospital's own mail server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name, for admins.
    pub name: String,
    /// The subject of its certificate.
    pub certificate_name: DistinguishedName,
    /// The domains that it may send as.
    pub domains: Vec<Domain>,
    /// Where their mail is handed.
    pub host: String,
    /// And at which port.
    pub port: u16,
}

/// Where a domain's mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the servers that the DNS names; their certificate must be one listed for the domain.
    Mx,
    /// To this server; its certificate must be one listed for the domain.
    Static {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
    },
    /// To a hospital's own server; its certificate must have the connector's name.
    Connector(Connector),
}

/// Connectors and static routes, by domain and by certificate.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    connectors: Vec<Connector>,
    by_domain: HashMap<Domain, Route>,
}

impl Routes {
    /// Checks the configuration: names and domains parse, no domain has two routes, no certificate and no name two
    /// connectors, hosts and ports can be connected to. The text of the error names the place in the configuration.
    pub fn new(connectors: &[ConnectorConfig], routes: &[RouteConfig]) -> Result<Self, String> {
        let mut out = Self::default();
        for config in connectors {
            let connector = checked(config)?;
            if out.connectors.iter().any(|other| other.name == connector.name) {
                return Err(format!("connector {}: its name is given twice", config.name));
            }
            if let Some(other) = out.connector(&connector.certificate_name) {
                // Its certificate would open the domains of both.
                return Err(format!("connector {}: has the certificate_name of connector {}", config.name, other.name));
            }
            for domain in &connector.domains {
                out.add(domain, Route::Connector(connector.clone()))?;
            }
            out.connectors.push(connector);
        }
        for config in routes {
            let domain = Domain::parse(&config.domain).map_err(|error| format!("route {}: {error}", config.domain))?;
            check_server(&config.host, config.port).map_err(|what| format!("route {domain}: {what}"))?;
            out.add(&domain, Route::Static { host: config.host.clone(), port: config.port })?;
        }
        Ok(out)
    }

    fn add(&mut self, domain: &Domain, route: Route) -> Result<(), String> {
        match self.by_domain.insert(domain.clone(), route) {
            None => Ok(()),
            Some(_) => Err(format!("the domain {domain} has two routes")),
        }
    }

    /// Where this domain's mail goes.
    #[must_use]
    pub fn route(&self, domain: &Domain) -> Route {
        self.by_domain.get(domain).cloned().unwrap_or(Route::Mx)
    }

    /// The connector whose certificate has this name.
    #[must_use]
    pub fn connector(&self, certificate_name: &DistinguishedName) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.certificate_name == *certificate_name)
    }

    /// Is this a connector's domain?
    #[must_use]
    pub fn is_connector_domain(&self, domain: &Domain) -> bool {
        matches!(self.by_domain.get(domain), Some(Route::Connector(_)))
    }
}

fn checked(config: &ConnectorConfig) -> Result<Connector, String> {
    let place = |what: String| format!("connector {}: {what}", config.name);
    let certificate_name =
        certificate_name(&config.certificate_name).map_err(|what| place(format!("certificate_name: {what}")))?;
    let domain = |text: &String| Domain::parse(text).map_err(|error| place(format!("domains: {text}: {error}")));
    let domains = config.domains.iter().map(domain).collect::<Result<Vec<_>, _>>()?;
    if domains.is_empty() {
        return Err(place("domains: it needs one at least".to_owned()));
    }
    check_server(&config.host, config.port).map_err(place)?;
    Ok(Connector { name: config.name.clone(), certificate_name, domains, host: config.host.clone(), port: config.port })
}

/// A host is a name, or an IP address without brackets.
fn check_server(host: &str, port: u16) -> Result<(), String> {
    let name_ok = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    if host.parse::<IpAddr>().is_err() && (host.is_empty() || !host.bytes().all(name_ok)) {
        return Err(format!("host: {host:?} is neither a host name nor an IP address"));
    }
    if port == 0 {
        return Err("port: 0 is none".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "CN=mta.ch-exemple.fr,OU=1130786049,O=CH EXEMPLE,C=FR";

    fn hospital() -> ConnectorConfig {
        ConnectorConfig {
            name: "hospital-mta".into(),
            certificate_name: NAME.into(),
            domains: vec!["CH-Exemple.mssante.fr".into()],
            host: "127.0.0.1".into(),
            port: 2525,
        }
    }

    fn route(domain: &str) -> RouteConfig {
        RouteConfig { domain: domain.into(), host: "mx.peer.test".into(), port: 25 }
    }

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn a_domain_goes_to_its_connector_its_route_or_its_mx() {
        let routes = Routes::new(&[hospital()], &[route("peer.mssante.fr")]).unwrap();
        assert!(matches!(routes.route(&domain("ch-exemple.mssante.fr")), Route::Connector(c) if c.port == 2525));
        assert!(matches!(routes.route(&domain("peer.mssante.fr")), Route::Static { port: 25, .. }));
        assert_eq!(routes.route(&domain("elsewhere.mssante.fr")), Route::Mx);
        assert!(routes.is_connector_domain(&domain("ch-exemple.mssante.fr")));
        assert!(!routes.is_connector_domain(&domain("peer.mssante.fr")));
    }

    #[test]
    fn a_connector_is_known_by_its_certificate_however_it_is_spelled() {
        let routes = Routes::new(&[hospital()], &[]).unwrap();
        let shown = |text| DistinguishedName::parse(text).unwrap();
        let found = routes.connector(&shown("C=FR,O=CH Exemple,OU=1130786049,CN=MTA.ch-exemple.fr"));
        assert_eq!(found.map(|connector| connector.name.as_str()), Some("hospital-mta"));
        assert!(routes.connector(&shown("CN=mta.ch-exemple.fr,C=FR")).is_none());
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let with = |change: fn(&mut ConnectorConfig)| {
            let mut config = hospital();
            change(&mut config);
            Routes::new(&[config], &[]).unwrap_err()
        };
        for (error, told) in [
            (with(|c| c.certificate_name = "mta".into()), "connector hospital-mta: certificate_name: "),
            (with(|c| c.certificate_name = "O=CH".into()), "connector hospital-mta: certificate_name: "),
            (with(|c| c.domains = vec!["not a domain".into()]), "connector hospital-mta: domains: not a domain: "),
            (with(|c| c.domains.clear()), "connector hospital-mta: domains: "),
            (with(|c| c.host = "mta.test:25".into()), "connector hospital-mta: host: "),
            (with(|c| c.host = String::new()), "connector hospital-mta: host: "),
            (with(|c| c.port = 0), "connector hospital-mta: port: "),
            (Routes::new(&[], &[RouteConfig { port: 0, ..route("a.fr") }]).unwrap_err(), "route a.fr: port: "),
            (Routes::new(&[], &[route("a b")]).unwrap_err(), "route a b: "),
        ] {
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn a_domain_with_two_routes_is_refused() {
        for (connectors, routes) in [
            (vec![hospital()], vec![route("ch-exemple.mssante.fr")]),
            (vec![], vec![route("a.mssante.fr"), route("A.mssante.fr")]),
            (
                vec![
                    hospital(),
                    ConnectorConfig { name: "other".into(), certificate_name: "CN=other".into(), ..hospital() },
                ],
                vec![],
            ),
        ] {
            let error = Routes::new(&connectors, &routes).unwrap_err();
            assert!(error.contains("two routes"), "{error}");
        }
    }

    #[test]
    fn two_connectors_with_one_name_or_one_certificate_are_refused() {
        let error = Routes::new(&[hospital(), hospital()], &[]).unwrap_err();
        assert_eq!(error, "connector hospital-mta: its name is given twice");
        let other = ConnectorConfig { name: "other".into(), domains: vec!["b.mssante.fr".into()], ..hospital() };
        let error = Routes::new(&[hospital(), other], &[]).unwrap_err();
        assert!(error.starts_with("connector other: ") && error.contains("hospital-mta"), "{error}");
    }
}
