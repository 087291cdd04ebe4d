//! A mailbox as it is shown: health identifiers masked, or in clear for who has that on record.

use jiff::Timestamp;
use pli_store::{MailboxRecord, NoticeCause};
use pli_types::StructureId;
use serde::{Deserialize, Serialize};

use crate::admin::Sight;

/// A mailbox, all but what lies in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct MailboxTold {
    pub(crate) address: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) life: String,
    pub(crate) published: bool,
    pub(crate) liste_rouge: bool,
    pub(crate) display_name: Option<String>,
    pub(crate) rpps: Option<String>,
    pub(crate) finess: Option<String>,
    pub(crate) siret: Option<String>,
    pub(crate) responsible: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) digitisation: bool,
    pub(crate) rank: Option<u8>,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) used_bytes: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) last_sign_in_at: Option<Timestamp>,
    pub(crate) suspended_at: Option<Timestamp>,
    pub(crate) notice_given_at: Option<Timestamp>,
    pub(crate) notice_ends_at: Option<Timestamp>,
    pub(crate) notice_cause: Option<NoticeCause>,
    pub(crate) objected_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
}

/// Who may open a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct OpenedBy {
    pub(crate) account: String,
    pub(crate) display_name: Option<String>,
    pub(crate) default: bool,
    pub(crate) disabled: bool,
}

impl MailboxTold {
    pub(crate) fn new(record: &MailboxRecord, sight: &Sight) -> Self {
        let (details, notice) = (&record.details, record.standing_notice());
        let shown = |text: &String| Some(sight.text(text)).filter(|text| !text.is_empty());
        let number = |wanted: fn(&StructureId) -> bool| {
            record
                .structure
                .as_ref()
                .filter(|structure| wanted(structure))
                .map(|structure| structure.as_str().to_owned())
        };
        Self {
            address: sight.address(&record.mailbox.address),
            kind: record.mailbox.kind.as_str().to_owned(),
            life: record.life().as_str().to_owned(),
            published: record.published,
            liste_rouge: details.unlisted,
            display_name: shown(&details.display_name),
            rpps: record.rpps.as_ref().map(ToString::to_string),
            finess: number(|structure| matches!(structure, StructureId::Finess(_))),
            siret: number(|structure| matches!(structure, StructureId::Siret(_))),
            responsible: details.responsible.as_ref().and_then(shown),
            service: shown(&details.service),
            description: shown(&details.description),
            digitisation: details.digitisation,
            rank: details.rank,
            quota_bytes: record.mailbox.quota_bytes,
            used_bytes: record.mailbox.used_bytes,
            created_at: record.created_at,
            last_sign_in_at: record.last_sign_in_at,
            suspended_at: record.suspended_at,
            notice_given_at: notice.map(|notice| notice.given_at),
            notice_ends_at: notice.map(|notice| notice.ends_at),
            notice_cause: notice.map(|notice| notice.cause),
            objected_at: record.objected_at,
            deleted_at: record.deleted_at,
        }
    }
}
