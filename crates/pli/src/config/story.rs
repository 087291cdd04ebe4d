//! `[story]`: how long it is kept what became of messages.

use pli_types::Span;
use serde::{Deserialize, Serialize};

/// `[story]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoryConfig {
    /// How long after a message came to its end.
    pub(crate) kept: Span,
}

impl Default for StoryConfig {
    fn default() -> Self {
        Self { kept: Span::hours(180 * 24) }
    }
}
