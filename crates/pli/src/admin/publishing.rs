//! What is to be published is made due, on record under an admin's name.

use pli_audit::{Event, EventKind};
use pli_store::Store;
use pli_types::{MailAddress, Marked};

use super::desk::Desk;
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// Mailboxes that are made due together.
const MAILBOXES_MAX: usize = 10_000;

impl Desk {
    /// Has these told now, or all that wait; how many there are.
    pub(super) async fn publish(&self, addresses: &[String], actor: &str) -> Result<usize, Failure> {
        let Some(store) = &self.store else { return Err(Failure::defect("a change without a store")) };
        let addresses = if addresses.is_empty() {
            store.waiting_publications(MAILBOXES_MAX).await?.into_iter().map(|one| one.address).collect()
        } else {
            known(&**store, addresses).await?
        };
        if addresses.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let event = Event {
            detail: Some(Marked::plain(format!(
                "the state's directory is to be told of {} mailboxes now",
                addresses.len()
            ))),
            ..Author::Admin(actor.to_owned()).event(EventKind::Changed, now)
        };
        store.hasten_publications(&addresses, now, vec![event]).await?;
        Ok(addresses.len())
    }
}

/// Each is a mailbox here, was one, or was told of.
async fn known(store: &dyn Store, texts: &[String]) -> Result<Vec<MailAddress>, Failure> {
    let mut addresses = Vec::new();
    for text in texts {
        let unknown = || Failure::told(Exit::NotFound, "publication-unknown", &[]);
        let address = MailAddress::parse(text).map_err(|_| unknown())?;
        if store.mailbox_record(&address).await?.is_none() && store.publication(&address).await?.is_none() {
            return Err(unknown());
        }
        addresses.push(address);
    }
    Ok(addresses)
}
