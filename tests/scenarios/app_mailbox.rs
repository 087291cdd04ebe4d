//! An APP mailbox opens by its certificate and by nothing else (scenario 34).

use std::path::PathBuf;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::smtp::Smtp;
use e2e::wire::{Identity, Wire};
use e2e::{Outcome, Sandbox};

/// The certificate and key of the application, from `sandbox.json`.
fn own_certificate(sandbox: &Sandbox) -> anyhow::Result<(PathBuf, PathBuf)> {
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(sandbox.dir().join("sandbox.json"))?)?;
    let accounts = json["accounts"].as_array().context("no accounts")?;
    let entry = accounts.iter().find(|account| account["type"] == "APP").context("no APP account")?;
    let file = |member: &str| Some(sandbox.dir().join(entry[member].as_str()?));
    file("certificate").zip(file("key")).context("no certificate")
}

/// What IMAP answers to EXTERNAL with this authorization identity.
fn external(sandbox: &Sandbox, client: Option<(&PathBuf, &PathBuf)>, acts_for: &str) -> anyhow::Result<String> {
    let mut wire = Wire::connect(sandbox.operator("pro")?.ports.imaps)?;
    let client = client.map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    wire.start_tls(Identity { ca: &sandbox.ca(), client })?;
    wire.line()?;
    let response = if acts_for.is_empty() { "=".to_owned() } else { BASE64_STANDARD.encode(acts_for) };
    wire.send(format!("a AUTHENTICATE EXTERNAL {response}\r\n").as_bytes())?;
    wire.line()
}

pub(crate) fn opens_by_certificate_only() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let account = sandbox.account("pro", "APP")?;
    let (certificate, key) = own_certificate(&sandbox)?;
    let own = Some((&certificate, &key));
    for acts_for in ["", account.address.as_str()] {
        let answer = external(&sandbox, own, acts_for)?;
        ensure!(answer.starts_with("a OK "), "with its certificate, as {acts_for:?}: {answer}");
    }
    let pharmacy = sandbox.account("pro", "ORG")?;
    let answer = external(&sandbox, own, &pharmacy.address)?;
    ensure!(answer.starts_with("a NO [AUTHENTICATIONFAILED]"), "another's mailbox: {answer}");
    let answer = external(&sandbox, None, "")?;
    ensure!(answer.starts_with("a NO [AUTHENTICATIONFAILED]"), "without a certificate: {answer}");
    let peer = sandbox.peer("listed")?;
    let (certificate, key) = (sandbox.path(&peer.certificate), sandbox.path(&peer.key));
    let answer = external(&sandbox, Some((&certificate, &key)), &account.address)?;
    ensure!(answer.starts_with("a NO [AUTHENTICATIONFAILED]"), "with another's certificate: {answer}");
    // Nobody's password opens it, also not that of someone who has one.
    let port = sandbox.operator("pro")?.ports.submissions;
    for (name, password) in [(account.address.as_str(), "anything"), (&pharmacy.address, &pharmacy.password)] {
        let mut smtp = Smtp::connect_tls(port, Identity { ca: &sandbox.ca(), client: None })?;
        let token = BASE64_STANDARD.encode(format!("{}\0{name}\0{password}", account.address));
        smtp.command(&format!("AUTH PLAIN {token}"))?.expect_reason(535, "authentication-failed")?;
    }
    Ok(())
}
