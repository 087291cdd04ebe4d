//! [`Settings`]: a configuration whose values have been held against each other.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pli_directory::Routes;
use pli_signin::PscConfig;
use pli_types::Domain;

use super::{
    AnnuaireConfig, Config, ConfigFault, ListOrigin, ListenerConfig, Listeners, ServerConfig, SignIn, TelemetryConfig,
    VirusConfig,
};
use crate::words::{Said, Value};

/// What the program works with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The values, each checked for itself.
    pub(crate) config: Config,
    /// Connectors and static routes, no domain among them twice.
    pub(crate) routes: Arc<Routes>,
    /// Where the trust list comes from.
    pub(crate) list: ListOrigin,
}

impl Settings {
    /// Checks what no single line can tell. Opens no file.
    pub(crate) fn new(config: Config) -> Result<Self, ConfigFault> {
        hosted_domains(&config.server.domains)?;
        postmaster(&config.server)?;
        listeners(&config.listener)?;
        limits(&config)?;
        config.annuaire.as_ref().map_or(Ok(()), AnnuaireConfig::check)?;
        config.telemetry.as_ref().map_or(Ok(()), TelemetryConfig::check)?;
        config.virus.as_ref().map_or(Ok(()), VirusConfig::check)?;
        config.trust.check()?;
        config.mailbox.check()?;
        config.audit.check()?;
        config.patient.check()?;
        config.api.check()?;
        sign_in(&config.signin)?;
        config.autoconfig.check()?;
        let list = config.trust.origin()?;
        let routes = Routes::new(&config.connector, &config.route).map_err(|cause| {
            ConfigFault::new("config-invalid.routes", "[[connector]], [[route]]", &[("cause", &cause)])
        })?;
        Ok(Self { config, routes: Arc::new(routes), list })
    }

    /// Does it host the patients' spaces?
    pub(crate) fn hosts_patients(&self) -> bool {
        self.config.server.domains.iter().any(|domain| domain.0.is_patient_domain())
    }

    /// The folder that the store lies in.
    pub(crate) fn store_folder(&self) -> Option<&Path> {
        self.config.store.url.strip_prefix("sqlite://").map(Path::new).and_then(Path::parent)
    }

    /// The domains whose mailboxes are here.
    pub(crate) fn hosted_domains(&self) -> Vec<Domain> {
        self.config.server.domains.iter().map(|name| name.0.clone()).collect()
    }
}

fn hosted_domains(domains: &[super::DomainName]) -> Result<(), ConfigFault> {
    if domains.is_empty() {
        return Err(ConfigFault::new("config-invalid.no-domain", "[server] domains", &[]));
    }
    let mut seen = HashSet::new();
    match domains.iter().find(|name| !seen.insert(&name.0)) {
        Some(name) => Err(ConfigFault::new("config-invalid.domain-twice", "[server] domains", &[("domain", &name.0)])),
        None => Ok(()),
    }
}

/// A postmaster elsewhere would be told of our faults by the mail that fails.
fn postmaster(server: &ServerConfig) -> Result<(), ConfigFault> {
    let Some(address) = &server.postmaster else { return Ok(()) };
    if server.domains.iter().any(|name| name.0 == *address.0.domain()) {
        return Ok(());
    }
    let domain = address.0.domain();
    Err(ConfigFault::new("config-invalid.postmaster", "[server] postmaster", &[("domain", domain)]))
}

/// Two listeners on one socket cannot both be opened. Port 0 is a new one each time.
fn listeners(listeners: &Listeners) -> Result<(), ConfigFault> {
    let mut seen: HashSet<SocketAddr> = HashSet::new();
    for (door, listener) in listeners.each() {
        if listener.address.port() != 0 && !seen.insert(listener.address) {
            let place = format!("[listener.{}] address", door.name());
            return Err(ConfigFault::new("config-invalid.listener", place, &[("address", &listener.address)]));
        }
    }
    Ok(())
}

/// With more failures borne than this, guessing would not be slowed: there is no way to turn that off.
const FAILURES_MAX: u32 = 1_000;

