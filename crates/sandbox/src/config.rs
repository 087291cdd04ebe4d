//! The configuration file of an operator: what `pli serve` reads. Relative paths in it are relative to the file.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::manifest::Ports;

/// More than any test opens: a sandbox lifts the limits on rates.
const CONNECTIONS: usize = 4_000;
/// Failures of a test are not slowed, unless it asks for that: as many as a configuration may bear.
const FAILURES: u32 = 1_000;
/// More than any test writes to.
const UNKNOWN_PATIENTS: u32 = 1_000_000;
/// Of the few domains of a sandbox a test takes several away, without an admin's hand.
pub(crate) const LOST_DOMAINS_MAX: u8 = 40;
/// What an operator keeps besides its store.
pub(crate) const STATE: &str = "state";

/// The file, in the order in which it is written.
#[derive(Debug, Serialize)]
pub struct ConfigFile {
    server: Server,
    tls: Tls,
    pki: Pki,
    trust: Trust,
    store: Store,
    listener: Listeners,
    limits: Limits,
    signin: SignIn,
    patient: Patient,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connector: Vec<Connector>,
    route: Vec<Route>,
}

#[derive(Debug, Serialize)]
struct Server {
    name: String,
    domains: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postmaster: Option<&'static str>,
    masking_key: &'static str,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct Tls {
    certificate: &'static str,
    key: &'static str,
}

#[derive(Debug, Serialize)]
struct Pki {
    anchor: &'static str,
    organisations: &'static str,
    crl: &'static str,
}

#[derive(Debug, Serialize)]
struct Trust {
    list: &'static str,
    lost_domains_max: u8,
}

#[derive(Debug, Serialize)]
struct Store {
    url: &'static str,
    master_key: &'static str,
}

#[derive(Debug, Serialize)]
struct Listeners {
    smtp: Listener,
    submission: Listener,
    submissions: Listener,
    imap: Listener,
    imaps: Listener,
    http: Listener,
}

#[derive(Debug, Serialize)]
struct Listener {
    address: SocketAddr,
}

#[derive(Debug, Serialize)]
struct SignIn {
    failures_undelayed: u32,
    failures_per_address: u32,
}

#[derive(Debug, Serialize)]
struct Patient {
    unknown_per_peer: u32,
}

#[derive(Debug, Serialize)]
struct Limits {
    connections: usize,
    connections_per_address: usize,
    /// None.
    messages_per_peer: u32,
    messages_per_account: u32,
    messages_at_once: usize,
    messages_at_once_each: usize,
}

/// `[[connector]]`: a hospital's own mail server.
#[derive(Debug, Clone, Serialize)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// The subject of its certificate.
    pub certificate_name: String,
    /// The domains that it may send as.
    pub domains: Vec<String>,
    /// Where their mail goes.
    pub host: String,
    /// And at which port.
    pub port: u16,
}

/// `[[route]]`: where a domain's mail goes. Every domain of the list has one, so that a sandbox never asks the DNS.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// The domain.
    pub domain: String,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Paths inside an operator's folder, as the configuration names them.
pub mod paths {
    /// The certificate and its chain.
    pub const CERTIFICATE: &str = "tls/server.pem";
    /// Its key.
    pub const KEY: &str = "tls/server.key";
    /// The key under which health identifiers are masked.
    pub const MASKING_KEY: &str = "keys/masking.key";
    /// The key that wraps the keys of messages.
    pub const MASTER_KEY: &str = "keys/master.key";
    /// The store.
    pub const STORE: &str = "store/pli.db";
    /// The configuration file.
    pub const CONFIG: &str = "pli.toml";
}

impl ConfigFile {
    /// The configuration of one operator.
    #[must_use]
    pub fn new(
        name: &str,
        domains: &[String],
        postmaster: Option<&'static str>,
        ports: Ports,
        connectors: &[Connector],
        routes: impl Iterator<Item = Route>,
    ) -> Self {
        let at = |port| Listener { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
        Self {
            server: Server {
                name: name.to_owned(),
                domains: domains.to_vec(),
                postmaster,
                masking_key: paths::MASKING_KEY,
                state: STATE,
            },
            tls: Tls { certificate: paths::CERTIFICATE, key: paths::KEY },
            pki: Pki { anchor: "../pki/root.pem", organisations: "../pki/organisations.pem", crl: "../pki/crl.pem" },
            trust: Trust { list: "../whitelist.xml", lost_domains_max: LOST_DOMAINS_MAX },
            store: Store { url: "sqlite://store/pli.db", master_key: paths::MASTER_KEY },
            listener: Listeners {
                smtp: at(ports.smtp),
                submission: at(ports.submission),
                submissions: at(ports.submissions),
                imap: at(ports.imap),
                imaps: at(ports.imaps),
                http: at(ports.http),
            },
            limits: Limits {
                connections: CONNECTIONS,
                connections_per_address: CONNECTIONS,
                messages_per_peer: 0,
                messages_per_account: 0,
                messages_at_once: CONNECTIONS,
                messages_at_once_each: CONNECTIONS,
            },
            signin: SignIn { failures_undelayed: FAILURES, failures_per_address: FAILURES },
            patient: Patient { unknown_per_peer: UNKNOWN_PATIENTS },
            connector: connectors.to_vec(),
            route: routes.collect(),
        }
    }

    /// The file's text.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        Ok(format!("# Written by `pli sandbox`; read by `pli serve --config`.\n\n{}", toml::to_string(self)?))
    }
}
