//! `pli config check` and `pli config show`.

use std::path::Path;

use pli_net::http::HttpClient;
use pli_net::{ClientTls, NetError, Pki, ServerTls};
use serde_json::{Map, Value, json};

use super::{Globals, runtime};
use crate::admin::{pki, read_file};
use crate::config::{Config, ConfigFault, ListOrigin, Settings, check_secret_file, read_key, read_text_secret};
use crate::exit::{Exit, Failure, chain};
use crate::output::{self, Format, Listing, SCHEMA_VERSION};
use crate::sealer;
use crate::trust::Signers;

/// What can be done with the configuration.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Would the relay start? Reads the file and everything that it names, starts nothing
    Check,
    /// Print the whole of it, with defaults and absolute paths
    Show,
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    let settings = globals.settings()?;
    match command {
        Command::Check => {
            let checks = checks(&settings);
            output::print(&globals.format().list(&listing(&checks, globals.format())))?;
            verdict(&checks)
        }
        Command::Show => output::print(&show(&settings.config, globals.format())?),
    }
}

/// One thing that the configuration names, and whether it can be used.
pub(super) struct Check {
    pub(super) name: &'static str,
    /// Would the relay start without it?
    pub(super) vital: bool,
    pub(super) fault: Option<Failure>,
}

/// All of them.
pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let config = &settings.config;
    let vital = |name, fault: Result<(), Failure>| Check { name, vital: true, fault: fault.err() };
    let fault = |result: Result<(), ConfigFault>| result.map_err(Failure::from);
    let net = |result: Result<(), NetError>| result.map_err(Failure::from);
    let pki = Pki::look(&config.pki, &config.server.state);
    // Whether the lists are any good, only the authorities can tell.
    let crl = pki.as_ref().ok().map(|pki| pki.refresh().err().map(Failure::from));
    let crl = crl.map(|fault| Check { name: "pki.crl", vital: false, fault });
    let mut checks = vec![
        vital("server.masking_key", fault(read_key(&config.server.masking_key).map(drop))),
        Check { name: "server.postmaster", vital: false, fault: postmaster(config).err() },
        vital("tls.key", fault(check_secret_file(&config.tls.key))),
        vital("tls", net(tls(config))),
        vital("pki", net(pki.map(drop))),
        vital("store.master_key", fault(read_key(&config.store.master_key).map(drop))),
        vital("store", store(config)),
        vital("server.state", state(&config.server.state)),
        vital("audit.key", fault(audit_key(config))),
    ];
    checks.push(match &settings.list {
        ListOrigin::File(path) => Check { name: "trust.list", vital: false, fault: trust_list(settings, path).err() },
        ListOrigin::Publisher { anchors, .. } => vital("trust.anchors", net(HttpClient::trusting(anchors).map(drop))),
    });
    if let Some(psc) = &config.signin.psc {
        checks.push(vital("signin.psc.anchors", net(HttpClient::trusting(&psc.anchors).map(drop))));
        if let Some(asked) = &psc.introspection {
            let secret = fault(read_text_secret(&asked.client_secret).map(drop));
            checks.push(vital("signin.psc.introspection.client_secret", secret));
        }
    }
    if let Some(telemetry) = &config.telemetry {
        if let Some(anchors) = &telemetry.anchors {
            checks.push(vital("telemetry.anchors", net(HttpClient::trusting(anchors).map(drop))));
        }
        if let Some(file) = &telemetry.token {
            checks.push(vital("telemetry.token", fault(read_text_secret(file).map(drop))));
        }
    }
    if let Some(annuaire) = &config.annuaire {
        checks.push(vital("annuaire.anchors", net(HttpClient::trusting(&annuaire.anchors).map(drop))));
        checks.push(vital("annuaire.api_key", fault(read_text_secret(&annuaire.api_key).map(drop))));
    }
    checks.extend(crl);
    checks
}

/// Every domain has a postmaster who can be written to (RFC 5321 §4.5.1). Whether there is a mailbox of that name in each
/// is for the store to know.
fn postmaster(config: &Config) -> Result<(), Failure> {
    config.server.postmaster.as_ref().map(drop).ok_or_else(|| Failure::told(Exit::Usage, "postmaster-missing", &[]))
}

fn tls(config: &Config) -> Result<(), NetError> {
    ServerTls::operators(&config.tls)?;
    ServerTls::clients(&config.tls, &config.pki)?;
    ClientTls::new(&config.tls).map(drop)
}

fn store(config: &Config) -> Result<(), Failure> {
    runtime::one_thread()?.block_on(pli_store::check(&config.store)).map_err(Failure::from)
}

/// A node makes one that is missing, unless the record is signed already.
fn audit_key(config: &Config) -> Result<(), ConfigFault> {
    let path = config.audit.key_in(&config.server.state);
    if path.exists() { sealer::key::read(&path).map(drop) } else { Ok(()) }
}

/// By itself: what it would change is for `pli trust check` to tell.
fn trust_list(settings: &Settings, path: &Path) -> Result<(), Failure> {
    let bytes = read_file(path)?;
    let (rules, signers) = (settings.config.trust.rules(), Signers(pki(settings)?));
    pli_directory::check(&bytes, &rules, &signers, crate::clock::clock().now()).map(drop).map_err(Failure::from)
}

/// One that is missing is made.
fn state(folder: &Path) -> Result<(), Failure> {
    if !folder.exists() || folder.is_dir() {
        return Ok(());
    }
    Err(Failure::told(Exit::Usage, "state-unusable.no-folder", &[("folder", &folder.display())]))
}

fn listing(checks: &[Check], format: Format) -> Listing {
    // Programs read one language.
    let language = format.language();
    let row = |check: &Check| {
        let outcome = match (&check.fault, check.vital) {
            (None, _) => "ok",
            (Some(_), false) => "warning",
            (Some(_), true) => "failed",
        };
        let members = json!({
            "schema_version": SCHEMA_VERSION,
            "check": check.name,
            "outcome": outcome,
            "code": check.fault.as_ref().map(|fault| fault.code),
            "detail": check.fault.as_ref().map(|fault| fault.what_in(language)),
            "next": check.fault.as_ref().map(|fault| fault.next_in(language)),
        });
        members.as_object().cloned().unwrap_or_default()
    };
    Listing { columns: &["check", "outcome", "detail", "next"], rows: checks.iter().map(row).collect() }
}

/// The first thing without which the relay would not start.
fn verdict(checks: &[Check]) -> Result<(), Failure> {
    match checks.iter().find(|check| check.vital && check.fault.is_some()) {
        Some(Check { fault: Some(fault), .. }) => Err(fault.clone()),
        _ => Ok(()),
    }
}

/// For people: TOML, as it could be written. It holds no secret: secrets are named by path.
fn show(config: &Config, format: Format) -> Result<String, Failure> {
    let defect =
        |error: &dyn std::error::Error| Failure::defect(format!("the configuration cannot be shown: {}", chain(error)));
    if format == Format::Table {
        return toml::to_string(config).map_err(|error| defect(&error));
    }
    let mut members = Map::from_iter([("schema_version".to_owned(), json!(SCHEMA_VERSION))]);
    match serde_json::to_value(config).map_err(|error| defect(&error))? {
        Value::Object(config) => members.extend(config),
        other => return Err(Failure::defect(format!("not a table: {other}"))),
    }
    Ok(format.object(&members))
}