fn sign_in(signin: &SignIn) -> Result<(), ConfigFault> {
    let (minute, month) = (Duration::from_mins(1), Duration::from_hours(30 * 24));
    if !(minute..=month).contains(&signin.session_life.get()) {
        return Err(ConfigFault::new("config-invalid.session-life", "[signin] session_life", &[]));
    }
    let (undelayed, address) = (signin.failures_undelayed, signin.failures_per_address);
    if undelayed == 0 || undelayed > address {
        return Err(ConfigFault::new("config-invalid.failures-undelayed", "[signin] failures_undelayed", &[]));
    }
    if address > FAILURES_MAX {
        let place = "[signin] failures_per_address";
        return Err(ConfigFault::new("config-invalid.failures-per-address", place, &[("most", &FAILURES_MAX)]));
    }
    let Some(Err(error)) = signin.psc.as_ref().map(PscConfig::check) else { return Ok(()) };
    let (what, next) = (Value::phrase(error.what), Value::phrase(error.next));
    let said = Said::new("config-invalid.elsewhere", &[]).with("what", what).with("next", next);
    Err(ConfigFault { place: format!("[signin.psc] {}", error.key), said })
}

fn limits(config: &Config) -> Result<(), ConfigFault> {
    let limits = &config.limits;
    let zero = [
        ("message_size", limits.message_size.bytes() == 0),
        ("connections", limits.connections == 0),
        ("connections_per_address", limits.connections_per_address == 0),
        ("messages_at_once", limits.messages_at_once == 0),
        ("messages_at_once_each", limits.messages_at_once_each == 0),
        ("queue_lifetime", limits.queue_lifetime.get().is_zero()),
        ("smtp_idle", limits.smtp_idle.get().is_zero()),
        ("imap_idle", limits.imap_idle.get().is_zero()),
    ];
    if let Some((key, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
        return Err(ConfigFault::new("config-invalid.zero", format!("[limits] {key}"), &[]));
    }
    if limits.recipients < 100 {
        return Err(ConfigFault::new("config-invalid.recipients", "[limits] recipients", &[]));
    }
    Ok(())
}

/// A listener, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Smtp,
    Submission,
    Submissions,
    Imap,
    Imaps,
    Http,
}

impl Door {
    /// Its name in the configuration, in the ready file and in the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
            Self::Http => "http",
        }
    }
}

impl Listeners {
    /// Those that are to be opened.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Door, &ListenerConfig)> {
        [
            (Door::Smtp, &self.smtp),
            (Door::Submission, &self.submission),
            (Door::Submissions, &self.submissions),
            (Door::Imap, &self.imap),
            (Door::Imaps, &self.imaps),
            (Door::Http, &self.http),
        ]
        .into_iter()
        .filter_map(|(door, listener)| Some((door, listener.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(from: &str, to: &str) -> Result<Settings, ConfigFault> {
        let text = include_str!("../../../../deploy/pli.toml");
        assert!(text.contains(from), "{from}");
        Settings::new(super::super::load::parse(&text.replace(from, to), "pli.toml".as_ref())?)
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        for (from, to, place) in [
            (r#""cabinet.mssante.fr""#, r#""CH-Exemple.mssante.fr""#, "[server] domains"),
            ("secretariat@cabinet.mssante.fr", "secretariat@ailleurs.mssante.fr", "[server] postmaster"),
            (r#"address = "[::]:587""#, r#"address = "[::]:25""#, "[listener.submission] address"),
            ("lost_domains_max = 10", "lost_domains_max = 101", "[trust] lost_domains_max"),
            (r#"list = "whitelist.xml""#, "", "[trust] list"),
            (r#"smtp_idle = "5m""#, r#"smtp_idle = "0s""#, "[limits] smtp_idle"),
            ("recipients = 1000", "recipients = 99", "[limits] recipients"),
            (r#"session_life = "12h""#, r#"session_life = "31d""#, "[signin] session_life"),
            ("failures_undelayed = 3", "failures_undelayed = 31", "[signin] failures_undelayed"),
            ("failures_per_address = 30", "failures_per_address = 1001", "[signin] failures_per_address"),
            (r#"domain = "voisin.mssante.fr""#, r#"domain = "ch-exemple.mssante.fr""#, "[[connector]], [[route]]"),
        ] {
            let fault = changed(from, to).unwrap_err();
            assert_eq!(fault.place, place, "{fault}");
        }
    }

    #[test]
    fn free_ports_may_be_asked_for_twice() {
        let text = include_str!("../../../../deploy/pli.toml");
        let config = super::super::load::parse(
            &text.replace("[::]:587", "127.0.0.1:0").replace("[::]:25", "127.0.0.1:0"),
            "pli.toml".as_ref(),
        )
        .unwrap();
        Settings::new(config).unwrap();
    }
}
