//! [`wanted()`]: what the directory should have of a mailbox.

use pli_directory::extraction::MailboxType;
use pli_directory::fhir::{Carrier, Listing, Wanted};
use pli_store::{MailboxKind, MailboxRecord};

/// Whose mailbox it is in the directory; `None` for those that have no place there: patients' spaces, and mailboxes whose
/// holder is not known.
pub(super) fn carrier(record: &MailboxRecord) -> Option<Carrier> {
    match record.mailbox.kind {
        MailboxKind::Per => {
            let rpps = record.rpps.clone()?;
            Some(match record.structure.clone() {
                Some(structure) => Carrier::Role(rpps, structure),
                None => Carrier::Person(rpps),
            })
        }
        MailboxKind::Cab => record.rpps.clone().map(Carrier::Person),
        MailboxKind::Org | MailboxKind::App => record.structure.clone().map(Carrier::Organisation),
        MailboxKind::Patient => None,
    }
}

/// `None`: it should not be there, by [`MailboxRecord::is_shown`], or cannot be.
pub(super) fn wanted(record: &MailboxRecord) -> Option<Wanted> {
    let kind = match record.mailbox.kind {
        MailboxKind::Per => MailboxType::Per,
        MailboxKind::Org => MailboxType::Org,
        MailboxKind::App => MailboxType::App,
        MailboxKind::Cab => MailboxType::Cab,
        MailboxKind::Patient => return None,
    };
    let at = carrier(record).filter(|_| record.is_shown())?;
    let details = &record.details;
    let said = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let listing = Listing {
        address: record.mailbox.address.clone(),
        kind,
        unlisted: details.unlisted,
        description: said(&details.description),
        service: said(&details.service),
        responsible: details.responsible.as_deref().and_then(said),
        digitisation: details.digitisation,
        rank: details.rank.map(u32::from),
    };
    Some(Wanted { at, listing })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pli_store::{Mailbox, MailboxDetails, MailboxState};
    use pli_types::{MailAddress, MailboxId, RppsId, StructureId};

    use super::*;

    fn record(kind: MailboxKind) -> MailboxRecord {
        MailboxRecord {
            mailbox: Mailbox {
                id: MailboxId(1),
                address: MailAddress::parse("a@x.mssante.fr").unwrap(),
                kind,
                state: MailboxState::Open,
                quota_bytes: None,
                used_bytes: 0,
            },
            rpps: Some(RppsId::parse("10103441234").unwrap()),
            structure: None,
            details: MailboxDetails { service: " ".to_owned(), ..MailboxDetails::default() },
            published: true,
            created_at: Timestamp::UNIX_EPOCH,
            suspended_at: None,
            notice: None,
            deleted_at: None,
            address_kept_until: None,
            last_sign_in_at: None,
            objected_at: None,
        }
    }

    #[test]
    fn a_mailbox_hangs_on_its_holder_his_place_of_work_or_its_structure() {
        let structure = StructureId::parse("750048886").unwrap();
        let at = |kind, structure: Option<&StructureId>| {
            let record = MailboxRecord { structure: structure.cloned(), ..record(kind) };
            wanted(&record).map(|wanted| String::from(wanted.at))
        };
        assert_eq!(at(MailboxKind::Per, None).unwrap(), "person|10103441234");
        assert_eq!(at(MailboxKind::Per, Some(&structure)).unwrap(), "role|10103441234|750048886");
        assert_eq!(at(MailboxKind::Cab, Some(&structure)).unwrap(), "person|10103441234");
        assert_eq!(at(MailboxKind::Org, Some(&structure)).unwrap(), "structure|750048886");
        assert_eq!(at(MailboxKind::App, Some(&structure)).unwrap(), "structure|750048886");
        assert_eq!(at(MailboxKind::Org, None), None, "nobody knows whose it is");
        assert_eq!(at(MailboxKind::Patient, None), None);
    }

    /// Scenario 46.
    #[test]
    fn what_is_unpublished_suspended_deleted_or_on_the_red_list_is_not_wanted() {
        let sound = record(MailboxKind::Per);
        assert_eq!(wanted(&sound).unwrap().listing.service, None, "blanks say nothing");
        for record in [
            MailboxRecord { published: false, ..sound.clone() },
            MailboxRecord { suspended_at: Some(Timestamp::UNIX_EPOCH), ..sound.clone() },
            MailboxRecord { deleted_at: Some(Timestamp::UNIX_EPOCH), ..sound.clone() },
            MailboxRecord { details: MailboxDetails { unlisted: true, ..MailboxDetails::default() }, ..sound.clone() },
        ] {
            assert_eq!(wanted(&record), None, "{record:?}");
        }
    }
}
