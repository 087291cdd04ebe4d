//! `pli connector`, at the desk: what is asked, what is told, and how it is done. A change is on stable storage and on
//! record, and then in force, when it is told.

use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_directory::{Connector, ConnectorConfig, ConnectorServer};
use pli_store::{ConnectorRecord, Store};
use pli_types::Marked;
use serde::{Deserialize, Serialize};

use super::desk::{Desk, Office, checked_reason, unable};
use super::effect::Effect;
use super::protocol::Request;
use crate::connectors::{connector, keep};
use crate::exit::{Exit, Failure};
use crate::trust::Author;
use crate::words::Said;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Which are there?
    List,
    /// How does this one stand?
    Show { name: String },
    /// Let there be this one.
    Add { connector: ConnectorConfig, dry_run: bool },
    /// Let it be so from now on.
    Set { name: String, change: Change, dry_run: bool },
    /// Let there be none of this name.
    Rm { name: String, reason: String, dry_run: bool },
}

/// What shall be otherwise. A list that is given is the whole new list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Change {
    pub(crate) certificate_name: Option<String>,
    pub(crate) domains: Option<Vec<String>>,
    pub(crate) addresses: Option<Vec<String>>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Told {
    /// By name.
    List(Vec<Row>),
    /// The one that was asked for.
    One(Row),
    /// What became of it; for one that is removed, as it was.
    Done { effect: Effect, row: Option<Row> },
}

/// A connector, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) connector: ConnectorConfig,
    pub(crate) source: Source,
    /// Of one that was added by command.
    pub(crate) added_at: Option<Timestamp>,
    /// Of one that was added by command.
    pub(crate) changed_at: Option<Timestamp>,
    /// What does not keep it from being there, and keeps some mail from passing.
    pub(crate) warnings: Vec<Warning>,
}

/// Where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// In the configuration, where it is changed.
    Configuration,
    /// In the store.
    Store,
}

/// What an admin should look at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Warning {
    pub(crate) code: String,
    pub(crate) said: Said,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::List | Self::Show { .. } => false,
            Self::Add { dry_run, .. } | Self::Set { dry_run, .. } | Self::Rm { dry_run, .. } => !dry_run,
        }
    }
}

impl Desk {
    /// Answers.
    pub(super) async fn connector(&self, ask: Ask, actor: &str) -> Result<Told, Failure> {
        let request = Request::Connector(ask.clone());
        let store = self.store.as_deref().ok_or_else(|| unable(&request))?;
        let office = if request.writes() { Some(self.office(&request)?) } else { None };
        let wish = Wish { store, actor, office };
        match ask {
            Ask::List => self.connectors_told(store).await.map(Told::List),
            Ask::Show { name } => self.connector_told(store, &name).await.map(Told::One),
            Ask::Add { connector, .. } => {
                let _changing = self.connectors.changing().await;
                self.add_connector(&wish, &connector).await
            }
            Ask::Set { name, change, .. } => {
                let _changing = self.connectors.changing().await;
                self.set_connector(&wish, &name, change).await
            }
            Ask::Rm { name, reason, .. } => {
                let _changing = self.connectors.changing().await;
                self.remove_connector(&wish, &name, checked_reason(&reason)?).await
            }
        }
    }

    async fn connectors_told(&self, store: &dyn Store) -> Result<Vec<Row>, Failure> {
        let stored = store.connectors().await?;
        let mut rows = Vec::new();
        for connector in self.connectors.configured() {
            rows.push(self.row(store, &stored, connector, None).await?);
        }
        for record in &stored {
            rows.push(self.row(store, &stored, &connector(record), Some(record)).await?);
        }
        rows.sort_by(|a, b| a.connector.name.cmp(&b.connector.name));
        Ok(rows)
    }

    async fn connector_told(&self, store: &dyn Store, name: &str) -> Result<Row, Failure> {
        let rows = self.connectors_told(store).await?;
        rows.into_iter().find(|row| row.connector.name == name).ok_or_else(|| unknown(name))
    }

    async fn row(
        &self,
        store: &dyn Store,
        stored: &[ConnectorRecord],
        connector: &Connector,
        record: Option<&ConnectorRecord>,
    ) -> Result<Row, Failure> {
        Ok(Row {
            connector: connector.into(),
            source: if record.is_some() { Source::Store } else { Source::Configuration },
            added_at: record.map(|record| record.added_at),
            changed_at: record.map(|record| record.changed_at),
            warnings: self.warnings(store, stored, connector).await?,
        })
    }

