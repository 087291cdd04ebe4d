//! [`plan()`]: from what the directory has of a mailbox to what it should have.

use serde::{Deserialize, Serialize};

use pli_types::MailAddress;

use super::resource::ContactPoint;
use super::{Carrier, Listing, Operation, Order, word};

/// A mailbox that the directory has, or was told of.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Held {
    /// Whose it is.
    pub at: Carrier,
    /// What is said of it.
    pub telecom: ContactPoint,
}

/// A mailbox that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is.
    pub at: Carrier,
    /// What is to be said of it.
    pub listing: Listing,
}

/// The orders that lead from one to the other, to be given in this order; none if it is so already. A mailbox on the red
/// list should not be there (scenario 46). Where a mailbox hangs on another carrier than it should, or has another address
/// or type, which nobody may change (spec §4.3), it is deleted and inserted.
#[must_use]
pub fn plan(held: Option<&Held>, wanted: Option<&Wanted>) -> Vec<Order> {
    match (held, wanted.filter(|wanted| !wanted.listing.unlisted)) {
        (None, None) => Vec::new(),
        (None, Some(wanted)) => vec![Order { at: wanted.at.clone(), operations: vec![wanted.insert()] }],
        (Some(held), None) => vec![Order { at: held.at.clone(), operations: vec![held.delete()] }],
        (Some(held), Some(wanted)) if held.at != wanted.at => vec![
            Order { at: held.at.clone(), operations: vec![held.delete()] },
            Order { at: wanted.at.clone(), operations: vec![wanted.insert()] },
        ],
        (Some(held), Some(wanted)) => {
            let operations = if held.is_of(&wanted.listing) {
                changes(held, &wanted.listing)
            } else {
                vec![held.delete(), wanted.insert()]
            };
            let at = wanted.at.clone();
            if operations.is_empty() { Vec::new() } else { vec![Order { at, operations }] }
        }
    }
}

impl Wanted {
    fn insert(&self) -> Operation {
        Operation::Insert(Box::new(self.listing.contact_point(None)))
    }

    /// What the directory has once it was told all.
    #[must_use]
    pub fn as_held(&self, before: Option<&Held>) -> Held {
        let before = before.filter(|held| held.at == self.at && held.is_of(&self.listing));
        Held { at: self.at.clone(), telecom: self.listing.contact_point(before.map(|held| &held.telecom)) }
    }
}

impl Held {
    /// Its address, as it is spelt there.
    #[must_use]
    pub fn address(&self) -> &str {
        self.telecom.value.as_deref().unwrap_or_default()
    }

    /// Whoever may read everything sees who is responsible; others do not, and must not take it for missing. Adds what the
    /// directory was told before.
    #[must_use]
    pub fn with_unseen(mut self, told: Option<&Self>) -> Self {
        let told = told.filter(|told| told.at == self.at).and_then(|told| told.telecom.part(word::RESPONSIBLE));
        if let Some(part) = told
            && self.telecom.part(word::RESPONSIBLE).is_none()
            && let Some(metadata) = self.telecom.extension.iter_mut().find(|one| one.url == word::METADATA)
        {
            metadata.extension.push(part.clone());
        }
        self
    }

    fn delete(&self) -> Operation {
        Operation::Delete(self.address().to_owned())
    }

    fn is_of(&self, listing: &Listing) -> bool {
        let kind = self.telecom.part(word::TYPE).and_then(|part| part.code());
        let same = MailAddress::parse(self.address()).is_ok_and(|address| address.key() == listing.address.key());
        same && kind == Some(listing.kind.as_str())
    }
}

/// Part by part where the directory says something already; the whole entry where something is to be said for the first
/// time, since there is nothing yet to be replaced.
fn changes(held: &Held, ours: &Listing) -> Vec<Operation> {
    let (theirs, address) = (&held.telecom, || held.address().to_owned());
    let mut operations = Vec::new();
    let mut first_time = false;
    if theirs.flag(word::UNLISTED) == Some(true) {
        operations.push(Operation::ReplacePart(address(), word::UNLISTED, false.into()));
    }
    for (name, text) in ours.texts() {
        match (theirs.text(name), text) {
            (Some(before), Some(text)) if before != text => {
                operations.push(Operation::ReplacePart(address(), name, text.into()));
            }
            (Some(_), None) => operations.push(Operation::DeletePart(address(), name)),
            (None, Some(_)) => first_time = true,
            _ => {}
        }
    }
    match theirs.flag(word::DIGITISATION) {
        Some(before) if before != ours.digitisation => {
            operations.push(Operation::ReplacePart(address(), word::DIGITISATION, ours.digitisation.into()));
        }
        None => first_time |= ours.digitisation,
        Some(_) => {}
    }
    match (theirs.rank, ours.rank) {
        (Some(before), Some(rank)) if before != rank => operations.push(Operation::ReplaceRank(address(), rank)),
        (Some(_), None) => operations.push(Operation::DeleteRank(address())),
        (None, Some(_)) => first_time = true,
        _ => {}
    }
    if first_time {
        return vec![Operation::Replace(address(), Box::new(ours.contact_point(Some(theirs))))];
    }
    operations
}
