//! The configuration: one TOML file, in which every value is checked where it is read.
//!
//! [`Config`] is the file as written, with defaults; [`load()`] reads it and names the line of what it cannot accept;
//! [`Settings`] is what the rest of the program works with, once values have been held against each other.

mod annuaire;
mod api;
mod audit;
mod autoconfig;
mod document;
mod indicators;
mod load;
mod mailbox;
mod nearest;
mod patient;
mod report;
mod secrets;
mod settings;
mod story;
mod telemetry;
mod trust;
mod virus;

use std::net::SocketAddr;
use std::path::PathBuf;

use pli_directory::{ConnectorConfig, RouteConfig};
use pli_mailflow::{Deadline, DeliveryConfig, ShareLimits, TrafficLimits};
use pli_net::{PkiConfig, TlsConfig};
use pli_signin::PscConfig;
use pli_signin::backoff;
use pli_types::{Domain, MailAddress};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use annuaire::{AnnuaireConfig, NATIONAL, Publish};
pub(crate) use api::{ApiClient, ApiConfig, ApiScope};
pub(crate) use audit::{AuditConfig, SyslogConfig, WitnessConfig};
pub(crate) use autoconfig::{AutoconfigConfig, told as told_to_programs};
pub(crate) use document::DocumentConfig;
pub(crate) use indicators::{IndicatorsConfig, ZoneName};
pub(crate) use load::{ConfigFault, load};
pub(crate) use mailbox::MailboxConfig;
pub(crate) use patient::PatientConfig;
pub(crate) use pli_types::{ByteSize, Span};
pub(crate) use report::ReportConfig;
pub(crate) use secrets::{check_secret_file, read_key, read_text_secret};
pub(crate) use settings::{Door, Settings};
pub(crate) use story::StoryConfig;
pub(crate) use telemetry::TelemetryConfig;
pub(crate) use trust::{ListOrigin, TrustConfig};
pub(crate) use virus::VirusConfig;

/// The whole file. Relative paths are relative to the folder that it lies in.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// `[server]`: who we are.
    pub(crate) server: ServerConfig,
    /// `[tls]`: our certificate, on every listener and towards other servers.
    pub(crate) tls: TlsConfig,
    /// `[pki]`: whose certificates we believe.
    pub(crate) pki: PkiConfig,
    /// `[trust]`: the national list of domains.
    pub(crate) trust: TrustConfig,
    /// `[dns]`: whom we ask for names.
    #[serde(default)]
    pub(crate) dns: DnsConfig,
    /// `[store]`: where messages are kept.
    pub(crate) store: pli_store::Config,
    /// `[listener.NAME]`: a listener that is not there is not opened.
    #[serde(default)]
    pub(crate) listener: Listeners,
    /// `[autoconfig]`: how mail programs see the listeners.
    #[serde(default, skip_serializing_if = "AutoconfigConfig::is_default")]
    pub(crate) autoconfig: AutoconfigConfig,
    /// `[limits]`
    #[serde(default)]
    pub(crate) limits: Limits,
    /// `[delivery]`: the way out.
    #[serde(default)]
    pub(crate) delivery: DeliveryConfig,
    /// `[report]`: what senders are told of their messages.
    #[serde(default)]
    pub(crate) report: ReportConfig,
    /// `[mailbox]`: how long mailboxes live.
    #[serde(default)]
    pub(crate) mailbox: MailboxConfig,
    /// `[story]`: how long it is kept what became of messages.
    #[serde(default)]
    pub(crate) story: StoryConfig,
    /// `[audit]`: how the record is sealed.
    #[serde(default)]
    pub(crate) audit: AuditConfig,
    /// `[indicators]`: by which clocks months are counted.
    #[serde(default)]
    pub(crate) indicators: IndicatorsConfig,
    /// `[document]`: what becomes of a message whose documents show a fault.
    #[serde(default)]
    pub(crate) document: DocumentConfig,
    /// `[patient]`: the patients' spaces, and whom they may write to.
    #[serde(default)]
    pub(crate) patient: PatientConfig,
    /// `[signin]`: who may come in, how often he may try, and how long he may stay.
    #[serde(default)]
    pub(crate) signin: SignIn,
    /// `[virus]`: who looks at messages before they are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) virus: Option<VirusConfig>,
    /// `[annuaire]`: the state's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) annuaire: Option<AnnuaireConfig>,
    /// `[telemetry]`: who is told what the node does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) telemetry: Option<TelemetryConfig>,
    /// `[api]`: who may call over HTTPS.
    #[serde(default, skip_serializing_if = "ApiConfig::is_default")]
    pub(crate) api: ApiConfig,
    /// `[[deadline]]`: until when what must have become of a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) deadline: Vec<Deadline>,
    /// `[[connector]]`: hospitals' own mail servers.
    #[serde(default)]
    pub(crate) connector: Vec<ConnectorConfig>,
    /// `[[route]]`: servers to use instead of those that the DNS names.
    #[serde(default)]
    pub(crate) route: Vec<RouteConfig>,
}

