//! Hospitals' own mail servers: [`Connector`].

use std::net::IpAddr;

use pli_types::{DistinguishedName, Domain, MailAddress};
use serde::{Deserialize, Serialize};

use crate::trust_list::certificate_name;

/// A hospital's own mail server, as written: `[[connector]]` in the configuration, or an admin's command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorConfig {
    /// Its name, for admins.
    pub name: String,
    /// The subject of its certificate (RFC 4514), shown as a client and expected as a server.
    pub certificate_name: String,
    /// The domains that it may send as; mail for them that has no mailbox here is handed to it.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The addresses of other domains that it may send as. Mail for them goes where that of their domains goes.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Where the mail for its domains is handed. Not said of one without domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// And at which port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
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
    /// The addresses of other domains that it may send as.
    pub addresses: Vec<MailAddress>,
    /// Where the mail for its domains is handed; `None` if it has none.
    pub server: Option<ConnectorServer>,
}

/// A connector's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorServer {
    /// A name or an IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Connector {
    /// Checks each value for itself. The text of the error names the connector and the value.
    pub fn checked(config: &ConnectorConfig) -> Result<Self, String> {
        let place = |what: String| format!("connector {}: {what}", config.name);
        let certificate_name =
            certificate_name(&config.certificate_name).map_err(|what| place(format!("certificate_name: {what}")))?;
        let domains = config.domains.iter().map(|text| own_domain(text).map_err(place));
        let domains = domains.collect::<Result<Vec<_>, _>>()?;
        let addresses = config.addresses.iter().map(|text| own_address(text, &domains).map_err(place));
        let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
        let server = match (&config.host, config.port, domains.is_empty()) {
            (Some(host), Some(port), false) => {
                check_server(host, port).map_err(place)?;
                Some(ConnectorServer { host: host.clone(), port })
            }
            (None, None, true) => None,
            (None, ..) => return Err(place("host: its domains' mail needs a server".to_owned())),
            (_, None, _) => return Err(place("port: its domains' mail needs one".to_owned())),
            (Some(_), Some(_), true) => {
                return Err(place("host: without a domain, no mail is handed to it".to_owned()));
            }
        };
        if domains.is_empty() && addresses.is_empty() {
            return Err(place("domains, addresses: it needs one at least".to_owned()));
        }
        Ok(Self { name: config.name.clone(), certificate_name, domains, addresses, server })
    }

    pub(crate) fn has_address(&self, address: &MailAddress) -> bool {
        let key = address.key();
        self.addresses.iter().any(|own| own.key() == key)
    }
}

impl From<&Connector> for ConnectorConfig {
    fn from(connector: &Connector) -> Self {
        Self {
            name: connector.name.clone(),
            certificate_name: connector.certificate_name.to_string(),
            domains: connector.domains.iter().map(ToString::to_string).collect(),
            addresses: connector.addresses.iter().map(|address| address.reveal().clone()).collect(),
            host: connector.server.as_ref().map(|server| server.host.clone()),
            port: connector.server.as_ref().map(|server| server.port),
        }
    }
}

/// Patients write as themselves: no server of a hospital speaks for them.
fn own_domain(text: &str) -> Result<Domain, String> {
    let domain = Domain::parse(text).map_err(|error| format!("domains: {text}: {error}"))?;
    if domain.is_patient_domain() {
        return Err(format!("domains: {domain} is the patients'"));
    }
    Ok(domain)
}

/// The text itself is not told: it may be a patient's.
fn own_address(text: &str, domains: &[Domain]) -> Result<MailAddress, String> {
    let address = MailAddress::parse(text).map_err(|error| format!("addresses: {error}"))?;
    if address.domain().is_patient_domain() {
        return Err("addresses: one is a patient's".to_owned());
    }
    if domains.contains(address.domain()) {
        return Err(format!("addresses: one is of its own domain {}, which has them all", address.domain()));
    }
    Ok(address)
}

/// A host is a name, or an IP address without brackets.
pub(crate) fn check_server(host: &str, port: u16) -> Result<(), String> {
    let name_ok = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    if host.parse::<IpAddr>().is_err() && (host.is_empty() || !host.bytes().all(name_ok)) {
        return Err(format!("host: {host:?} is neither a host name nor an IP address"));
    }
    if port == 0 {
        return Err("port: 0 is none".to_owned());
    }
    Ok(())
}
