//! A sandbox: three operators as separate processes, made in a temporary folder.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::{Mutex, OnceLock, Weak};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{pli, wait};

/// `sandbox.json`, as far as the scenarios read it.
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
    /// Of its process.
    pub pid: u32,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its name.
    pub server_name: String,
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

/// A running sandbox. Stopped, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Sandbox {
    child: Mutex<Child>,
    dir: PathBuf,
    description: Description,
    folder: Option<TempDir>,
}

impl Sandbox {
    /// A new one of the scenario's own.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pli-e2e-").tempdir()?;
        let mut sandbox = Self::start_in(folder.path())?;
        sandbox.folder = Some(folder);
        Ok(sandbox)
    }

    /// The one that scenarios share as long as any of them holds it. They may not kill it or change its lists.
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: OnceLock<Mutex<Weak<Sandbox>>> = OnceLock::new();
        let mut shared = SHARED.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// One in this folder, new or earlier.
    pub fn start_in(dir: &Path) -> Result<Self> {
        let mut child = Command::new(pli::binary())
            .args(["sandbox", "--dir"])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the sandbox")?;
        let stdout = child.stdout.take().context("the sandbox has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.starts_with("sandbox ready "), "the sandbox said: {line:?}");
        let json = std::fs::read(dir.join("sandbox.json"))?;
        let description = serde_json::from_slice(&json).context("sandbox.json")?;
        Ok(Self { child: Mutex::new(child), dir: dir.to_owned(), description, folder: None })
    }

    /// What is in it.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file named in `sandbox.json`.
    pub fn path(&self, relative: &Path) -> PathBuf {
        self.dir.join(relative)
    }

    /// What a client trusts.
    pub fn ca(&self) -> PathBuf {
        self.path(&self.description.ca)
    }

    /// An operator.
    pub fn operator(&self, name: &str) -> Result<&Operator> {
        self.description
            .operators
            .iter()
            .find(|operator| operator.name == name)
            .with_context(|| format!("no operator {name}"))
    }

    /// The first account of this type at this operator.
    pub fn account(&self, operator: &str, kind: &str) -> Result<&Account> {
        self.description
            .accounts
            .iter()
            .find(|account| account.operator == operator && account.kind == kind)
            .with_context(|| format!("no {kind} account at {operator}"))
    }

    /// The first patient whose space is in this state.
    pub fn patient(&self, space: &str) -> Result<&Patient> {
        self.description
            .patients
            .iter()
            .find(|patient| patient.space == space)
            .with_context(|| format!("no {space} patient"))
    }

    /// A certificate to play a peer with.
    pub fn peer(&self, name: &str) -> Result<&Peer> {
        self.description.peers.get(name).with_context(|| format!("no peer {name}"))
    }

    /// The hospital's own server.
    pub fn connector(&self) -> Result<&Connector> {
        self.description.connectors.first().context("no connector")
    }

    /// `--config FILE` of an operator.
    pub fn config(&self, operator: &str) -> Result<PathBuf> {
        Ok(self.path(&self.operator(operator)?.config))
    }

    /// `pli message trace ID` at an operator.
    pub fn trace(&self, operator: &str, id: &str) -> Result<serde_json::Value> {
        let config = self.config(operator)?;
        pli::json(["message".as_ref(), "trace".as_ref(), id.as_ref(), "--config".as_ref(), config.as_os_str()])
    }

    /// `pli queue list` at an operator.
    pub fn queue(&self, operator: &str) -> Result<Vec<serde_json::Value>> {
        let config = self.config(operator)?;
        let value = pli::json(["queue".as_ref(), "list".as_ref(), "--config".as_ref(), config.as_os_str()])?;
        Ok(value.as_array().context("not an array")?.clone())
    }

    /// Kills one operator's process, as a power cut would.
    pub fn kill_nine(&self, operator: &str) -> Result<()> {
        signal("KILL", self.operator(operator)?.pid)
    }

    /// Stops everything cleanly and waits for the end.
    pub fn stop(&self) -> Result<()> {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        signal("TERM", child.id())?;
        wait::until("the sandbox to stop", Duration::from_mins(1), || Ok(child.try_wait()?))?;
        Ok(())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("the sandbox did not stop: {error:#}");
        }
        if let (Some(folder), true) = (self.folder.take(), std::env::var_os("PLI_KEEP_SANDBOX").is_some()) {
            eprintln!("kept: {}", folder.keep().display());
        }
    }
}

/// Sends a signal by the system's own `kill`.
pub fn signal(name: &str, pid: u32) -> Result<()> {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status()?;
    ensure!(status.success(), "kill -{name} {pid}: {status}");
    Ok(())
}