/// `[server]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Our name in greetings, `Received` and reports.
    pub(crate) name: DomainName,
    /// The domains whose mailboxes are here.
    pub(crate) domains: Vec<DomainName>,
    /// The mailbox here that takes the postmasters' mail of domains that have no mailbox of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postmaster: Option<Address>,
    /// File with 64 hexadecimal digits: the key under which health identifiers are masked.
    pub(crate) masking_key: PathBuf,
    /// Folder of this node alone, for what must survive a restart and is not in the store: trust lists, revocation
    /// lists, the admin socket. Made if it is missing.
    pub(crate) state: PathBuf,
}

/// `[dns]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DnsConfig {
    /// The name servers to ask, in this order; those of the system if there is none.
    pub(crate) servers: Vec<SocketAddr>,
}

/// `[listener]`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listeners {
    /// Other operators and connectors: STARTTLS with a client certificate (25).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp: Option<ListenerConfig>,
    /// Mail programs, STARTTLS (587).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submission: Option<ListenerConfig>,
    /// Mail programs, TLS from the first byte (465).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submissions: Option<ListenerConfig>,
    /// Mail programs, STARTTLS (143).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imap: Option<ListenerConfig>,
    /// Mail programs, TLS from the first byte (993).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imaps: Option<ListenerConfig>,
    /// Health and metrics, over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<ListenerConfig>,
}

/// `[signin]`. Passwords and certificates need no setting.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// How long a session may last, from sign-in.
    pub(crate) session_life: Span,
    /// So many failed tries, of one address or at one name, are not slowed.
    pub(crate) failures_undelayed: u32,
    /// So many failed tries are borne from one address; one is forgiven each minute.
    pub(crate) failures_per_address: u32,
    /// Pro Santé Connect: without it no token is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) psc: Option<PscConfig>,
}

impl Default for SignIn {
    fn default() -> Self {
        let backoff::Limits { undelayed, address } = backoff::Limits::default();
        let session_life = Span::hours(12);
        Self { session_life, failures_undelayed: undelayed, failures_per_address: address, psc: None }
    }
}

impl SignIn {
    /// What is borne of those who guess.
    pub(crate) fn failures(&self) -> backoff::Limits {
        backoff::Limits { undelayed: self.failures_undelayed, address: self.failures_per_address }
    }
}

/// `[listener.NAME]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerConfig {
    /// IP address and port: `0.0.0.0:25`, `[::]:25`. Port 0 picks a free one.
    pub(crate) address: SocketAddr,
}

