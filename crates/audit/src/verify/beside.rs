//! What a store keeps beside an entry, by which it is found without reading the record: held against the entry itself. None
//! of it is in the tree, so whoever changes it changes no hash, but hides the entry from those who look for it.

use std::fmt;

use crate::leaf::{Leaf, SubjectId};

/// What lies beside one entry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The message by which it is found.
    pub message: Option<&'a [u8]>,
    /// The persons by whom it is found.
    pub about: &'a [Vec<u8>],
    /// Those persons whom it names and who are not erased, and of each: does his key open what is sealed of him here, and is
    /// he found by it?
    pub persons: &'a [(SubjectId, bool)],
    /// Persons are told of once an entry is sealed, and not before.
    pub is_sealed: bool,
}

/// Where a store keeps what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The message of an entry.
    Message,
    /// The persons whom an entry is about.
    About,
    /// A person's key, and what it is found by.
    Subjects,
    /// The size that a checkpoint is kept under.
    Size,
}

impl Column {
    /// Its table, or the table and the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "audit.message_id",
            Self::About => "audit_about",
            Self::Subjects => "audit_subjects",
            Self::Size => "audit_checkpoints.size",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Beside<'_> {
    /// The first that does not fit the entry.
    #[must_use]
    pub fn differs(&self, leaf: &Leaf) -> Option<Column> {
        if self.message != leaf.message().as_ref().map(|message| &message.as_bytes()[..]) {
            return Some(Column::Message);
        }
        let named: Vec<SubjectId> = leaf.subjects().collect();
        let is_told = |subject: &SubjectId| self.about.iter().any(|told| told[..] == subject.0);
        let is_known = |told: &[u8]| self.persons.iter().any(|(subject, _)| subject.0 == *told);
        let is_named = |told: &[u8]| named.iter().any(|subject| subject.0 == *told);
        let missed = self.is_sealed && self.persons.iter().any(|(subject, _)| !is_told(subject));
        let invented = self.about.iter().any(|told| !self.is_sealed || !is_named(told));
        if missed || invented {
            return Some(Column::About);
        }
        // With his key go the rows that tell of him: there are none of a person who is erased.
        let without_key = self.about.iter().any(|told| !is_known(told));
        let unfit = self.persons.iter().any(|(_, fits)| !fits);
        (without_key || unfit).then_some(Column::Subjects)
    }

    /// What is left beside a pruned entry. It has nothing beside it: what is there says that somebody else emptied it.
    #[must_use]
    pub fn is_left(&self) -> Option<Column> {
        if self.message.is_some() {
            return Some(Column::Message);
        }
        (!self.about.is_empty()).then_some(Column::About)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pli_types::MessageId;

    use super::*;
    use crate::event::{Event, EventKind, Face};
    use crate::leaf::{Draft, Subject, SubjectKey};

    const WHO: SubjectId = SubjectId([9; 16]);

    /// An entry about this message and a person.
    fn entry(message: MessageId) -> Leaf {
        let event = Event {
            message: Some(message),
            recipient: Some("279035121518989@patient.mssante.fr".into()),
            ..Event::new(Timestamp::UNIX_EPOCH, EventKind::Relayed, Face::Delivery)
        };
        Leaf::parse(&Draft::new(&event, [1; 16]).seal(&[Subject { id: WHO, key: SubjectKey::new([2; 32]) }])).unwrap()
    }

    #[test]
    fn what_fits_the_entry_is_no_damage() {
        let message = MessageId::at(Timestamp::UNIX_EPOCH);
        let entry = entry(message);
        let (about, persons) = ([WHO.0.to_vec()], [(WHO, true)]);
        let unsealed = Beside { message: Some(message.as_bytes()), persons: &persons, ..Beside::default() };
        let sealed = Beside { about: &about, is_sealed: true, ..unsealed };
        let erased = Beside { about: &[], persons: &[], ..sealed };
        for fits in [unsealed, sealed, erased] {
            assert_eq!(fits.differs(&entry), None, "{fits:?}");
        }
        assert_eq!(Beside { is_sealed: true, ..Beside::default() }.is_left(), None);
    }

    #[test]
    fn what_does_not_fit_the_entry_is_told_by_where_it_lies() {
        let message = MessageId::at(Timestamp::UNIX_EPOCH);
        let entry = entry(message);
        let (about, persons) = ([WHO.0.to_vec()], [(WHO, true)]);
        let fits = Beside { message: Some(message.as_bytes()), about: &about, persons: &persons, is_sealed: true };
        let another = [WHO.0.to_vec(), vec![8; 16]];
        for (bad, column) in [
            (Beside { message: None, ..fits }, Column::Message),
            (Beside { message: Some(&[7; 16]), ..fits }, Column::Message),
            (Beside { message: message.as_bytes().get(..15), ..fits }, Column::Message),
            (Beside { about: &[], ..fits }, Column::About),
            (Beside { about: &another, ..fits }, Column::About),
            (Beside { about: &another[1..], ..fits }, Column::About),
            (Beside { is_sealed: false, ..fits }, Column::About),
            (Beside { persons: &[], ..fits }, Column::Subjects),
            (Beside { persons: &[(WHO, false)], ..fits }, Column::Subjects),
        ] {
            assert_eq!(bad.differs(&entry), Some(column), "{bad:?}");
        }
        // Of an entry that was emptied by the store itself nothing is left.
        assert_eq!(fits.is_left(), Some(Column::Message));
        assert_eq!(Beside { message: None, ..fits }.is_left(), Some(Column::About));
    }
}
