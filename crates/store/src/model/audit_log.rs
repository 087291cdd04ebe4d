//! The record's tree as it is kept: what is sealed, and what a seal adds.

use jiff::Timestamp;
use pli_audit::{Column, Event, SubjectId, Tile};

/// How far the record is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedLog {
    /// How many entries, from the first one on.
    pub size: u64,
    /// What was signed of them: the note, as it is handed out.
    pub checkpoint: String,
}

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// Of so many entries, as the store has it beside the note.
    pub size: u64,
    /// The note's bytes.
    pub note: Vec<u8>,
}

/// An entry, held against what lies beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// Its number, from 0.
    pub index: u64,
    /// Its bytes; none of them if it is pruned. Of one that is too long, one byte more than there may be.
    pub entry: Vec<u8>,
    /// What does not fit it ([`pli_audit::Beside`]).
    pub differs: Option<Column>,
    /// Has pruning come so far?
    pub may_be_pruned: bool,
}

/// One step of the sealing.
#[derive(Debug, Clone)]
pub struct NewSeal {
    /// How many entries were sealed before: the step counts only if that is still so.
    pub from: u64,
    /// How many are sealed after it; more than before.
    pub size: u64,
    /// The tiles that the tree did not have in this form.
    pub tiles: Vec<Tile>,
    /// The signed note.
    pub checkpoint: String,
    /// Whom the new entries are about, with their indexes.
    pub about: Vec<(SubjectId, u64)>,
    /// When.
    pub at: Timestamp,
}

/// What is recorded and not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnsealedLog {
    /// How many rows.
    pub waiting: u64,
    /// When the first of them says that it happened.
    pub first_at: Option<Timestamp>,
}

/// An entry of the record, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, from 0.
    pub index: u64,
    /// What it says, with all persons who are not erased; none if it is pruned.
    pub event: Option<Event>,
}
