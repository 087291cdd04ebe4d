//! What lies between a patient and a professional: [`Relation`], and what changes it: [`ContactTurn`] (R-WHO-3, spec
//! §1.5).
//!
//! The right to write is a patient's, per contact and not per thread: whoever has written to him may be written to, until
//! he ends the exchange; his next ordinary message begins it anew. The machine is here, and pure, because two keep it:
//! the store, which moves a relation on in the transaction that takes the message in, and whoever replays a history.

/// May the patient write to this contact?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Relation {
    /// The contact has never written so that one may answer.
    #[default]
    None,
    /// It has, and has not ended the exchange since.
    Open,
    /// The exchange was ended.
    Closed,
}

/// What happened between a patient and a contact.
///
/// Reports (DSN, MDN) are no turns: they open, reopen and close nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContactTurn {
    /// An ordinary message to the patient.
    Wrote,
    /// A message with `X-MSS-MES: FIN`: it cannot be answered, and changes nothing else (spec §1.5).
    WroteUnanswerable,
    /// A message whose subject is exactly `[FIN]`: every earlier message of the contact can no longer be answered.
    Ended,
    /// An admin closed it, for a reason that is on record.
    ClosedByAdmin,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Open, Self::Closed];

    /// What it is after this turn.
    #[must_use]
    pub fn after(self, turn: ContactTurn) -> Self {
        match turn {
            ContactTurn::Wrote => Self::Open,
            ContactTurn::WroteUnanswerable => self,
            ContactTurn::Ended | ContactTurn::ClosedByAdmin => Self::Closed,
        }
    }

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// Back from the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.as_str() == name)
    }
}

impl ContactTurn {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wrote, Self::WroteUnanswerable, Self::Ended, Self::ClosedByAdmin];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wrote => "wrote",
            Self::WroteUnanswerable => "wrote-unanswerable",
            Self::Ended => "ended",
            Self::ClosedByAdmin => "closed-by-admin",
        }
    }

    /// Back from the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|turn| turn.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(turns: &[ContactTurn]) -> Relation {
        turns.iter().fold(Relation::None, |relation, turn| relation.after(*turn))
    }

    #[test]
    fn an_ordinary_message_opens_and_opens_again() {
        use ContactTurn::{ClosedByAdmin, Ended, Wrote};
        assert_eq!(after(&[Wrote]), Relation::Open);
        assert_eq!(after(&[Wrote, Ended]), Relation::Closed);
        assert_eq!(after(&[Wrote, Ended, Wrote]), Relation::Open);
        assert_eq!(after(&[Wrote, ClosedByAdmin]), Relation::Closed);
    }

    #[test]
    fn a_message_that_cannot_be_answered_changes_nothing() {
        for relation in Relation::ALL {
            assert_eq!(relation.after(ContactTurn::WroteUnanswerable), relation);
        }
    }

    #[test]
    fn names_are_read_back() {
        for relation in Relation::ALL {
            assert_eq!(Relation::parse(relation.as_str()), Some(relation));
        }
        for turn in ContactTurn::ALL {
            assert_eq!(ContactTurn::parse(turn.as_str()), Some(turn));
        }
        assert_eq!((Relation::parse("ajar"), ContactTurn::parse("")), (None, None));
    }
}
