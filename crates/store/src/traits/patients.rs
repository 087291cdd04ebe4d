//! [`Patients`].

use async_trait::async_trait;
use pli_audit::Event;
use pli_types::{Ins, MailboxId};

use crate::{Loaded, NewSpace, Result, Space, SpaceState};

/// The patients' spaces: as many as a country has people.
///
/// A mailbox of kind PATIENT and its space are two sides of one: whatever makes, closes or opens one does so with the other
/// in the same transaction. A mailbox that is deleted leaves a closed space behind.
#[async_trait]
pub trait Patients: Send + Sync {
    /// The space of this patient, if he has one.
    async fn space(&self, patient: &Ins) -> Result<Option<Space>>;

    /// Makes these spaces, or brings them to this state, in one transaction. A patient who is named twice is what the
    /// last says. Mailboxes that are there follow; that one is suspended is the mailbox's own. A batch holds all other
    /// writes up for its time: some ten thousand are a good size, and fastest in the order of [`Ins::to_number`].
    async fn put_spaces(&self, spaces: Vec<NewSpace>, audit: Vec<Event>) -> Result<Loaded>;

    /// What [`Patients::put_spaces`] would change, and nothing changed.
    async fn compare_spaces(&self, spaces: Vec<NewSpace>) -> Result<Loaded>;

    /// The mailbox of an open space, made if it is needed for the first time. `NotFound` without a space, `Conflict` if
    /// it is closed.
    async fn mailbox_of_space(&self, patient: &Ins) -> Result<MailboxId>;

    /// How many spaces are in this state.
    async fn count_spaces(&self, state: SpaceState) -> Result<u64>;
}
