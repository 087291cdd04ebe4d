//! [`ConnectorBook`]: the connectors of the configuration and those that admins have added by command, and the routes
//! that they make together. `[[connector]]` is as it was when the node started; the store's are read anew after each change.

use std::sync::Arc;

use pli_directory::{Connector, ConnectorServer, RouteConfig, Routes, RoutesHandle};
use pli_store::{ConnectorRecord, Store, StoreError};
use pli_types::Domain;
use tokio::sync::{Mutex, MutexGuard};

use crate::config::Settings;
use crate::exit::{Exit, Failure};

/// Who may hand mail in by his own server, and where his mail goes. Cheap to clone; all clones are one book.
#[derive(Debug, Clone)]
pub(crate) struct ConnectorBook {
    configured: Arc<[Connector]>,
    routes: Arc<[RouteConfig]>,
    hosted: Arc<[Domain]>,
    in_force: RoutesHandle,
    /// Held by whoever changes something, from the look at what is there to the routes in force.
    changing: Arc<Mutex<()>>,
}

impl ConnectorBook {
    /// With the connectors of the configuration alone in force.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            configured: settings.routes.connectors().into(),
            routes: settings.config.route.clone().into(),
            hosted: settings.hosted_domains().into(),
            in_force: RoutesHandle::new(Arc::clone(&settings.routes)),
            changing: Arc::default(),
        }
    }

    /// With those of the store too.
    pub(crate) async fn open(settings: &Settings, store: &dyn Store) -> Result<Self, Failure> {
        let book = Self::of(settings);
        book.read(store).await?;
        Ok(book)
    }

    /// The routes in force.
    pub(crate) fn in_force(&self) -> &RoutesHandle {
        &self.in_force
    }

    /// Those of the configuration.
    pub(crate) fn configured(&self) -> &[Connector] {
        &self.configured
    }

    /// Is this one of the domains whose mailboxes are here?
    pub(crate) fn hosts(&self, domain: &Domain) -> bool {
        self.hosted.contains(domain)
    }

    /// From here on nobody else changes anything.
    pub(crate) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// The routes that these would make with the configuration; in words, why they would not.
    pub(crate) fn fit(&self, stored: impl IntoIterator<Item = Connector>) -> Result<Routes, String> {
        Routes::with(self.configured.iter().cloned().chain(stored).collect(), &self.routes)
    }

    /// Puts what the store has in force.
    pub(crate) async fn read(&self, store: &dyn Store) -> Result<(), Failure> {
        let stored = store.connectors().await?;
        let routes = self.fit(stored.iter().map(connector)).map_err(|what| no_fit(&what))?;
        self.in_force.replace(Arc::new(routes));
        Ok(())
    }
}

/// What stands in the store is at odds with the configuration, which has changed since.
fn no_fit(what: &str) -> Failure {
    Failure::told(Exit::Conflict, "connector-conflict.configured", &[("what", &what)])
}

/// The routes of the configuration and the store, for a command beside the node. Before a node has ever run there is
/// no store.
pub(crate) async fn routes_beside_the_node(settings: &Settings) -> Result<Arc<Routes>, Failure> {
    let path = settings.config.store.url.strip_prefix("sqlite://");
    if path.is_some_and(|path| !std::path::Path::new(path).exists()) {
        return Ok(Arc::clone(&settings.routes));
    }
    let store = pli_store::open_read_only(&settings.config.store, crate::clock::clock()).await?;
    let book = ConnectorBook::open(settings, &*store).await;
    store.close().await;
    book.map(|book| book.in_force.current())
}

/// As it is routed.
pub(crate) fn connector(record: &ConnectorRecord) -> Connector {
    Connector {
        name: record.name.clone(),
        certificate_name: record.certificate_name.clone(),
        domains: record.domains.clone(),
        addresses: record.addresses.clone(),
        server: record.server.clone().map(|(host, port)| ConnectorServer { host, port }),
    }
}

/// Keeps it, from now on.
pub(crate) async fn keep(
    store: &dyn Store,
    connector: &Connector,
    now: jiff::Timestamp,
    audit: Vec<pli_audit::Event>,
) -> Result<(), StoreError> {
    let record = ConnectorRecord {
        name: connector.name.clone(),
        certificate_name: connector.certificate_name.clone(),
        domains: connector.domains.clone(),
        addresses: connector.addresses.clone(),
        server: connector.server.clone().map(|server| (server.host, server.port)),
        added_at: now,
        changed_at: now,
    };
    store.put_connector(record, audit).await
}
