//! [`Standing`]: how the sealing goes, as others see it; and [`Fault`], what ends it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use pli_audit::CheckpointError;

use crate::words::Said;

/// Why nothing more is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A row is missing: the entry of this index.
    Gap(u64),
    /// A row is empty, or too long for an event: the entry of this index.
    Entry(u64),
    /// The tiles do not make the root that was signed.
    Tiles,
    /// The checkpoint in the store is not one of this node's key.
    Checkpoint(CheckpointError),
    /// More was sealed and handed out than lies in the store: it was set back.
    Behind {
        /// The size that was handed out.
        handed_out: u64,
        /// The size in the store.
        sealed: u64,
    },
    /// The first entries, this many, are not those of which a checkpoint was handed out.
    Fork(u64),
}

impl Fault {
    /// The alarm's sentence.
    pub(crate) fn said(&self) -> Said {
        match self {
            Self::Gap(index) => Said::new("alarm.record-damaged.gap", &[("index", index)]),
            Self::Entry(index) => Said::new("alarm.record-damaged.entry", &[("index", index)]),
            Self::Tiles => Said::new("alarm.record-damaged.tiles", &[]),
            Self::Checkpoint(cause) => Said::new("alarm.record-damaged.checkpoint", &[("cause", cause)]),
            Self::Behind { handed_out, sealed } => {
                Said::new("alarm.record-damaged.behind", &[("handed_out", handed_out), ("sealed", sealed)])
            }
            Self::Fork(size) => Said::new("alarm.record-damaged.fork", &[("size", size)]),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said().what(crate::words::Language::En))
    }
}

/// Since when, and why, checkpoints cannot be handed out.
pub(crate) type Unkept = (Timestamp, String);

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    behind: bool,
    beginning: bool,
    unkept: Option<Unkept>,
    sealed: Option<(u64, Option<Timestamp>)>,
}

impl Standing {
    /// Why nothing more is signed, if so.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.with(|state| state.fault)
    }

    /// Since when checkpoints cannot be handed out, if so.
    pub(crate) fn unkept(&self) -> Option<Unkept> {
        self.with(|state| state.unkept.clone())
    }

    /// How many entries are sealed, and when that was signed, if it was since the start; none before the first look.
    pub(crate) fn sealed(&self) -> Option<(u64, Option<Timestamp>)> {
        self.with(|state| state.sealed)
    }

    /// So many entries are sealed; signed at this time, or found so.
    pub(super) fn seals(&self, size: u64, at: Option<Timestamp>) {
        self.with(|state| {
            let known = state.sealed.filter(|(known, _)| *known == size).and_then(|(_, at)| at);
            state.sealed = Some((size, at.or(known)));
        });
    }

    pub(super) fn is_behind(&self) -> bool {
        self.with(|state| state.behind)
    }

    /// Has a sealer begun, and not yet tried to seal what it found? What waits then has waited for nobody.
    pub(crate) fn is_beginning(&self) -> bool {
        self.with(|state| state.beginning)
    }

    pub(super) fn begins(&self) {
        self.with(|state| state.beginning = true);
    }

    pub(super) fn caught_up(&self) {
        self.with(|state| (state.behind, state.beginning) = (false, false));
    }

    /// True if it is so from now on.
    pub(super) fn falls_behind(&self) -> bool {
        self.with(|state| {
            state.beginning = false;
            !std::mem::replace(&mut state.behind, true)
        })
    }

    pub(super) fn stopped(&self, fault: Fault) {
        self.with(|state| state.fault = Some(fault));
    }

    /// How the last handing out went. The first of several failures counts.
    pub(super) fn kept(&self, failed: Option<Unkept>) {
        self.with(|state| state.unkept = failed.map(|now| state.unkept.take().unwrap_or(now)));
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
