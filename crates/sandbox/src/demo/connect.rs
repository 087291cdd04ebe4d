//! Before and after the story: what was made, and how to connect a mail program to the sandbox that keeps running.

use std::path::Path;

use serde_json::json;

use super::Printer;
use crate::cast;
use crate::manifest::{FILE, Manifest, Operator};

impl Printer {
    /// What was made, and where.
    pub fn opening(&mut self, dir: &Path) -> std::io::Result<()> {
        self.remark(&format!("A trust space of three operators runs on loopback, in {}", dir.display()))
    }

    /// Hosts, ports, names, passwords, and the CA to trust.
    pub fn how_to_connect(&mut self, dir: &Path, manifest: &Manifest) -> std::io::Result<()> {
        self.object(&json!({"schema_version": 1, "running": true, "sandbox": dir.join(FILE)}))?;
        self.remark("\nIt keeps running until Ctrl-C. To connect an ordinary mail program, have it trust this CA:")?;
        self.remark(&format!("  {}", dir.join(&manifest.ca).display()))?;
        for (who, address, password, operator) in people(manifest) {
            let ports = operator.ports;
            self.remark(&format!("\n  {who}"))?;
            self.remark(&format!("    name      {address}"))?;
            self.remark(&format!("    password  {password}"))?;
            self.remark(&format!(
                "    IMAP      localhost, port {} (SSL/TLS) or {} (STARTTLS)",
                ports.imaps, ports.imap
            ))?;
            self.remark(&format!(
                "    SMTP      localhost, port {} (SSL/TLS) or {} (STARTTLS)",
                ports.submissions, ports.submission
            ))?;
        }
        self.remark(&format!("\nEverybody else is in {}", dir.join(FILE).display()))
    }
}

/// The people of the story.
fn people(manifest: &Manifest) -> Vec<(&'static str, &str, &str, &Operator)> {
    let accounts = manifest.accounts.iter().filter_map(|account| {
        let who = if account.address == cast::DOCTOR { "The GP" } else { "A pharmacy" };
        Some((who, account.address.as_str(), account.password.as_deref()?, account.operator.as_str()))
    });
    let patients =
        manifest.patients.iter().filter(|patient| patient.ins == cast::PATIENT).map(|patient| {
            ("The patient", patient.address.as_str(), patient.password.as_str(), patient.operator.as_str())
        });
    accounts
        .chain(patients)
        .filter_map(|(who, address, password, name)| Some((who, address, password, manifest.operator(name).ok()?)))
        .collect()
}
