//! Patients: their spaces, and what pharmacies have dispensed to them. Numbers of both are large, so rows are small.

use jiff::Span;
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

impl Space {
    /// Is he a minor on this day? `None` if nobody has said when he was born: an INS has no century. Who was born on a
    /// 29 February comes of age on the last day of another year's.
    #[must_use]
    pub fn is_minor_on(&self, day: Date) -> Option<bool> {
        let of_age = self.born?.checked_add(Span::new().years(MAJORITY_YEARS)).unwrap_or(Date::MAX);
        Some(day < of_age)
    }
}

/// When one comes of age (Code civil, art. 414).
const MAJORITY_YEARS: i16 = 18;

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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn who_is_a_minor_is_told_by_his_birth_alone() {
        let minor = |born: Option<Date>, day| {
            let patient = Ins::parse("109076322083489").unwrap();
            Space { patient, state: SpaceState::Open, born, mailbox: None }.is_minor_on(day)
        };
        assert_eq!(minor(None, date(2026, 1, 1)), None);
        let born = Some(date(2009, 7, 14));
        assert_eq!(minor(born, date(2027, 7, 13)), Some(true));
        assert_eq!(minor(born, date(2027, 7, 14)), Some(false));
        assert_eq!(minor(Some(date(1909, 7, 14)), date(2027, 7, 13)), Some(false), "the same INS, a century before");
        let born = Some(date(2008, 2, 29));
        assert_eq!(minor(born, date(2026, 2, 27)), Some(true));
        assert_eq!(minor(born, date(2026, 2, 28)), Some(false));
        assert_eq!(minor(Some(Date::MAX), date(2026, 2, 28)), Some(true));
    }
}
