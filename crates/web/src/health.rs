//! [`Health`]: what has to hold for mail to be taken.

use async_trait::async_trait;

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable name: `store`, `trust-list`, `certificate`.
    pub name: &'static str,
    /// `None` if it holds; else what is wrong, without anything private: it is shown to whoever asks.
    pub fault: Option<String>,
    /// The code of the alarm that is on, where there is one.
    pub alarm: Option<&'static str>,
}

impl Check {
    /// A check that holds.
    #[must_use]
    pub fn holds(name: &'static str) -> Self {
        Self { name, fault: None, alarm: None }
    }

    /// A check that does not.
    #[must_use]
    pub fn fails(name: &'static str, fault: impl Into<String>) -> Self {
        Self { name, fault: Some(fault.into()), alarm: None }
    }

    /// A check that does not hold because of an alarm with this stable code.
    #[must_use]
    pub fn fails_by(name: &'static str, alarm: &'static str, fault: impl Into<String>) -> Self {
        Self { name, fault: Some(fault.into()), alarm: Some(alarm) }
    }
}

/// Asked by `/health/ready`.
#[async_trait]
pub trait Health: Send + Sync {
    /// All checks, made now; each bounded in time.
    async fn checks(&self) -> Vec<Check>;
}
