//! `[autoconfig]`: how mail programs see our doors, where something stands before them.

use pli_types::Domain;
use pli_web::{Autoconfig, MailDoor, MailProtocol};
use serde::{Deserialize, Serialize};

use super::{Config, ConfigFault, DomainName, Door};

/// `[autoconfig]`. What is left out is as the node has it: its name, and the ports of its listeners.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AutoconfigConfig {
    /// The host that programs connect to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<DomainName>,
    /// The port of `[listener.submission]`, as programs see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submission: Option<u16>,
    /// The port of `[listener.submissions]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submissions: Option<u16>,
    /// The port of `[listener.imap]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imap: Option<u16>,
    /// The port of `[listener.imaps]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imaps: Option<u16>,
    /// The port at which Outlook reaches `[listener.http]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) https: Option<u16>,
}

impl AutoconfigConfig {
    /// Is everything as the node has it?
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// No program can connect to port 0.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let ports = [
            ("submission", self.submission),
            ("submissions", self.submissions),
            ("imap", self.imap),
            ("imaps", self.imaps),
            ("https", self.https),
        ];
        let Some((key, _)) = ports.into_iter().find(|(_, port)| *port == Some(0)) else { return Ok(()) };
        Err(ConfigFault::new("config-invalid.autoconfig", format!("[autoconfig] {key}"), &[]))
    }

    /// The host that programs connect to.
    pub(crate) fn host<'a>(&'a self, config: &'a Config) -> &'a Domain {
        &self.name.as_ref().unwrap_or(&config.server.name).0
    }

    /// The port of a listener as programs see it, if it is open: `own` is the one that the node has.
    pub(crate) fn port(&self, door: Door, own: Option<u16>) -> Option<u16> {
        let seen = match door {
            Door::Submission => self.submission,
            Door::Submissions => self.submissions,
            Door::Imap => self.imap,
            Door::Imaps => self.imaps,
            Door::Http => self.https,
            Door::Smtp => None,
        };
        own.map(|own| seen.unwrap_or(own))
    }
}

/// What mail programs are told; `port` is that of an open listener.
pub(crate) fn told(config: &Config, port: impl Fn(Door) -> Option<u16>) -> Autoconfig {
    let doors = [
        (Door::Imaps, MailProtocol::Imap, false),
        (Door::Imap, MailProtocol::Imap, true),
        (Door::Submissions, MailProtocol::Submission, false),
        (Door::Submission, MailProtocol::Submission, true),
    ];
    let seen = &config.autoconfig;
    let doors = doors.into_iter().filter_map(|(door, protocol, starttls)| {
        Some(MailDoor { protocol, port: seen.port(door, port(door))?, starttls })
    });
    Autoconfig {
        host: seen.host(config).to_string(),
        domains: config.server.domains.iter().map(|name| name.0.clone()).collect(),
        doors: doors.collect(),
        tokens: config.signin.psc.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(autoconfig: &str) -> Config {
        let text = include_str!("../../../../deploy/pli.toml");
        super::super::load::parse(&format!("{text}\n[autoconfig]\n{autoconfig}"), "pli.toml".as_ref()).unwrap()
    }

    #[test]
    fn programs_are_told_the_ports_that_they_see_of_the_doors_that_are_open() {
        let config = config("name = \"mail.example.fr\"\nimaps = 9993\nsubmission = 1587\n");
        let own = |door| match door {
            Door::Imaps => Some(993),
            Door::Imap => Some(143),
            Door::Submissions => Some(465),
            _ => None,
        };
        let told = told(&config, own);
        let ports: Vec<u16> = told.doors.iter().map(|door| door.port).collect();
        assert_eq!((told.host.as_str(), ports), ("mail.example.fr", vec![9993, 143, 465]));
    }

    #[test]
    fn port_0_is_refused_by_its_key() {
        assert_eq!(config("https = 0").autoconfig.check().unwrap_err().place, "[autoconfig] https");
        assert!(config("").autoconfig.is_default());
    }
}
