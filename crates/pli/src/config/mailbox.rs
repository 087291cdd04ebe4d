//! `[mailbox]`: how long a mailbox that nobody uses lives, and what is left of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pli_types::Span;
use serde::{Deserialize, Serialize};

use super::ConfigFault;

/// A mailbox that nobody signs in to is kept for a year at most (R-BAL-3); a leap year has a day more.
const INACTIVITY_MAX: Duration = Duration::from_hours(366 * 24);

/// `[mailbox]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailboxConfig {
    /// How long nobody may sign in before a mailbox is deleted (R-BAL-3).
    pub(crate) inactivity: Span,
    /// How long before that its holder is told.
    pub(crate) notice: Span,
    /// How long nobody else may have the address of a deleted one (R-BAL-6).
    pub(crate) address_kept: Span,
    /// Folder for what lay in a mailbox that is deleted; `exports` in the state folder if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exports: Option<PathBuf>,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self {
            inactivity: Span::hours(365 * 24),
            notice: Span::hours(30 * 24),
            address_kept: Span::hours(730 * 24),
            exports: None,
        }
    }
}

impl MailboxConfig {
    /// Checks what no single line can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let fault = |code, key: &str| Err(ConfigFault::new(code, format!("[mailbox] {key}"), &[]));
        if self.inactivity.get().is_zero() {
            return fault("config-invalid.zero", "inactivity");
        }
        if self.inactivity.get() > INACTIVITY_MAX {
            return fault("config-invalid.inactivity", "inactivity");
        }
        if self.notice.get().is_zero() {
            return fault("config-invalid.zero", "notice");
        }
        if self.notice.get() >= self.inactivity.get() {
            return fault("config-invalid.notice", "notice");
        }
        Ok(())
    }

    /// Makes its path absolute.
    pub(super) fn anchor(&mut self, folder: &Path) {
        if let Some(path) = &mut self.exports {
            *path = folder.join(&*path);
        }
    }

    /// Where the content of deleted mailboxes goes.
    pub(crate) fn exports(&self, state: &Path) -> PathBuf {
        self.exports.clone().unwrap_or_else(|| state.join("exports"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_told_before_the_end_and_the_end_comes_within_a_year() {
        let config = |inactivity: &str, notice: &str| MailboxConfig {
            inactivity: inactivity.parse().unwrap(),
            notice: notice.parse().unwrap(),
            ..MailboxConfig::default()
        };
        MailboxConfig::default().check().unwrap();
        config("366d", "1s").check().unwrap();
        for (inactivity, notice, place) in [
            ("367d", "30d", "[mailbox] inactivity"),
            ("0s", "30d", "[mailbox] inactivity"),
            ("30d", "30d", "[mailbox] notice"),
            ("30d", "0s", "[mailbox] notice"),
        ] {
            assert_eq!(config(inactivity, notice).check().unwrap_err().place, place);
        }
    }
}