    /// Mail from it passes here. Does it pass elsewhere, and do answers come back?
    async fn warnings(
        &self,
        store: &dyn Store,
        stored: &[ConnectorRecord],
        connector: &Connector,
    ) -> Result<Vec<Warning>, Failure> {
        let mut warnings = Vec::new();
        let list = self.trust.current();
        for domain in connector.domains.iter().chain(connector.addresses.iter().map(pli_types::MailAddress::domain)) {
            if list.as_ref().is_some_and(|list| !list.lists_domain(domain)) {
                let said = Said::new("connector-domain-not-listed", &[("domain", domain)]);
                warnings.push(Warning { code: "connector-domain-not-listed".to_owned(), said });
            }
        }
        for address in &connector.addresses {
            let domain = address.domain();
            let goes_on = self.connectors.configured().iter().any(|other| other.domains.contains(domain))
                || stored.iter().any(|other| other.domains.contains(domain));
            if !goes_on && store.mailbox(address).await?.is_none() {
                let said = Said::new("connector-address-without-mailbox", &[("address", &address.reveal())]);
                warnings.push(Warning { code: "connector-address-without-mailbox".to_owned(), said });
            }
        }
        warnings.dedup();
        Ok(warnings)
    }

    async fn add_connector(&self, wish: &Wish<'_>, wanted: &ConnectorConfig) -> Result<Told, Failure> {
        check_name(&wanted.name)?;
        self.check_not_configured(&wanted.name)?;
        let wanted = checked(wanted)?;
        let stored = wish.store.connectors().await?;
        match stored.iter().find(|record| record.name == wanted.name) {
            Some(record) if connector(record) == wanted => self.told(wish, Effect::Unchanged, &wanted.name).await,
            Some(_) => Err(Failure::told(Exit::Conflict, "connector-exists", &[("name", &wanted.name)])),
            None => self.put(wish, &stored, &wanted, Effect::Created).await,
        }
    }

    async fn set_connector(&self, wish: &Wish<'_>, name: &str, change: Change) -> Result<Told, Failure> {
        self.check_not_configured(name)?;
        let stored = wish.store.connectors().await?;
        let before = stored.iter().find(|record| record.name == name).map(connector).ok_or_else(|| unknown(name))?;
        let wanted = checked(&changed(&before, change))?;
        if before == wanted {
            return self.told(wish, Effect::Unchanged, name).await;
        }
        self.put(wish, &stored, &wanted, Effect::Changed).await
    }

    /// Keeps it, and puts it in force.
    async fn put(
        &self,
        wish: &Wish<'_>,
        stored: &[ConnectorRecord],
        wanted: &Connector,
        effect: Effect,
    ) -> Result<Told, Failure> {
        let others = stored.iter().filter(|record| record.name != wanted.name).map(connector);
        let routes = self.connectors.fit(others.chain([wanted.clone()]));
        let routes = routes.map_err(|what| Failure::told(Exit::Conflict, "connector-conflict", &[("what", &what)]))?;
        self.check_is_ours(wanted, &routes)?;
        let Some(_) = wish.office else {
            let row = self.row(wish.store, stored, wanted, None).await?;
            return Ok(Told::Done { effect: effect.tried(), row: Some(Row { source: Source::Store, ..row }) });
        };
        let word = if effect == Effect::Created { "added" } else { "changed" };
        let event = self.event(wish, &format!("connector {word}: {}", in_words(wanted)));
        keep(wish.store, wanted, self.clock.now(), vec![event]).await?;
        self.connectors.read(wish.store).await?;
        tracing::info!(actor = wish.actor, connector = wanted.name, "a connector is {word}");
        // What waited for the server as it was is tried with the one that it is now.
        let tried = format!("connector {}: the mail that waited for it is tried at once", wanted.name);
        let event = self.event(wish, &tried);
        wish.store.hasten(&wanted.domains, self.clock.now(), vec![event]).await?;
        self.told(wish, effect, &wanted.name).await
    }

