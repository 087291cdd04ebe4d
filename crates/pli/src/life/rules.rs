//! [`Rules`]: when notice is given, and when it ends. Pure.

use jiff::{SignedDuration, Timestamp};
use pli_store::{MailboxRecord, Notice, NoticeCause};

use crate::config::MailboxConfig;

/// The spans of `[mailbox]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    inactivity: SignedDuration,
    notice: SignedDuration,
    address_kept: SignedDuration,
}

impl Rules {
    pub(super) fn new(config: &MailboxConfig) -> Self {
        let span = |span: pli_types::Span| SignedDuration::try_from(span.get()).unwrap_or(SignedDuration::MAX);
        Self {
            inactivity: span(config.inactivity),
            notice: span(config.notice),
            address_kept: span(config.address_kept),
        }
    }

    /// Mailboxes without a sign of life since then are to be given notice now.
    pub(super) fn silent_since(&self, now: Timestamp) -> Timestamp {
        let before = self.inactivity.saturating_sub(self.notice);
        now.saturating_sub(before).unwrap_or(Timestamp::MIN)
    }

    /// The notice for one of them. It ends when the mailbox has been silent for long enough; a holder is never told later
    /// than he should be, so it ends later where he is told late.
    pub(super) fn notice(&self, record: &MailboxRecord, now: Timestamp) -> Notice {
        let silent_enough = later(record.active_at(), self.inactivity);
        let ends_at = silent_enough.max(later(now, self.notice));
        Notice { given_at: now, ends_at, cause: NoticeCause::Inactivity }
    }

    /// Until when nobody else may have an address that is free now.
    pub(super) fn address_kept_until(&self, now: Timestamp) -> Timestamp {
        later(now, self.address_kept)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
