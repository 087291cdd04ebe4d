//! Connectors.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{DistinguishedName, Domain, MailAddress};

use super::SqliteStore;
use super::intake::{AuditRows, audit_rows};
use super::rows::{Row, database_error, json_texts, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::connectors::{ConnectorRecord, Connectors};
use crate::{Result, StoreError};

#[async_trait]
impl Connectors for SqliteStore {
    async fn connectors(&self) -> Result<Vec<ConnectorRecord>> {
        let sql = sqlx::query(
            "SELECT name, certificate_name, host, port, added_at, changed_at,
                (SELECT json_group_array(domain ORDER BY domain) FROM connector_domains WHERE connector = name)
                    AS domains,
                (SELECT json_group_array(address ORDER BY address_key) FROM connector_addresses WHERE connector = name)
                    AS addresses
             FROM connectors WHERE removed_at IS NULL ORDER BY name",
        );
        self.readers.all(sql).await.map_err(read_error)?.iter().map(|row| record(Row::new(row, "connectors"))).collect()
    }

    async fn put_connector(&self, connector: ConnectorRecord, audit: Vec<Event>) -> Result<()> {
        self.write(Put { connector, audit: audit_rows(&audit) }).await
    }

    async fn remove_connector(&self, name: &str, at: Timestamp, audit: Vec<Event>) -> Result<()> {
        self.write(Remove { name: name.to_owned(), at, audit: audit_rows(&audit) }).await
    }

    async fn knows_connector(&self, name: &str) -> Result<bool> {
        let row = self.readers.one(sqlx::query("SELECT 1 FROM connectors WHERE name = ?").bind(name)).await;
        Ok(row.map_err(read_error)?.is_some())
    }
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the connectors could not be read", error)
}

fn record(row: Row<'_>) -> Result<ConnectorRecord> {
    let host: Option<String> = row.get("host")?;
    let port = row.parse("port", |port: Option<i64>| port.map(u16::try_from).transpose())?;
    Ok(ConnectorRecord {
        name: row.get("name")?,
        certificate_name: row.parse("certificate_name", DistinguishedName::parse)?,
        domains: list(row, "domains", |text| Domain::parse(text).ok())?,
        addresses: list(row, "addresses", |text| MailAddress::parse(text).ok())?,
        server: host.zip(port),
        added_at: row.instant("added_at")?,
        changed_at: row.instant("changed_at")?,
    })
}

/// A JSON list of texts, each of which is a `T`.
fn list<T>(row: Row<'_>, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let texts: Vec<String> = row.parse(column, |text: &str| serde_json::from_str(text))?;
    // The text itself may be somebody's address: it is not repeated.
    let parsed = texts.iter().map(|text| parse(text)).collect::<Option<Vec<T>>>();
    parsed.ok_or_else(|| row.corrupt(column, "one of them is none"))
}

struct Put {
    connector: ConnectorRecord,
    audit: AuditRows,
}

#[async_trait]
impl Write for Put {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let ConnectorRecord { name, certificate_name, domains, addresses, server, added_at, changed_at } =
            &self.connector;
        let (domains, keys): (Vec<_>, Vec<_>) =
            (domains.iter().map(Domain::as_str).collect(), addresses.iter().map(MailAddress::key).collect());
        check_free(tx, name, &domains, &keys).await?;
        let sql = sqlx::query(
            "INSERT INTO connectors (name, certificate_name, host, port, added_at, changed_at)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET certificate_name = excluded.certificate_name, host = excluded.host,
                port = excluded.port, changed_at = excluded.changed_at, removed_at = NULL,
                added_at = iif(removed_at IS NULL, added_at, excluded.added_at)",
        );
        let (host, port) = server.as_ref().map(|(host, port)| (host.as_str(), i64::from(*port))).unzip();
        let sql = sql.bind(name.as_str()).bind(certificate_name.to_string()).bind(host).bind(port);
        tx.execute(sql.bind(micros(*added_at)).bind(micros(*changed_at))).await?;
        forget_what_it_sends_as(tx, name).await?;
        let sql = "INSERT INTO connector_domains (domain, connector) SELECT value, ? FROM json_each(?)";
        tx.execute(sqlx::query(sql).bind(name.as_str()).bind(json_texts(domains))).await?;
        for (key, address) in keys.iter().zip(addresses) {
            let sql = sqlx::query("INSERT INTO connector_addresses (address_key, address, connector) VALUES (?, ?, ?)");
            tx.execute(sql.bind(key.as_str()).bind(address.reveal().as_str()).bind(name.as_str())).await?;
        }
        tx.record(&self.audit);
        Ok(())
    }
}

/// Before anything is changed, so that a refusal fails alone.
async fn check_free(tx: &mut Tx<'_>, name: &str, domains: &[&str], keys: &[String]) -> Result<()> {
    let sql = sqlx::query(
        "SELECT 1 FROM connector_domains WHERE connector <> ?1 AND domain IN (SELECT value FROM json_each(?2))
         UNION ALL
         SELECT 1 FROM connector_addresses WHERE connector <> ?1 AND address_key IN (SELECT value FROM json_each(?3))",
    );
    let domains = json_texts(domains.iter().copied());
    let keys = json_texts(keys.iter().map(String::as_str));
    match tx.fetch_one(sql.bind(name).bind(domains).bind(keys)).await? {
        None => Ok(()),
        Some(_) => Err(StoreError::Conflict("another connector has one of its domains or addresses")),
    }
}

async fn forget_what_it_sends_as(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    tx.execute(sqlx::query("DELETE FROM connector_domains WHERE connector = ?").bind(name)).await?;
    tx.execute(sqlx::query("DELETE FROM connector_addresses WHERE connector = ?").bind(name)).await?;
    Ok(())
}

struct Remove {
    name: String,
    at: Timestamp,
    audit: AuditRows,
}

#[async_trait]
impl Write for Remove {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let name = self.name.as_str();
        let sql = sqlx::query("UPDATE connectors SET removed_at = ? WHERE name = ? AND removed_at IS NULL");
        if tx.execute(sql.bind(micros(self.at)).bind(name)).await? == 0 {
            return Err(StoreError::NotFound("connector"));
        }
        forget_what_it_sends_as(tx, name).await?;
        tx.record(&self.audit);
        Ok(())
    }
}