    async fn remove_connector(&self, wish: &Wish<'_>, name: &str, reason: &str) -> Result<Told, Failure> {
        let stored = wish.store.connectors().await?;
        let Some(record) = stored.iter().find(|record| record.name == name) else {
            self.check_not_configured(name)?;
            if wish.store.knows_connector(name).await? {
                return Ok(Told::Done { effect: wish.effect(Effect::Unchanged), row: None });
            }
            return Err(unknown(name));
        };
        let row = self.row(wish.store, &stored, &connector(record), Some(record)).await?;
        if wish.office.is_some() {
            let detail = format!("connector removed: {}; {reason}", in_words(&connector(record)));
            let event = self.event(wish, &detail);
            wish.store.remove_connector(name, self.clock.now(), vec![event]).await?;
            self.connectors.read(wish.store).await?;
            tracing::info!(actor = wish.actor, connector = name, "a connector is removed");
        }
        Ok(Told::Done { effect: wish.effect(Effect::Removed), row: Some(row) })
    }

    async fn told(&self, wish: &Wish<'_>, effect: Effect, name: &str) -> Result<Told, Failure> {
        let row = self.connector_told(wish.store, name).await?;
        Ok(Told::Done { effect: wish.effect(effect), row: Some(row) })
    }

    fn event(&self, wish: &Wish<'_>, detail: &str) -> Event {
        let event = Author::Admin(wish.actor.to_owned()).event(EventKind::Changed, self.clock.now());
        Event { detail: Some(Marked::text(detail)), ..event }
    }

    fn check_not_configured(&self, name: &str) -> Result<(), Failure> {
        if self.connectors.configured().iter().any(|connector| connector.name == name) {
            return Err(Failure::told(Exit::Conflict, "connector-configured", &[("name", &name)]));
        }
        Ok(())
    }

    /// It sends as what is of this operator: a domain hosted here or listed, an address whose mail comes here.
    fn check_is_ours(&self, connector: &Connector, routes: &pli_directory::Routes) -> Result<(), Failure> {
        let list = self.trust.current();
        for domain in &connector.domains {
            if !self.connectors.hosts(domain) && !list.as_ref().is_some_and(|list| list.lists_domain(domain)) {
                return Err(Failure::told(Exit::Conflict, "connector-domain-unknown", &[("domain", domain)]));
            }
        }
        let mut elsewhere = connector.addresses.iter().map(pli_types::MailAddress::domain);
        match elsewhere.find(|domain| !self.connectors.hosts(domain) && !routes.is_connector_domain(domain)) {
            None => Ok(()),
            Some(domain) => Err(Failure::told(Exit::Conflict, "connector-address-elsewhere", &[("domain", domain)])),
        }
    }
}

/// Who wants something, and by what it is done: `None` if it is only tried.
struct Wish<'a> {
    store: &'a dyn Store,
    actor: &'a str,
    office: Option<&'a Office>,
}

impl Wish<'_> {
    fn effect(&self, effect: Effect) -> Effect {
        if self.office.is_none() { effect.tried() } else { effect }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::told(Exit::NotFound, "connector-unknown", &[("name", &name)])
}

/// A name is typed often, and stands in lists and on record.
fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(Failure::told(Exit::Usage, "connector-invalid.name", &[]))
}

/// Each value checked for itself, each list in order.
fn checked(config: &ConnectorConfig) -> Result<Connector, Failure> {
    let invalid = |what: String| Failure::told(Exit::Usage, "connector-invalid", &[("what", &what)]);
    let mut connector = Connector::checked(config).map_err(invalid)?;
    connector.domains.sort();
    connector.domains.dedup();
    connector.addresses.sort_by_key(pli_types::MailAddress::key);
    connector.addresses.dedup_by_key(|address| address.key());
    Ok(connector)
}

/// As it shall be. One that has no domain left has no server either.
fn changed(before: &Connector, change: Change) -> ConnectorConfig {
    let before = ConnectorConfig::from(before);
    let domains = change.domains.unwrap_or(before.domains);
    let serves = !domains.is_empty();
    ConnectorConfig {
        name: before.name,
        certificate_name: change.certificate_name.unwrap_or(before.certificate_name),
        host: change.host.or_else(|| before.host.filter(|_| serves)),
        port: change.port.or_else(|| before.port.filter(|_| serves)),
        domains,
        addresses: change.addresses.unwrap_or(before.addresses),
    }
}

/// For the record.
fn in_words(connector: &Connector) -> String {
    let Connector { name, certificate_name, domains, addresses, server } = connector;
    let mut words = vec![format!("{name}, certificate {certificate_name}")];
    words.extend(domains.iter().map(|domain| format!("sends as {domain}")));
    words.extend(addresses.iter().map(|address| format!("sends as {}", address.reveal())));
    words.extend(server.iter().map(|ConnectorServer { host, port }| format!("takes mail at {host}:{port}")));
    words.join(", ")
}
