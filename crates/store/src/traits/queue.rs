//! [`Queue`], and [`BodyWriter`], by which a body comes in.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Domain, MessageId, QueueId};

use crate::{
    Attempt, HeldBacklog, Lease, NewMessage, QueueBacklog, QueueRow, Receipt, Release, Result, Settled, Settlement,
    StagedBody,
};

/// The way in, and the way out.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Begins a body of unknown length: sealed as it comes, at most a fixed amount of it in memory.
    fn stage(&self, message: MessageId) -> Result<Box<dyn BodyWriter>>;

    /// Part of a body that is staged and not named yet: at most `length` bytes from `offset`, fewer at its end.
    /// Beside what it gives back, no more than a chunk of the body is in memory.
    async fn staged(&self, body: &StagedBody, offset: u64, length: u64) -> Result<Bytes>;

    /// Takes a message in: body, mailbox entries, queue rows and audit rows in one transaction, on stable
    /// storage when this returns. A caller that stops waiting cancels nothing. `Unavailable` means: say `451`;
    /// the outcome may be unknown, and a repeat is right.
    async fn accept(&self, message: NewMessage) -> Result<Receipt>;

    /// Claims up to `limit` rows that are due at `now`, for `lease`; nobody else gets them until then.
    /// Rows of one message for one destination come together. Where more is due, destinations take turns, those first
    /// whose oldest row has waited longest; notices, whose reverse path is null, come before all else.
    async fn claim_due(&self, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Lease>> {
        self.claim_turns(now, lease, limit, &[]).await
    }

    /// As [`Queue::claim_due`], and nothing for those destinations that have enough for now.
    async fn claim_turns(&self, now: Timestamp, lease: Duration, limit: usize, sated: &[Domain]) -> Result<Vec<Lease>>;

    /// Gives up leases of which nothing was tried: their rows are as if nobody had claimed them.
    async fn unclaim(&self, leases: &[Lease]) -> Result<()>;

    /// Closes leases: outcome, report and audit rows in one transaction. A lease that has passed to someone else is
    /// left alone (its token no longer fits) and counted in the result.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Settled>;

    /// When the next row is due, if any waits.
    async fn next_due_at(&self) -> Result<Option<Timestamp>>;

    /// What waits, oldest first.
    async fn queue_rows(&self, limit: usize) -> Result<Vec<QueueRow>>;

    /// Makes the rows for these destinations due now, and counts those that were not due yet: for domains that have
    /// left the trust list or changed their certificates, whose mail has waited long enough. A row that somebody is
    /// trying right now is left alone. Where no row waits, nothing is recorded.
    async fn hasten(&self, destinations: &[Domain], now: Timestamp, audit: Vec<Event>) -> Result<usize>;

    /// Makes up to `limit` rows for this destination due now that wait for their next try, and counts them: its server is
    /// there again. What somebody is trying right now, what is held and what goes back is left alone.
    async fn wake(&self, destination: &Domain, now: Timestamp, limit: usize) -> Result<usize>;

    /// The last ten tries of a row, the first of them first; none if there is no such row.
    async fn attempts(&self, row: QueueId) -> Result<Vec<Attempt>>;

    /// Makes a row due now. The try that follows does not count in the back-off. `NotFound` if there is none, or it is held.
    async fn retry_now(&self, row: QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()>;

    /// Lets a held row go: into a mailbox here, with all that a delivery does, or on its way, and its record, in one
    /// transaction. `NotFound` if no such row is held (any more), `MailboxFull` if the mailbox has no room for it.
    async fn release(&self, row: QueueId, release: Release, now: Timestamp, audit: Vec<Event>) -> Result<()>;

    /// Holds a row that waits, for this reason, until an admin decides or its time is over. `NotFound` if there is none
    /// that waits: it is held already, goes back, or somebody is trying it right now.
    async fn hold(&self, row: QueueId, reason: &str, now: Timestamp, audit: Vec<Event>) -> Result<()>;

    /// Gives a row that waits back to its sender, for this reason: delivery writes the report. `NotFound` as in
    /// [`Queue::hold`].
    async fn drop_waiting(&self, row: QueueId, reason: &str, now: Timestamp, audit: Vec<Event>) -> Result<()>;

    /// Gives what is held back to its sender, for the reason for which it was held: delivery writes the report.
    /// `NotFound` if no such row is held (any more).
    async fn drop_held(&self, row: QueueId, now: Timestamp, audit: Vec<Event>) -> Result<()>;

    /// Forgets by what messages are known again whose time is over, the oldest first; how many rows ([`crate::Arrival`]).
    async fn forget_arrivals(&self, now: Timestamp, limit: usize) -> Result<u64>;

    /// How much is held.
    async fn held_backlog(&self) -> Result<HeldBacklog>;

    /// How deep the queue is. Counted in indexes: cheap enough for every few seconds with a million rows.
    async fn queue_backlog(&self, now: Timestamp) -> Result<QueueBacklog>;
}

/// Takes a body in pieces (see [`Queue::stage`]). Dropped without [`BodyWriter::finish`], it leaves nothing behind.
#[async_trait]
pub trait BodyWriter: Send + Sync {
    /// Adds bytes.
    async fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// Closes the body. A large one is on stable storage, in a file, when this returns.
    async fn finish(self: Box<Self>) -> Result<StagedBody>;
}