/// `[limits]`. All have defaults.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// The largest message taken.
    pub(crate) message_size: ByteSize,
    /// The most recipients of one message.
    pub(crate) recipients: usize,
    /// Connections at once, of each listener.
    pub(crate) connections: usize,
    /// Connections at once from one address, of each listener.
    pub(crate) connections_per_address: usize,
    /// Messages that one peer may bring in a minute; 0 sets no limit.
    pub(crate) messages_per_peer: u32,
    /// Messages that one account may send in a minute; 0 sets no limit.
    pub(crate) messages_per_account: u32,
    /// Messages that may be on their way in at one time.
    pub(crate) messages_at_once: usize,
    /// The same, from one peer, connector or account.
    pub(crate) messages_at_once_each: usize,
    /// How long the queue tries before it reports failure.
    pub(crate) queue_lifetime: Span,
    /// For how long a message that comes again is known as a repeat; zero turns that off.
    pub(crate) repeats_within: Span,
    /// How long a silent SMTP client is borne.
    pub(crate) smtp_idle: Span,
    /// How long a silent IMAP client is borne.
    pub(crate) imap_idle: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: ByteSize::mebibytes(25),
            recipients: 1_000,
            connections: 2_000,
            connections_per_address: 100,
            messages_per_peer: 6_000,
            messages_per_account: 600,
            messages_at_once: 1_000,
            messages_at_once_each: 250,
            queue_lifetime: Span::hours(5 * 24),
            repeats_within: Span::hours(3 * 24),
            smtp_idle: Span::minutes(5),
            imap_idle: Span::minutes(30),
        }
    }
}

impl Limits {
    /// What may come in, as intake wants to know it.
    pub(crate) fn traffic(&self) -> TrafficLimits {
        TrafficLimits {
            per_peer: self.messages_per_peer,
            per_account: self.messages_per_account,
            share: ShareLimits { all: self.messages_at_once, each: self.messages_at_once_each },
            ..TrafficLimits::default()
        }
    }
}

/// A host name in the file, parsed where it is read, so that what is wrong with it is told with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DomainName(pub(crate) Domain);

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Domain::parse(&text).map(Self).map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")))
    }
}

