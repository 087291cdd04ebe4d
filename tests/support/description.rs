//! `sandbox.json`, as far as the scenarios read it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
pub struct Description {
    /// What a client trusts, relative to the folder.
    pub ca: PathBuf,
    /// The revocation lists.
    pub crl: PathBuf,
    /// The trust list.
    pub whitelist: PathBuf,
    /// The operators.
    pub operators: Vec<Operator>,
    /// Who can sign in.
    pub accounts: Vec<Account>,
    /// Patients.
    pub patients: Vec<Patient>,
    /// Certificates to play peers with.
    pub peers: std::collections::BTreeMap<String, Peer>,
    /// Hospitals' own servers.
    pub connectors: Vec<Connector>,
}

/// An operator.
#[derive(Debug, Clone, Deserialize)]
pub struct Operator {
    /// `pro`, `patients`, `elsewhere`.
    pub name: String,
    /// Of its process, while it runs.
    #[serde(default)]
    pub pid: Option<u32>,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its name.
    pub server_name: String,
    /// Its certificate, with its chain.
    pub certificate: PathBuf,
    /// The key of that.
    pub key: PathBuf,
    /// Its ports.
    pub ports: Ports,
}

/// An operator's ports.
#[derive(Debug, Clone, Deserialize)]
pub struct Ports {
    /// Operators, STARTTLS.
    pub smtp: u16,
    /// Submission, STARTTLS.
    pub submission: u16,
    /// Submission, TLS.
    pub submissions: u16,
    /// IMAP, STARTTLS.
    pub imap: u16,
    /// IMAP, TLS.
    pub imaps: u16,
    /// API, TLS.
    pub http: u16,
}

/// Someone who can sign in.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// The address, also the name to sign in with.
    pub address: String,
    /// The password, where there is one.
    #[serde(default)]
    pub password: String,
    /// `PER`, `ORG`, `APP`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The holder's number in the RPPS, of a `PER` mailbox.
    pub rpps: Option<String>,
    /// What opens an `APP` mailbox.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Which operator.
    pub operator: String,
}

/// A patient.
#[derive(Debug, Clone, Deserialize)]
pub struct Patient {
    /// The address.
    pub address: String,
    /// The password.
    pub password: String,
    /// `open` or `closed`.
    pub space: String,
}

/// A certificate to play a peer with.
#[derive(Debug, Clone, Deserialize)]
pub struct Peer {
    /// The domain that it speaks for.
    #[serde(default)]
    pub domain: String,
    /// PEM, with its chain.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// Where mail for it is routed.
    #[serde(default)]
    pub port: u16,
}

/// A hospital's own server.
#[derive(Debug, Clone, Deserialize)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Its operator.
    pub operator: String,
    /// PEM, with its chain.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// Where mail for it is handed.
    pub port: u16,
}

impl Description {
    /// Of the sandbox in this folder.
    pub fn read(dir: &Path) -> Result<Self> {
        serde_json::from_slice(&std::fs::read(dir.join("sandbox.json"))?).context("sandbox.json")
    }

    /// An operator.
    pub fn operator(&self, name: &str) -> Result<&Operator> {
        self.operators.iter().find(|operator| operator.name == name).with_context(|| format!("no operator {name}"))
    }
}

/// A port that takes TLS, and how it gets there.
#[derive(Debug, Clone, Copy)]
pub struct Listener {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Its port.
    pub port: u16,
    /// The protocol that begins in clear, if one does.
    pub starttls: Option<&'static str>,
}

impl Ports {
    /// The five that clients and operators use.
    #[must_use]
    pub fn listeners(&self) -> [Listener; 5] {
        let listener = |name, port, starttls| Listener { name, port, starttls };
        [
            listener("smtp", self.smtp, Some("smtp")),
            listener("submission", self.submission, Some("smtp")),
            listener("submissions", self.submissions, None),
            listener("imap", self.imap, Some("imap")),
            listener("imaps", self.imaps, None),
        ]
    }
}
