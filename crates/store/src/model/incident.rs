//! An incident, as the register has it (spec §8.4).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Does it go on?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// It does.
    #[default]
    Open,
    /// What was to be done is done.
    Closed,
}

impl IncidentState {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// What is known of it. Persons are counted, and none is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What it is, in a line.
    pub title: String,
    /// Does it go on?
    #[serde(default)]
    pub state: IncidentState,
    /// When the operator knew of it: the time to tell the CNIL runs from here.
    pub detected_at: Timestamp,
    /// When it began, if that is known.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// What happened.
    #[serde(default)]
    pub facts: String,
    /// What is concerned: services, domains, kinds of data.
    #[serde(default)]
    pub scope: String,
    /// How many mailboxes are concerned, if that is known.
    #[serde(default)]
    pub mailboxes: Option<u64>,
    /// How many persons are, if that is known.
    #[serde(default)]
    pub persons: Option<u64>,
    /// What was done, and will be.
    #[serde(default)]
    pub measures: String,
    /// Indicators of compromise: addresses, names, digests.
    #[serde(default)]
    pub compromise: String,
    /// When the CNIL was told, if it was.
    #[serde(default)]
    pub cnil_told_at: Option<Timestamp>,
    /// When the ANS was told, if it was.
    #[serde(default)]
    pub ans_told_at: Option<Timestamp>,
}

/// One version of it. A change is a new version; none is ever changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentVersion {
    /// Its number in the register, from 1.
    pub incident: u64,
    /// Which version, from 1.
    pub version: u64,
    /// When it was written.
    pub written_at: Timestamp,
    /// By whom.
    pub author: String,
    /// What it says.
    pub content: Incident,
}
