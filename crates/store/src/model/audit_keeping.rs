//! What the record need not keep any more: entries whose time is over, and persons who are to be forgotten.

use jiff::Timestamp;
use pli_audit::{Class, Event};
use pli_types::{Ins, LookupKey};

/// Which entries are emptied.
#[derive(Debug, Clone)]
pub struct Prune {
    /// Those of this class.
    pub class: Class,
    /// That were recorded before then.
    pub before: Timestamp,
    /// As far as so many are looked at.
    pub limit: usize,
    /// What is put on record if any are; the store adds which.
    pub event: Event,
}

/// What became of a [`Prune`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Entries that were emptied.
    pub entries: u64,
    /// Persons of whom nothing is left in the record: their keys are gone.
    pub subjects: u64,
    /// May there be more?
    pub more: bool,
}

/// Who is to be forgotten.
#[derive(Debug, Clone)]
pub struct Erase {
    /// The patient.
    pub patient: Ins,
    /// What stories know his address by.
    pub key: LookupKey,
}

/// What is there of a patient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// What is no record but in use: while there is any, he is not forgotten.
    pub living: Vec<&'static str>,
    /// Rows by table, of those that have any: they go, or forget him.
    pub rows: Vec<(&'static str, u64)>,
}
