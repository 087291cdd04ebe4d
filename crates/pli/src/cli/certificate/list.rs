//! `pli certificate list`: by what others believe us, and we them.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pli_directory::ConnectorConfig;
use pli_net::{CertificateDetails, Pki, RevocationStatus, certificate_details, certificates_in};
use serde_json::{Map, Value, json};

use crate::cli::{Globals, runtime};
use crate::connectors::routes_beside_the_node;
use crate::exit::Failure;
use crate::output::{self, Listing, SCHEMA_VERSION};

/// What a table shows.
const COLUMNS: &[&str] = &["kind", "name", "begins_at", "ends_at", "age", "source", "last_try_at", "last_fault"];
/// What only programs read.
const MORE: &[&str] = &["issuer", "serial", "fingerprint", "entries", "in_force", "domains"];

/// One row of the list; what a kind does not have is null.
fn row(kind: &str, members: &Value) -> Map<String, Value> {
    let mut row =
        Map::from_iter([("schema_version".to_owned(), json!(SCHEMA_VERSION)), ("kind".to_owned(), json!(kind))]);
    for name in COLUMNS.iter().chain(MORE) {
        row.entry((*name).to_owned()).or_insert(Value::Null);
    }
    row.extend(members.as_object().cloned().unwrap_or_default());
    row
}

/// Prints them.
pub(super) fn run(globals: &Globals) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let config = &settings.config;
    let now = crate::clock::clock().now();
    let mut rows = Vec::new();
    for (kind, path) in
        [("own", &config.tls.certificate), ("anchor", &config.pki.anchor), ("organisations", &config.pki.organisations)]
    {
        let found = certificates_in(path)?.iter().filter_map(|der| certificate_details(der)).collect::<Vec<_>>();
        // What follows our own is its chain, and anchors have none.
        let count = if kind == "organisations" { found.len() } else { 1 };
        rows.extend(found.iter().take(count).map(|details| certificate_row(kind, path, details, now)));
    }
    let pki = Pki::look(&config.pki, &config.server.state)?;
    rows.extend(pki.revocation_lists().iter().map(|list| revocation_row(list, now)));
    let routes = runtime::one_thread()?.block_on(routes_beside_the_node(&settings))?;
    rows.extend(routes.connectors().iter().map(ConnectorConfig::from).map(|connector| {
        let server = connector.host.as_ref().zip(connector.port);
        let source = server.map(|(host, port)| format!("{host}:{port}"));
        row("connector", &json!({"name": connector.certificate_name, "source": source, "domains": connector.domains}))
    }));
    output::print(&globals.format().list(&Listing { columns: COLUMNS, rows }))
}

fn certificate_row(kind: &str, path: &Path, details: &CertificateDetails, now: Timestamp) -> Map<String, Value> {
    row(
        kind,
        &json!({
            "name": details.subject.to_string(),
            "issuer": details.issuer.to_string(),
            "serial": details.serial,
            "begins_at": details.not_before.to_string(),
            "ends_at": details.not_after.to_string(),
            "age": age(details.not_before, now),
            "source": path,
            "fingerprint": details.fingerprint,
        }),
    )
}

fn revocation_row(list: &RevocationStatus, now: Timestamp) -> Map<String, Value> {
    let (begins, ends) = list.validity.unzip();
    let (tried, fault) = list.last_try.clone().unzip();
    row(
        "crl",
        &json!({
            "name": list.authority,
            "begins_at": begins.map(|at| at.to_string()),
            "ends_at": ends.map(|at| at.to_string()),
            "age": begins.map(|at| age(at, now)),
            "source": list.source,
            "entries": list.entries,
            "in_force": list.in_force,
            "last_try_at": tried.map(|at| format!("{at:.0}")),
            "last_fault": fault.flatten(),
        }),
    )
}

/// In the two largest units: `3d 4h`, `4h 10m`, `10m`.
fn age(since: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(since).max(SignedDuration::ZERO).as_mins();
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_its_two_largest_units() {
        let now: Timestamp = "2026-03-14T12:00:00Z".parse().unwrap();
        for (since, told) in [
            ("2026-03-14T12:00:00Z", "0m"),
            ("2026-03-14T13:00:00Z", "0m"),
            ("2026-03-14T11:49:30Z", "10m"),
            ("2026-03-14T07:50:00Z", "4h 10m"),
            ("2026-03-11T07:50:00Z", "3d 4h"),
        ] {
            assert_eq!(age(since.parse().unwrap(), now), told, "{since}");
        }
    }
}
