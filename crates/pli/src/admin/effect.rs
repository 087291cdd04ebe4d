//! [`Effect`]: what became of a wish to have something so.

use serde::{Deserialize, Serialize};

/// What became of it. The same wish twice changes nothing the second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Effect {
    /// It was not there.
    Created,
    /// It was there, otherwise.
    Changed,
    /// It is not there any more.
    Removed,
    /// It is as it was.
    Unchanged,
    /// And without `--dry-run`, that.
    WouldBeCreated,
    /// See above.
    WouldBeChanged,
    /// See above.
    WouldBeRemoved,
    /// See above.
    WouldBeUnchanged,
}

impl Effect {
    /// The same, of a wish that is only tried.
    pub(crate) fn tried(self) -> Self {
        match self {
            Self::Created | Self::WouldBeCreated => Self::WouldBeCreated,
            Self::Changed | Self::WouldBeChanged => Self::WouldBeChanged,
            Self::Removed | Self::WouldBeRemoved => Self::WouldBeRemoved,
            Self::Unchanged | Self::WouldBeUnchanged => Self::WouldBeUnchanged,
        }
    }

    /// The same; of a wish that is only tried, if this says so.
    pub(crate) fn tried_if(self, dry_run: bool) -> Self {
        if dry_run { self.tried() } else { self }
    }

    /// Is or would it be as it was?
    pub(crate) fn is_unchanged(self) -> bool {
        self.tried() == Self::WouldBeUnchanged
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
            Self::WouldBeCreated => "would-be-created",
            Self::WouldBeChanged => "would-be-changed",
            Self::WouldBeRemoved => "would-be-removed",
            Self::WouldBeUnchanged => "would-be-unchanged",
        }
    }

    /// Was it only tried?
    pub(crate) fn is_tried(self) -> bool {
        self == self.tried()
    }
}
