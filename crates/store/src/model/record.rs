//! A mailbox as an admin sees it, and what may be changed about it.

use jiff::Timestamp;
use pli_types::{Domain, RppsId, StructureId};
use serde::{Deserialize, Serialize};

use super::{Mailbox, MailboxDetails, MailboxKind};

/// A mailbox and all that is known about it.
#[derive(Debug, Clone)]
pub struct MailboxRecord {
    /// What everybody who uses it sees. Of a deleted one the address and the kind are left: it is closed and empty.
    pub mailbox: Mailbox,
    /// The holder, for PER and CAB.
    pub rpps: Option<RppsId>,
    /// The structure, for ORG and APP.
    pub structure: Option<StructureId>,
    /// What is told about it.
    pub details: MailboxDetails,
    /// Is it in the national directory, as far as we know?
    pub published: bool,
    /// When it was made; for one that is older than this member, when the store came to have it.
    pub created_at: Timestamp,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
    /// The notice that was given. One for inactivity does not stand any more once its holder has been there again:
    /// [`MailboxRecord::standing_notice`].
    pub notice: Option<Notice>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Until when nobody else may have the address of a deleted one (R-BAL-6).
    pub address_kept_until: Option<Timestamp>,
    /// When somebody last signed in to it, to the hour.
    pub last_sign_in_at: Option<Timestamp>,
    /// When a notice was last withdrawn.
    pub objected_at: Option<Timestamp>,
}

impl MailboxRecord {
    /// Where it stands in its life. The first that applies: deleted, under notice, suspended, unlisted, published.
    #[must_use]
    pub fn life(&self) -> Life {
        if self.deleted_at.is_some() {
            Life::Deleted
        } else if self.standing_notice().is_some() {
            Life::Notice
        } else if self.suspended_at.is_some() {
            Life::Suspended
        } else if self.details.unlisted {
            Life::Unlisted
        } else if self.published {
            Life::Published
        } else {
            Life::Created
        }
    }

    /// The notice, unless it was for inactivity and someone has signed in since.
    #[must_use]
    pub fn standing_notice(&self) -> Option<&Notice> {
        let answered = |notice: &Notice| {
            notice.cause == NoticeCause::Inactivity
                && self.last_sign_in_at.is_some_and(|signed_in| signed_in >= notice.given_at)
        };
        self.notice.as_ref().filter(|notice| !answered(notice))
    }

    /// The last sign of life: the latest of its making, a sign-in and an objection.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        let later = self.last_sign_in_at.max(self.objected_at);
        later.map_or(self.created_at, |later| later.max(self.created_at))
    }
}

/// Where a mailbox stands (R-BAL-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// Made, and not yet in the national directory.
    Created,
    /// In the national directory.
    Published,
    /// Not to be shown there (liste rouge).
    Unlisted,
    /// Takes no mail and lets nobody in, by an admin's decision.
    Suspended,
    /// It will be deleted.
    Notice,
    /// Gone; its address is kept for a while.
    Deleted,
}

impl Life {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Published, Self::Unlisted, Self::Suspended, Self::Notice, Self::Deleted];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Published => "published",
            Self::Unlisted => "unlisted",
            Self::Suspended => "suspended",
            Self::Notice => "notice",
            Self::Deleted => "deleted",
        }
    }

    /// Back from the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|life| life.as_str() == name)
    }
}

/// The word that a mailbox will be deleted (R-BAL-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it was given.
    pub given_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Why.
    pub cause: NoticeCause,
}

/// Why notice is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeCause {
    /// An admin decided so.
    Admin,
    /// Nobody has signed in for too long.
    Inactivity,
}

/// What is changed about a mailbox; one transaction each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxChange {
    /// What is told about it, all of it.
    Details(MailboxDetails),
    /// Whose it is.
    Holder {
        /// The professional, for PER and CAB.
        rpps: Option<RppsId>,
        /// The structure, for ORG and APP.
        structure: Option<StructureId>,
    },
    /// Bytes that it may hold; none means no limit.
    Quota(Option<u64>),
    /// It is in the national directory now.
    Publish,
    /// It is not there any more.
    Unpublish,
    /// It takes no mail and lets nobody in from now on.
    Suspend,
    /// It does again.
    Resume,
    /// It will be deleted. Replaces an earlier notice.
    GiveNotice(Notice),
    /// It will not: the holder objected.
    WithdrawNotice,
    /// Removes it with all that lies in it, the ways in that open nothing else, and its place in the directory. A
    /// notice for inactivity that someone has answered by signing in is `Conflict`.
    Delete {
        /// Until when nobody else may have its address (R-BAL-6).
        address_kept_until: Timestamp,
    },
}

/// Which mailboxes to list: those for which all that is said holds.
#[derive(Debug, Clone, Default)]
pub struct MailboxFilter {
    /// At this domain.
    pub domain: Option<Domain>,
    /// Of this kind.
    pub kind: Option<MailboxKind>,
    /// Standing there; none means all but the deleted ones.
    pub life: Option<Life>,
    /// Of this structure.
    pub structure: Option<StructureId>,
    /// Of this professional.
    pub rpps: Option<RppsId>,
}
