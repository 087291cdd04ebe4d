//! Lets go of what was held: judged again, since the recipient may have gone meanwhile, and handed over as a delivery is.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use pli_audit::{Event, EventKind};
use pli_policy::{Decision, Facts, Reason, Stage};
use pli_store::{QueueRow, Release, StoreError};
use pli_types::{MailboxId, Marked};

use super::contacts::{self, Turn};
use super::facts::{self, Way};
use super::header_block::HEADER_BYTES_MAX;
use super::{Intake, content};

/// Where a held message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// Into a mailbox here.
    Delivered,
    /// On its way to another server.
    Due,
}

/// Why a held message stays where it is.
#[derive(Debug)]
pub enum NotReleased {
    /// The recipient takes no mail now.
    Refused(Reason),
    /// The store did not do it.
    Store(StoreError),
}

impl From<StoreError> for NotReleased {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Intake {
    /// Lets a held message go to its recipient. `event` is of the admin's making: who, when and why. With `dry_run`, it is
    /// only judged whether that can be.
    pub async fn release(&self, row: &QueueRow, event: Event, dry_run: bool) -> Result<Released, NotReleased> {
        let list = self.trust.current();
        let (known, way) = facts::of_recipient(self, list.as_deref(), &row.recipient, None).await?;
        let facts = Facts { stage: Stage::Recipient, recipient: Some(known), ..facts::of_report(list.as_deref()) };
        let decision = pli_policy::decide(&facts, &self.config.ruleset);
        if let Some(reason) = decision.reason().filter(|_| decision != Decision::Accept) {
            return Err(NotReleased::Refused(reason));
        }
        let mut released = if way == Way::Elsewhere { Released::Due } else { Released::Delivered };
        if dry_run {
            return Ok(released);
        }
        let release = match way {
            Way::Mailbox(mailbox) => self.delivery(row, mailbox).await?,
            Way::Space(patient) => {
                let mailbox = self.store.0.mailbox_of_space(&patient).await?;
                self.delivery(row, mailbox).await?
            }
            Way::Elsewhere | Way::Back(_) | Way::Held(_) => {
                released = Released::Due;
                let lifetime = SignedDuration::try_from(self.config.queue_lifetime).unwrap_or(SignedDuration::MAX);
                let expires_at = self.clock.now().checked_add(lifetime).unwrap_or(jiff::Timestamp::MAX);
                Release::Relay { expires_at }
            }
        };
        let audit = Self::release_events(row, &event, released);
        self.store.0.release(row.id, release, self.clock.now(), audit).await?;
        Ok(released)
    }

    /// What the message does in a mailbox here: the header that it was judged by is still there.
    async fn delivery(&self, row: &QueueRow, mailbox: MailboxId) -> Result<Release, StoreError> {
        let bytes_max = u64::try_from(HEADER_BYTES_MAX).unwrap_or(u64::MAX);
        let bytes = self.store.0.body_range(row.message, 0, bytes_max).await?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |end| end + 2);
        let header = content::read(bytes.get(..end).unwrap_or_default(), &self.config.server_name);
        let (list, hosted) = (self.trust.current(), &self.config.hosted_domains);
        let (mut events, mut correspondence) = (Vec::new(), None);
        if let Some(from) = header.from.as_ref().map(|named| &named.address) {
            let patients: Vec<_> = row.recipient.ins().into_iter().collect();
            if let Some(turn) = Turn::of(&row.sender, from, &header.thread, list.as_deref(), hosted) {
                events = turn.events(&patients, self.clock.now(), row.message);
            }
            correspondence = contacts::correspondence(&row.sender, from, &header.thread, list.as_deref(), hosted);
        }
        Ok(Release::Deliver { mailbox, keywords: BTreeSet::new(), contacts: events, correspondence })
    }

    fn release_events(row: &QueueRow, event: &Event, released: Released) -> Vec<Event> {
        let about = |kind| Event {
            kind,
            message: Some(row.message),
            sender: Some(Marked::path(&row.sender)),
            recipient: Some(Marked::address(&row.recipient)),
            ..event.clone()
        };
        let mut events = vec![Event { reason: row.held.clone(), ..about(EventKind::Released) }];
        if released == Released::Delivered {
            events.push(Event { detail: None, ..about(EventKind::Delivered) });
        }
        events
    }
}
