//! [`Own`]: a mailbox of ours as the directory shows it, or why it does not.

use std::fmt;

use pli_directory::extraction::Column;
use pli_store::{DirectoryEntry, MailboxKind, MailboxRecord};
use pli_types::StructureId;

/// The columns that an entry of ours says. The others come from the mailbox itself.
pub const ENTRY_COLUMNS: &[Column] = &[
    Column::Title,
    Column::FamilyName,
    Column::GivenName,
    Column::CategoryCode,
    Column::Category,
    Column::ProfessionCode,
    Column::Profession,
    Column::SpecialityCode,
    Column::Speciality,
    Column::Structure,
    Column::Sign,
    Column::AddressLine2,
    Column::AddressLine3,
    Column::StreetNumber,
    Column::StreetNumberSuffix,
    Column::StreetType,
    Column::Street,
    Column::Locality,
    Column::Town,
    Column::PostalCode,
    Column::Department,
    Column::Country,
];

/// Why a mailbox of ours is not shown. The first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// It is deleted, and its address kept.
    Deleted,
    /// A patient's space: the directory is of professionals.
    Patient,
    /// Suspended by an admin.
    Suspended,
    /// Its holder is on the liste rouge.
    Unlisted,
    /// Not published, or not any more.
    Unpublished,
}

impl Hidden {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Patient => "patient",
            Self::Suspended => "suspended",
            Self::Unlisted => "liste-rouge",
            Self::Unpublished => "unpublished",
        }
    }

    /// Why this mailbox is not shown; `None` if it is.
    #[must_use]
    pub fn why(record: &MailboxRecord) -> Option<Self> {
        if record.deleted_at.is_some() {
            Some(Self::Deleted)
        } else if record.mailbox.kind == MailboxKind::Patient {
            Some(Self::Patient)
        } else if record.suspended_at.is_some() {
            Some(Self::Suspended)
        } else if record.details.unlisted {
            Some(Self::Unlisted)
        } else if record.published {
            None
        } else {
            Some(Self::Unpublished)
        }
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A mailbox of ours, and what its entries say.
#[derive(Debug, Clone)]
pub struct Own {
    /// The mailbox.
    pub record: MailboxRecord,
    /// Its lines, by number. One without any still has a line, of what the mailbox itself says.
    pub entries: Vec<DirectoryEntry>,
}

impl Own {
    /// Why it is not shown; `None` if it is.
    #[must_use]
    pub fn hidden(&self) -> Option<Hidden> {
        Hidden::why(&self.record)
    }

    /// Its lines, as the extraction writes them, with their numbers.
    #[must_use]
    pub fn lines(&self) -> Vec<(u16, String)> {
        if self.entries.is_empty() {
            return vec![(1, self.line(None))];
        }
        self.entries.iter().map(|entry| (entry.number, self.line(Some(entry)))).collect()
    }

    fn line(&self, entry: Option<&DirectoryEntry>) -> String {
        let cell = |column: &Column| match self.of_mailbox(*column) {
            Some(text) => text,
            None => entry.and_then(|entry| entry.columns.get(column.member())).cloned().unwrap_or_default(),
        };
        // What would end a column or a line is never in one.
        let plain = |text: String| text.replace(|c: char| c == '|' || c.is_control(), " ");
        Column::ALL.iter().map(|column| plain(cell(column))).collect::<Vec<_>>().join("|")
    }

    /// What the mailbox itself says; `None` for a column of an entry.
    pub(crate) fn of_mailbox(&self, column: Column) -> Option<String> {
        let MailboxRecord { mailbox, rpps, structure, details, .. } = &self.record;
        let of_person =
            |text: &dyn Fn(&str) -> String| rpps.as_ref().map(|rpps| text(rpps.as_str())).unwrap_or_default();
        Some(match column {
            Column::Type => mailbox.kind.as_str().to_owned(),
            Column::Address => mailbox.address.reveal(),
            Column::PersonIdType => of_person(&|_| RPPS.to_owned()),
            Column::PersonId => of_person(&str::to_owned),
            Column::PersonNationalId => of_person(&|rpps| format!("{RPPS}{rpps}")),
            Column::StructureIdType => match structure {
                Some(StructureId::Finess(_)) => "1".to_owned(),
                Some(StructureId::Siret(_)) => "3".to_owned(),
                None => String::new(),
            },
            Column::StructureId => structure.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            Column::Service => details.service.clone(),
            Column::Digitisation => if details.digitisation { "O" } else { "N" }.to_owned(),
            _ => return None,
        })
    }
}

/// How identifiers of professionals with an RPPS begin (spec §7.4, `idNat_PS`).
const RPPS: &str = "8";
