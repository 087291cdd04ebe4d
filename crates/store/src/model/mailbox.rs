//! A mailbox: what it is, and what it takes to make one.

use pli_types::{MailAddress, MailboxId, RppsId, StructureId};
use serde::{Deserialize, Serialize};

/// What kind of mailbox (spec §1.3, TRE_R257-TypeBAL, and the patients' spaces).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MailboxKind {
    /// Of one professional.
    Per,
    /// Of a structure or a team.
    Org,
    /// Of a program.
    App,
    /// Of a practice.
    Cab,
    /// A patient's space.
    Patient,
}

impl MailboxKind {
    /// The stable name, as in the national directory (TRE_R257-TypeBAL).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Per => "PER",
            Self::Org => "ORG",
            Self::App => "APP",
            Self::Cab => "CAB",
            Self::Patient => "PATIENT",
        }
    }

    /// Back from the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Per, Self::Org, Self::App, Self::Cab, Self::Patient].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What may be done with a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailboxState {
    /// Takes mail and lets its holder in.
    Open,
    /// Neither, by an admin's decision.
    Suspended,
    /// A patient's space that its owner has closed, or a mailbox that is deleted: takes no mail.
    Closed,
}

/// A mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Its number.
    pub id: MailboxId,
    /// Its address.
    pub address: MailAddress,
    /// Its kind.
    pub kind: MailboxKind,
    /// May it be used?
    pub state: MailboxState,
    /// Bytes that it may hold.
    pub quota_bytes: Option<u64>,
    /// Bytes that it holds.
    pub used_bytes: u64,
}

/// What is told about a mailbox beside its address and its holder: most of it goes into the national directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailboxDetails {
    /// Whose or what it is, for people.
    pub display_name: String,
    /// What it is for (ORG, APP).
    pub description: String,
    /// The service within the structure (ORG, APP).
    pub service: String,
    /// Who answers for it: an ORG or APP mailbox has one (R-BAL-1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible: Option<String>,
    /// On the list of those who are not shown in the directory (liste rouge).
    pub unlisted: bool,
    /// Its holder wants no paper any more (dématérialisation).
    pub digitisation: bool,
    /// Which of a professional's mailboxes comes first, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u8>,
}

/// A mailbox to make.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Its address, the key.
    pub address: MailAddress,
    /// Its kind.
    pub kind: MailboxKind,
    /// The holder, for PER and CAB.
    pub rpps: Option<RppsId>,
    /// The structure, for ORG and APP.
    pub structure: Option<StructureId>,
    /// May it be used?
    pub state: MailboxState,
    /// Bytes that it may hold; none means no limit.
    pub quota_bytes: Option<u64>,
    /// What is told about it.
    pub details: MailboxDetails,
}

impl NewMailbox {
    /// An open one without holder, limit or details; the rest is filled in with struct update.
    #[must_use]
    pub fn new(address: MailAddress, kind: MailboxKind) -> Self {
        let state = MailboxState::Open;
        Self {
            address,
            kind,
            rpps: None,
            structure: None,
            state,
            quota_bytes: None,
            details: MailboxDetails::default(),
        }
    }
}
