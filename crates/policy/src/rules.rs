//! The ordered list of rules. (One file a rule, below `rules/`.)

use crate::{Decision, Facts, Ruleset, Trace};

/// Decides: the first rule that does not accept wins.
#[must_use]
pub fn decide(_facts: &Facts, _ruleset: &Ruleset) -> Decision {
    Decision::Accept
}

/// As [`decide`], with every rule that was asked.
#[must_use]
pub fn explain(_facts: &Facts, _ruleset: &Ruleset) -> (Decision, Trace) {
    (Decision::Accept, Vec::new())
}
