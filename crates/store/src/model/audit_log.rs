//! The record's tree as it is kept: what is sealed, and what a seal adds.

use jiff::Timestamp;
use pli_audit::{Beside, Event, SubjectId, Tile};

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

/// An entry with what lies beside it, as [`Beside`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// Its number, from 0.
    pub index: u64,
    /// Its bytes; none of them if it is pruned.
    pub entry: Vec<u8>,
    /// The message by which it is found.
    pub message: Option<Vec<u8>>,
    /// The persons by whom it is found.
    pub about: Vec<Vec<u8>>,
    /// Those whom it names and who are not erased, and whether what the store keeps of each fits.
    pub persons: Vec<(SubjectId, bool)>,
    /// Is it sealed?
    pub is_sealed: bool,
    /// Has pruning come so far?
    pub may_be_pruned: bool,
}

impl Indexed {
    /// What lies beside it.
    #[must_use]
    pub fn beside(&self) -> Beside<'_> {
        Beside {
            message: self.message.as_deref(),
            about: &self.about,
            persons: &self.persons,
            is_sealed: self.is_sealed,
        }
    }
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
