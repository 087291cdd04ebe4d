//! Hospitals' own mail servers ([`Connector`]) and static routes beside the DNS ([`Routes`]).

use std::collections::HashMap;

use pli_types::{DistinguishedName, Domain};
use serde::{Deserialize, Serialize};

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
    /// Checks the configuration: names and domains parse, no domain is there twice.
    pub fn new(connectors: &[ConnectorConfig], routes: &[RouteConfig]) -> Result<Self, String> {
        let mut out = Self::default();
        for config in connectors {
            let certificate_name = DistinguishedName::parse(&config.certificate_name)
                .map_err(|error| format!("connector {}: certificate_name: {error}", config.name))?;
            let domains = config
                .domains
                .iter()
                .map(|text| Domain::parse(text).map_err(|error| format!("connector {}: {text}: {error}", config.name)))
                .collect::<Result<Vec<_>, _>>()?;
            let connector = Connector {
                name: config.name.clone(),
                certificate_name,
                domains,
                host: config.host.clone(),
                port: config.port,
            };
            for domain in &connector.domains {
                out.add(domain.clone(), Route::Connector(connector.clone()))?;
            }
            out.connectors.push(connector);
        }
        for config in routes {
            let domain = Domain::parse(&config.domain).map_err(|error| format!("route {}: {error}", config.domain))?;
            out.add(domain, Route::Static { host: config.host.clone(), port: config.port })?;
        }
        Ok(out)
    }

    fn add(&mut self, domain: Domain, route: Route) -> Result<(), String> {
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
