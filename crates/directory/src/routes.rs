//! Where mail goes: connectors and static routes beside the DNS ([`Routes`]), and those in force ([`RoutesHandle`]).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use pli_types::{DistinguishedName, Domain};
use serde::{Deserialize, Serialize};

use crate::connectors::{Connector, ConnectorConfig, ConnectorServer, check_server};

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
    Connector {
        /// The connector's name, for admins.
        name: String,
        /// The subject of its certificate.
        certificate_name: DistinguishedName,
        /// The server.
        server: ConnectorServer,
    },
}

/// The connectors and routes in force. Cheap to clone; reading takes no lock, and what has been read stays as it was.
#[derive(Debug, Clone, Default)]
pub struct RoutesHandle(Arc<ArcSwap<Routes>>);

impl RoutesHandle {
    /// With these in force.
    #[must_use]
    pub fn new(routes: Arc<Routes>) -> Self {
        Self(Arc::new(ArcSwap::new(routes)))
    }

    /// Those in force.
    #[must_use]
    pub fn current(&self) -> Arc<Routes> {
        self.0.load_full()
    }

    /// From now on, these.
    pub fn replace(&self, routes: Arc<Routes>) {
        self.0.store(routes);
    }
}

/// Connectors and static routes, by domain and by certificate.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    connectors: Vec<Connector>,
    by_domain: HashMap<Domain, Route>,
}

impl Routes {
    /// Checks the configuration: names and domains parse, no domain has two routes, no certificate, no address and no
    /// name two connectors, hosts and ports can be connected to. The text of the error names the place in the
    /// configuration.
    pub fn new(connectors: &[ConnectorConfig], routes: &[RouteConfig]) -> Result<Self, String> {
        let connectors = connectors.iter().map(Connector::checked).collect::<Result<Vec<_>, _>>()?;
        Self::with(connectors, routes)
    }

    /// The same, of connectors that are checked for themselves.
    pub fn with(connectors: Vec<Connector>, routes: &[RouteConfig]) -> Result<Self, String> {
        let mut out = Self::default();
        for connector in connectors {
            out.add_connector(connector)?;
        }
        for config in routes {
            let domain = Domain::parse(&config.domain).map_err(|error| format!("route {}: {error}", config.domain))?;
            check_server(&config.host, config.port).map_err(|what| format!("route {domain}: {what}"))?;
            out.add(&domain, Route::Static { host: config.host.clone(), port: config.port })?;
        }
        Ok(out)
    }

    fn add_connector(&mut self, connector: Connector) -> Result<(), String> {
        let name = &connector.name;
        if self.connectors.iter().any(|other| other.name == *name) {
            return Err(format!("connector {name}: its name is given twice"));
        }
        if let Some(other) = self.connector(&connector.certificate_name) {
            // Its certificate would open the domains of both.
            return Err(format!("connector {name}: has the certificate_name of connector {}", other.name));
        }
        for address in &connector.addresses {
            if let Some(other) = self.connectors.iter().find(|other| other.has_address(address)) {
                return Err(format!("connector {name}: has an address of connector {}", other.name));
            }
        }
        if let Some(server) = &connector.server {
            for domain in &connector.domains {
                let route = Route::Connector {
                    name: name.clone(),
                    certificate_name: connector.certificate_name.clone(),
                    server: server.clone(),
                };
                self.add(domain, route)?;
            }
        }
        self.connectors.push(connector);
        Ok(())
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

    /// All connectors.
    #[must_use]
    pub fn connectors(&self) -> &[Connector] {
        &self.connectors
    }

    /// Is this a connector's domain?
    #[must_use]
    pub fn is_connector_domain(&self, domain: &Domain) -> bool {
        matches!(self.by_domain.get(domain), Some(Route::Connector { .. }))
    }
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
            addresses: Vec::new(),
            host: Some("127.0.0.1".into()),
            port: Some(2525),
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
        assert!(
            matches!(routes.route(&domain("ch-exemple.mssante.fr")), Route::Connector { server, .. } if server.port == 2525)
        );
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
            (
                with(|c| *c = ConnectorConfig { domains: Vec::new(), host: None, port: None, ..c.clone() }),
                "connector hospital-mta: domains, addresses: ",
            ),
            (with(|c| c.host = Some("mta.test:25".into())), "connector hospital-mta: host: "),
            (with(|c| c.host = Some(String::new())), "connector hospital-mta: host: "),
            (with(|c| c.port = Some(0)), "connector hospital-mta: port: "),
            (with(|c| c.port = None), "connector hospital-mta: port: "),
            (with(|c| c.host = None), "connector hospital-mta: host: "),
            (with(|c| c.domains = vec!["patient.mssante.fr".into()]), "connector hospital-mta: domains: "),
            (with(|c| c.addresses = vec!["labo".into()]), "connector hospital-mta: addresses: "),
            (
                with(|c| c.addresses = vec!["279035121518989@patient.mssante.fr".into()]),
                "connector hospital-mta: addresses: one is a patient's",
            ),
            (
                with(|c| c.addresses = vec!["x@ch-exemple.mssante.fr".into()]),
                "connector hospital-mta: addresses: one is of its own domain",
            ),
            (
                with(|c| *c = ConnectorConfig { domains: Vec::new(), addresses: vec!["a@b.fr".into()], ..c.clone() }),
                "connector hospital-mta: host: without",
            ),
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

    /// A program of a hospital that shares a hosted domain: it sends, and mail for it goes to the mailbox here.
    fn laboratory() -> ConnectorConfig {
        ConnectorConfig {
            name: "laboratory".into(),
            certificate_name: "CN=labo.ch-exemple.fr,C=FR".into(),
            domains: Vec::new(),
            addresses: vec!["labo@cabinet.mssante.fr".into()],
            host: None,
            port: None,
        }
    }

    #[test]
    fn an_address_is_sent_as_and_not_routed() {
        let routes = Routes::new(&[hospital(), laboratory()], &[]).unwrap();
        assert_eq!(routes.route(&domain("cabinet.mssante.fr")), Route::Mx);
        assert!(!routes.is_connector_domain(&domain("cabinet.mssante.fr")));
        assert_eq!(routes.connectors().len(), 2);
        // A second machine of the hospital, for one address of its domain: its certificate opens that one only.
        let second = ConnectorConfig { addresses: vec!["pacs@ch-exemple.mssante.fr".into()], ..laboratory() };
        Routes::new(&[hospital(), second], &[]).unwrap();
    }

    #[test]
    fn an_address_has_one_connector() {
        let other = ConnectorConfig {
            name: "other".into(),
            certificate_name: "CN=other".into(),
            addresses: vec!["LABO@Cabinet.mssante.fr".into()],
            ..laboratory()
        };
        let error = Routes::new(&[laboratory(), other], &[]).unwrap_err();
        assert_eq!(error, "connector other: has an address of connector laboratory");
    }

    #[test]
    fn what_is_checked_can_be_written_again() {
        for config in [hospital(), laboratory()] {
            let checked = Connector::checked(&config).unwrap();
            assert_eq!(Connector::checked(&ConnectorConfig::from(&checked)).unwrap(), checked);
        }
    }

    #[test]
    fn routes_that_were_read_stay_as_they_were() {
        let handle = RoutesHandle::new(Arc::new(Routes::new(&[hospital()], &[]).unwrap()));
        let (before, other) = (handle.current(), handle.clone());
        other.replace(Arc::new(Routes::new(&[laboratory()], &[]).unwrap()));
        assert_eq!(before.connectors()[0].name, "hospital-mta");
        assert_eq!(handle.current().connectors()[0].name, "laboratory");
    }
}
