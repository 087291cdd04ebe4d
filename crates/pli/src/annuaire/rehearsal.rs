//! [`rehearse()`]: what would be sent, by what the directory was told last. It is not asked.

use pli_directory::fhir::{Request, plan};
use pli_store::{Publication, Store};
use pli_types::MailAddress;

use super::teller::held_of;
use super::wanted::wanted;
use crate::exit::{Exit, Failure};

/// Mailboxes that are looked at together.
const WAITING_MAX: usize = 100_000;

/// The requests for these mailboxes, or for all that wait, in the order in which they would be sent.
pub(crate) async fn rehearse(
    store: &dyn Store,
    base: &str,
    addresses: &[MailAddress],
) -> Result<Vec<Request>, Failure> {
    let mut requests = Vec::new();
    for (address, told) in looked_at(store, addresses).await? {
        let record = store.mailbox_record(&address).await?;
        if record.is_none() && told.is_none() {
            return Err(Failure::told(Exit::NotFound, "publication-unknown", &[]));
        }
        let held = held_of(told.and_then(|one| one.told).as_deref());
        let orders = plan(held.as_ref(), record.as_ref().and_then(wanted).as_ref());
        requests.extend(orders.iter().map(|order| order.request(base, None)));
    }
    Ok(requests)
}

async fn looked_at(
    store: &dyn Store,
    addresses: &[MailAddress],
) -> Result<Vec<(MailAddress, Option<Publication>)>, Failure> {
    if addresses.is_empty() {
        let waiting = store.waiting_publications(WAITING_MAX).await?;
        return Ok(waiting.into_iter().map(|one| (one.address.clone(), Some(one))).collect());
    }
    let mut found = Vec::new();
    for address in addresses {
        found.push((address.clone(), store.publication(address).await?));
    }
    Ok(found)
}