impl Serialize for DomainName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// A mail address in the file, parsed where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) MailAddress);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        MailAddress::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.reveal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gates_defaults_are_those_of_the_file() {
        let (gate, file) = (pli_signin::GateConfig::default(), SignIn::default());
        assert_eq!((gate.session_life, gate.failures), (file.session_life.get(), file.failures()));
    }

    const SAMPLE: &str = include_str!("../../../../deploy/pli.toml");
    const REFERENCE: &str = include_str!("../../../../docs/config.md");

    #[test]
    fn the_sample_file_is_accepted() {
        let config = load::parse(SAMPLE, "deploy/pli.toml".as_ref()).unwrap();
        Settings::new(config).unwrap();
    }

    #[test]
    fn the_sample_file_shows_every_key_that_has_a_default_with_that_default() {
        let mut sample = toml::Table::try_from(load::parse(SAMPLE, "deploy/pli.toml".as_ref()).unwrap()).unwrap();
        assert_eq!(sample.remove("limits"), Some(toml::Value::try_from(Limits::default()).unwrap()));
        assert_eq!(sample.remove("delivery"), Some(toml::Value::try_from(DeliveryConfig::default()).unwrap()));
        assert_eq!(sample.remove("report"), Some(toml::Value::try_from(ReportConfig::default()).unwrap()));
        assert_eq!(sample.remove("signin"), Some(toml::Value::try_from(SignIn::default()).unwrap()));
        assert_eq!(sample.remove("patient"), Some(toml::Value::try_from(PatientConfig::default()).unwrap()));
        assert_eq!(sample.remove("mailbox"), Some(toml::Value::try_from(MailboxConfig::default()).unwrap()));
        assert_eq!(sample.remove("document"), Some(toml::Value::try_from(DocumentConfig::default()).unwrap()));
        assert_eq!(sample.remove("story"), Some(toml::Value::try_from(StoryConfig::default()).unwrap()));
        assert_eq!(sample.remove("audit"), Some(toml::Value::try_from(AuditConfig::default()).unwrap()));
        assert_eq!(sample.remove("indicators"), Some(toml::Value::try_from(IndicatorsConfig::default()).unwrap()));
        assert_eq!(sample.remove("dns"), Some(toml::Value::try_from(DnsConfig::default()).unwrap()));
        let bare: TrustConfig = toml::from_str("list = \"whitelist.xml\"").unwrap();
        let shown = |key: &str| SAMPLE.split("[trust]").nth(1).unwrap().lines().any(|line| line.starts_with(key));
        for (key, default) in toml::Table::try_from(bare).unwrap() {
            assert!(shown(&format!("{key} = {default}")), "deploy/pli.toml lacks {key} = {default}");
        }
    }

    #[test]
    fn every_key_is_in_the_reference() {
        // Comments of the sample that are keys, so that what excludes each other in one file is looked at too.
        let all = SAMPLE.replace("# url = ", "url = ").replace("# anchors = ", "anchors = ");
        let all = all.replace("# signer_cn = ", "signer_cn = ").replace("# signer_ou = ", "signer_ou = ");
        let all = all.replace("# exports = ", "exports = ");
        let all = all.replace("# checkpoints = ", "checkpoints = ").replace("#audit ", "");
        let all = all.replace("#psc ", "").replace("#autoconfig ", "").replace("#annuaire ", "");
        let all = all.replace("#virus ", "").replace("#deadline ", "").replace("#telemetry ", "");
        let config = load::parse(&all, "deploy/pli.toml".as_ref()).unwrap();
        assert!(config.trust.url.is_some() && config.trust.signer_ou.is_some() && config.signin.psc.is_some(), "{all}");
        assert!(config.virus.is_some() && config.annuaire.is_some() && !config.autoconfig.is_default(), "{all}");
        for (section, value) in sections("", &toml::Value::try_from(config).unwrap()) {
            let heading = format!("## `{section}`\n");
            let text = REFERENCE.split_once(&heading).unwrap_or_else(|| panic!("docs/config.md lacks {heading}")).1;
            let text = text.split("\n## ").next().unwrap();
            for key in value.keys() {
                assert!(text.contains(&format!("| `{key}` |")), "docs/config.md lacks `{key}` below {section}");
            }
        }
    }

    /// Every table that holds values, by its header; the listeners are one section.
    fn sections(name: &str, value: &toml::Value) -> Vec<(String, toml::Table)> {
        let mut found = Vec::new();
        match value {
            toml::Value::Table(table) if name == "listener" => {
                found.push(("[listener.NAME]".to_owned(), table.iter().next().unwrap().1.as_table().unwrap().clone()));
                assert_eq!(table.len(), 6, "the sample file shows all listeners");
            }
            toml::Value::Table(table) if name == "signin" => {
                let mut table = table.clone();
                let psc = table.remove("psc").unwrap();
                let mut psc = psc.as_table().unwrap().clone();
                let asked = psc.remove("introspection").unwrap();
                found.push(("[signin.psc]".to_owned(), psc));
                found.push(("[signin.psc.introspection]".to_owned(), asked.as_table().unwrap().clone()));
                found.push(("[signin]".to_owned(), table));
            }
            toml::Value::Table(table) if name == "audit" => {
                let mut table = table.clone();
                let (witness, syslog) = (table.remove("witness").unwrap(), table.remove("syslog").unwrap());
                let witness = witness.as_array().unwrap()[0].as_table().unwrap().clone();
                found.push(("[[audit.witness]]".to_owned(), witness));
                found.push(("[audit.syslog]".to_owned(), syslog.as_table().unwrap().clone()));
                found.push(("[audit]".to_owned(), table));
            }
            toml::Value::Table(table) if name.is_empty() => {
                for (key, value) in table {
                    found.extend(sections(key, value));
                }
            }
            toml::Value::Table(table) => found.push((format!("[{name}]"), table.clone())),
            toml::Value::Array(items) => {
                let first = items.first().unwrap_or_else(|| panic!("the sample file lacks [[{name}]]"));
                found.push((format!("[[{name}]]"), first.as_table().unwrap().clone()));
            }
            other => panic!("a value outside of a table: {name} = {other}"),
        }
        found
    }
}
