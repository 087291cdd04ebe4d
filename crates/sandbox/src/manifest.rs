//! [`Manifest`]: `DIR/sandbox.json`, what a test or a person needs to know of a sandbox. Paths are relative to DIR.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use pli_store::MailboxKind;
use serde::{Deserialize, Serialize};

use crate::files;

/// Its file name.
pub const FILE: &str = "sandbox.json";
const SCHEMA_VERSION: u32 = 1;

/// Everything that a sandbox holds. The file is readable by its owner only: it has passwords in it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Grows when a member changes its meaning; members are only added.
    pub schema_version: u32,
    /// Root and organisations authority, what a client trusts.
    pub ca: String,
    /// The revocation lists of all authorities.
    pub crl: String,
    /// Where the sandbox serves them while it runs: `…/root.crl`, `…/organisations.crl`, `…/personnes.crl`. Absent from
    /// a sandbox made before its certificates named these.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crl_url: Option<String>,
    /// The trust list.
    pub whitelist: String,
    /// The operators, in the order `pro`, `patients`, `elsewhere`.
    pub operators: Vec<Operator>,
    /// Professionals' and programs' mailboxes.
    pub accounts: Vec<Account>,
    /// Patients' mailboxes.
    pub patients: Vec<Patient>,
    /// Operators that exist only as a certificate, by what is right or wrong with them.
    pub peers: BTreeMap<String, Peer>,
    /// Hospitals' own mail servers.
    pub connectors: Vec<Connector>,
}

/// An operator: a `pli serve` process.
#[derive(Clone, Serialize, Deserialize)]
pub struct Operator {
    /// Its name, and its folder's.
    pub name: String,
    /// Its process; null when it is not started.
    pub pid: Option<u32>,
    /// Its configuration.
    pub config: String,
    /// What it calls itself.
    pub server_name: String,
    /// The domains whose mailboxes it holds.
    pub domains: Vec<String>,
    /// Its listeners.
    pub ports: Ports,
    /// Its certificate, the authority's behind it.
    pub certificate: String,
    /// The certificate's key.
    pub key: String,
}

/// The ports of an operator's listeners, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Operators: STARTTLS with client certificate.
    pub smtp: u16,
    /// Submission with STARTTLS.
    pub submission: u16,
    /// Submission over TLS.
    pub submissions: u16,
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
    /// Metrics and health.
    pub http: u16,
}

impl Ports {
    /// All of them.
    #[must_use]
    pub fn all(self) -> [u16; 6] {
        [self.smtp, self.submission, self.submissions, self.imap, self.imaps, self.http]
    }
}

/// A professional's or a program's mailbox: signed in to with a password or with a certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// The mailbox, and the name to sign in with.
    pub address: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<String>,
    /// For programs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<String>,
    /// The certificate's key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// `ORG`, `PER`, `APP`.
    #[serde(rename = "type")]
    pub kind: MailboxKind,
    /// The structure of ORG and APP.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finess: Option<String>,
    /// The holder of PER.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rpps: Option<String>,
    /// Who holds it.
    pub operator: String,
}

/// A patient's mailbox.
#[derive(Clone, Serialize, Deserialize)]
pub struct Patient {
    /// A published test identity (spec §2.5), never a living person's.
    pub ins: String,
    /// The mailbox, and the name to sign in with.
    pub address: String,
    /// Its password.
    pub password: String,
    /// Who holds it.
    pub operator: String,
    /// May it be written to?
    pub space: Space,
    /// Is the patient under age?
    pub minor: bool,
}

/// May a patient be written to?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// Yes.
    Open,
    /// The patient has closed his messaging.
    Closed,
}

/// An operator that exists only as a certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct Peer {
    /// The domain that it writes as.
    pub domain: String,
    /// All domains that it is listed for, where these are several.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub domains: Vec<String>,
    /// Its certificate.
    pub certificate: String,
    /// The certificate's key.
    pub key: String,
    /// Where mail for all peers' domains goes; nothing listens there but a test that plays it. Only the listed one has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
}

/// A hospital's own mail server.
#[derive(Clone, Serialize, Deserialize)]
pub struct Connector {
    /// Its name in the operator's configuration.
    pub name: String,
    /// The domain that it writes as.
    pub domain: String,
    /// The operator that relays for it.
    pub operator: String,
    /// Its certificate.
    pub certificate: String,
    /// The certificate's key.
    pub key: String,
    /// Where mail for its domain goes; nothing listens there but a test that plays it.
    pub port: u16,
}

impl Manifest {
    /// One that names the shared files and holds nobody yet.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            ca: "pki/ca.pem".into(),
            crl: "pki/crl.pem".into(),
            crl_url: None,
            whitelist: "whitelist.xml".into(),
            operators: Vec::new(),
            accounts: Vec::new(),
            patients: Vec::new(),
            peers: BTreeMap::new(),
            connectors: Vec::new(),
        }
    }

    /// Reads `DIR/sandbox.json`; none if DIR is not a sandbox yet.
    pub fn load(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let manifest: Self = serde_json::from_str(&files::read(&path)?)
            .with_context(|| format!("{} is not a sandbox's: choose another folder", path.display()))?;
        Ok(Some(manifest))
    }

    /// Writes `DIR/sandbox.json`.
    pub fn save(&self, dir: &Path) -> anyhow::Result<()> {
        files::write_private(&dir.join(FILE), serde_json::to_string_pretty(self)? + "\n")
    }

    /// The operator of this name.
    pub fn operator(&self, name: &str) -> anyhow::Result<&Operator> {
        self.operators
            .iter()
            .find(|operator| operator.name == name)
            .with_context(|| format!("the sandbox has no operator {name}"))
    }

    /// The peer with this fault (`listed`: with none).
    pub fn peer(&self, name: &str) -> anyhow::Result<&Peer> {
        self.peers.get(name).with_context(|| format!("the sandbox has no peer {name}"))
    }
}
