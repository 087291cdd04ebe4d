//! [`Decision`]: what shall happen, and why.

use crate::reason::Reason;

/// What shall happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decision {
    /// Go on.
    #[default]
    Accept,
    /// Take it, and return it to its sender by a report with this reason: nobody learns from the reply alone whether a
    /// patient has a space here (spec §1.6).
    Return(Reason),
    /// Take it, and let nobody have it until an admin releases or drops it.
    Hold(Reason),
    /// Not now (4yz).
    Defer(Reason),
    /// Not ever (5yz).
    Refuse(Reason),
}

impl Decision {
    /// Is it an acceptance, and nothing is returned or held?
    #[must_use]
    pub fn accepts(self) -> bool {
        self == Self::Accept
    }

    /// Does the sender read `250`, whatever becomes of the message then?
    #[must_use]
    pub fn takes(self) -> bool {
        matches!(self, Self::Accept | Self::Return(_) | Self::Hold(_))
    }

    /// The reason, if it is not a plain acceptance.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Accept => None,
            Self::Return(reason) | Self::Hold(reason) | Self::Defer(reason) | Self::Refuse(reason) => Some(reason),
        }
    }
}

/// What one rule said, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// The rule's stable name.
    pub rule: &'static str,
    /// What it decided.
    pub decision: Decision,
    /// What it looked at, by name, health identifiers masked.
    pub facts: Vec<(&'static str, String)>,
}

/// The rules that were asked, in order: the one that refused or put off is the last. That something is returned
/// or held stops no rule after it.
pub type Trace = Vec<RuleOutcome>;
