//! Patients: their spaces, and what pharmacies have dispensed to them. Numbers of both are large, so rows are small.

use jiff::civil::Date;
use pli_types::{FinessId, Ins, MailboxId};

/// May a patient be written to (spec §1.6)?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpaceState {
    /// Yes.
    Open,
    /// He has closed his space.
    Closed,
}

impl SpaceState {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// Back from the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Closed].into_iter().find(|state| state.as_str() == name)
    }
}

/// A patient's space, as it is brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpace {
    /// Whose.
    pub patient: Ins,
    /// May he be written to?
    pub state: SpaceState,
    /// When he was born, if it is known: an INS gives no century, so "minor" comes from this alone. `None` keeps what
    /// is known already.
    pub born: Option<Date>,
}

/// A patient's space. Most of them have no mailbox: it is made when the first message comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Whose.
    pub patient: Ins,
    /// May he be written to?
    pub state: SpaceState,
    /// When he was born, if it is known.
    pub born: Option<Date>,
    /// His mailbox, once it is made.
    pub mailbox: Option<MailboxId>,
}

/// What a bulk of rows changed. The same bulk again is all `unchanged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Rows that were not there.
    pub created: u64,
    /// Rows that said something else.
    pub changed: u64,
    /// Rows that were there.
    pub unchanged: u64,
}

/// Medicines dispensed to a patient by a pharmacy on a day: what opens its door to him (R-WHO-4). One row a patient,
/// pharmacy and day; of several on one day, one that was reimbursed counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispensing {
    /// To whom.
    pub patient: Ins,
    /// By whom.
    pub pharmacy: FinessId,
    /// The day, as the pharmacy's calendar has it.
    pub on: Date,
    /// Was it reimbursed?
    pub reimbursed: bool,
}

/// The last days on which a pharmacy dispensed to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastDispensings {
    /// With reimbursement.
    pub reimbursed: Option<Date>,
    /// At all.
    pub any: Option<Date>,
}

/// A structure that is known as a pharmacy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pharmacy {
    /// Which.
    pub structure: FinessId,
    /// Has an admin said so?
    pub told: bool,
    /// Has it dispensed?
    pub dispensed: bool,
}
