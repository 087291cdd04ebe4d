//! [`HistoryRow`]: what happened to the list, one row an event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was done with a list that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryAction {
    /// It came into force.
    Installed,
    /// It lost too many domains and waits for an admin.
    Held,
    /// It was refused.
    Refused,
    /// An admin went back to it.
    RolledBack,
}

/// One event in the life of the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct HistoryRow {
    /// Counted from 1.
    pub number: u64,
    /// When it happened, for the first time.
    pub at: Timestamp,
    /// When it happened last: the same refusal, time after time, is one row.
    pub last_at: Timestamp,
    /// How often it happened without anything else in between.
    pub count: u64,
    /// What was done.
    pub action: HistoryAction,
    /// SHA-256 of the list, if there were bytes.
    pub digest: Option<String>,
    /// `DateDeGeneration`, if it could be read.
    pub generated_at: Option<Timestamp>,
    /// Its entries, if it could be read.
    pub entries: Option<usize>,
    /// Its domains, if it could be read.
    pub domains: Option<usize>,
    /// Where it came from: an address, a file, or the word `held` or `kept`.
    pub source: String,
    /// The admin, if one did it.
    pub by: Option<String>,
    /// The reason that the admin gave.
    pub reason: Option<String>,
    /// The code of the fault, if it was refused or held.
    pub fault: Option<String>,
    /// The fault in words.
    pub detail: Option<String>,
}
