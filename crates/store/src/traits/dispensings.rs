//! [`Dispensings`].

use async_trait::async_trait;
use jiff::civil::Date;
use pli_audit::Event;
use pli_types::{FinessId, Ins};

use crate::{Dispensing, LastDispensings, Loaded, Pharmacy, Result};

/// What pharmacies have dispensed, and which structures are pharmacies (R-WHO-4, R-WHO-4b).
#[async_trait]
pub trait Dispensings: Send + Sync {
    /// Keeps these, in one transaction. Those that are there already count as unchanged; one that was reimbursed takes
    /// the place of one of the same day that was not. Their pharmacies are known as such from now on.
    ///
    /// All other writes wait meanwhile: some ten thousand at a time keep nobody waiting.
    async fn put_dispensings(&self, dispensings: Vec<Dispensing>, audit: Vec<Event>) -> Result<Loaded>;

    /// The last days on which this pharmacy dispensed to this patient.
    async fn last_dispensings(&self, patient: &Ins, pharmacy: &FinessId) -> Result<LastDispensings>;

    /// What was dispensed to this patient, the last first.
    async fn dispensings(&self, patient: &Ins, pharmacy: Option<&FinessId>, limit: usize) -> Result<Vec<Dispensing>>;

    /// Forgets those of weeks that ended before this day, at most `limit` of them; how many. Weeks begin on Thursday, as
    /// 1970 did. Where there is none, nothing is recorded.
    async fn forget_dispensings(&self, before: Date, limit: usize, audit: Vec<Event>) -> Result<u64>;

    /// Is this structure known as a pharmacy: by what it dispensed, or because an admin has said so?
    async fn is_pharmacy(&self, structure: &FinessId) -> Result<bool>;

    /// These structures are pharmacies, and with `all` no others are but those that have dispensed: those count as
    /// changed. The national directory's extraction does not tell.
    async fn put_pharmacies(&self, structures: Vec<FinessId>, all: bool, audit: Vec<Event>) -> Result<Loaded>;

    /// The structures known as pharmacies, by number, after this one.
    async fn pharmacies(&self, after: Option<&FinessId>, limit: usize) -> Result<Vec<Pharmacy>>;
}
