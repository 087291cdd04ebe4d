//! `[report]`: what senders are told of their messages.

use pli_types::Span;
use serde::{Deserialize, Serialize};

/// `[report]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReportConfig {
    /// After how long the sender of a message that is still tried is told of it; zero: never.
    pub(crate) delay_after: Span,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self { delay_after: Span::hours(4) }
    }
}
