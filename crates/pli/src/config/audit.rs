//! `[audit]`: how the record is sealed. That it is sealed is no setting.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pli_types::Span;
use serde::{Deserialize, Serialize};

use super::ConfigFault;
use crate::syslog::ENTERPRISE_OF_EXAMPLES;

/// What waits for longer raises an alarm.
pub(crate) const SEAL_EVERY_MAX: Duration = Duration::from_secs(30);

/// `[audit]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditConfig {
    /// How long what is recorded waits at most before it is sealed.
    pub(crate) seal_every: Span,
    /// File with the key that signs the record; `audit.key` in the state folder if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    /// File that each signed checkpoint is appended to; `checkpoints` in the state folder if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoints: Option<PathBuf>,
    /// The operator's private enterprise number (IANA), under which syslog messages name what they tell.
    pub(crate) enterprise_number: u32,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { seal_every: Span::seconds(1), key: None, checkpoints: None, enterprise_number: ENTERPRISE_OF_EXAMPLES }
    }
}

impl AuditConfig {
    /// Checks what no single line can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let every = self.seal_every.get();
        if every.is_zero() || every > SEAL_EVERY_MAX {
            return Err(ConfigFault::new("config-invalid.seal-every", "[audit] seal_every", &[]));
        }
        Ok(())
    }

    /// Makes its paths absolute.
    pub(super) fn anchor(&mut self, folder: &Path) {
        for path in [&mut self.key, &mut self.checkpoints].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }

    /// Where the key lies, of a node with this state folder.
    pub(crate) fn key_in(&self, state: &Path) -> PathBuf {
        self.key.clone().unwrap_or_else(|| state.join("audit.key"))
    }

    /// Where checkpoints are handed out to, of a node with this state folder.
    pub(crate) fn checkpoints_in(&self, state: &Path) -> PathBuf {
        self.checkpoints.clone().unwrap_or_else(|| state.join("checkpoints"))
    }
}
