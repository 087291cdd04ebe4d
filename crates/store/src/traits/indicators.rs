//! [`Indicators`].

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{MailboxId, MessageId};

use crate::{Connections, Counted, Indicator, MailboxKind, Month, NewCounts, Result};

/// What is counted of a month (spec §8.2). It is made of the record's entries, each of which is counted once, and of the
/// mailboxes; and it stays when those are gone. No person is in it.
#[async_trait]
pub trait Indicators: Send + Sync {
    /// How far is counted.
    async fn counted(&self) -> Result<Counted>;

    /// Adds what a stretch of the record says, whole, if as much is counted as its maker believed; false, and nothing, if
    /// another was faster.
    async fn count(&self, counts: NewCounts) -> Result<bool>;

    /// The entries of these messages that stand in the record, in their order.
    async fn entries_of_messages(&self, messages: &[MessageId]) -> Result<Vec<(MessageId, Vec<u8>)>>;

    /// The mailboxes of these addresses, by [`pli_types::MailAddress::key`]: those that are there, and those that were.
    async fn holders(&self, keys: &[String]) -> Result<HashMap<String, (MailboxId, MailboxKind)>>;

    /// The mailboxes, counted, of a month that begins and ends then: how many there are at its end, and what became of them
    /// in it.
    async fn mailboxes_counted(&self, begins: Timestamp, ends: Timestamp) -> Result<Vec<Indicator>>;

    /// Keeps how the mailboxes of a month that ends then were counted, if the last month that was closed is this one; false,
    /// and nothing, if another was faster.
    async fn close_month(
        &self,
        after: Option<Month>,
        month: Month,
        ends: Timestamp,
        mailboxes: Vec<Indicator>,
    ) -> Result<bool>;

    /// What is counted of a month, in order.
    async fn indicators(&self, month: Month) -> Result<Vec<Indicator>>;

    /// A page of the mailboxes that were there in a month, patients' left out, in the order of their numbers.
    async fn connections(
        &self,
        month: Month,
        begins: Timestamp,
        ends: Timestamp,
        after: Option<MailboxId>,
        limit: usize,
    ) -> Result<Vec<Connections>>;
}
