//! A mailbox's life (R-BAL-6): which step it may take from where it stands, and what a step changes.

use pli_store::{Life, MailboxChange, MailboxRecord};
use serde::{Deserialize, Serialize};

use super::{ChangeTold, Clerk, refusal};
use crate::admin::checked_reason;
use crate::admin::effect::Effect;
use crate::admin::rows::Warning;
use crate::exit::Failure;

/// A step in a mailbox's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Into the directory.
    Publish,
    /// Out of it.
    Unpublish,
    /// No mail, no sign-in.
    Suspend,
    /// Both again.
    Resume,
    /// The notice of its deletion is withdrawn.
    Undelete,
}

impl Step {
    /// What it changes about the mailbox; nothing if that is so already; or why it may not be taken.
    fn from(self, record: &MailboxRecord, shown: &str) -> Result<Option<MailboxChange>, Failure> {
        let change = match self {
            Self::Publish if record.published => None,
            Self::Publish if record.details.unlisted => return Err(refusal::unlisted(shown)),
            Self::Publish if record.life() == Life::Notice => return Err(refusal::under_notice(shown)),
            Self::Publish if record.suspended_at.is_some() => return Err(refusal::suspended(shown)),
            Self::Publish => Some(MailboxChange::Publish),
            Self::Unpublish => record.published.then_some(MailboxChange::Unpublish),
            Self::Suspend => record.suspended_at.is_none().then_some(MailboxChange::Suspend),
            Self::Resume => record.suspended_at.is_some().then_some(MailboxChange::Resume),
            Self::Undelete => record.standing_notice().is_some().then_some(MailboxChange::WithdrawNotice),
        };
        Ok(change)
    }

    /// Does it take something from somebody, who may ask why?
    fn takes_away(self) -> bool {
        matches!(self, Self::Unpublish | Self::Suspend)
    }

    /// For the record.
    fn done(self) -> &'static str {
        match self {
            Self::Publish => "mailbox published",
            Self::Unpublish => "mailbox unpublished",
            Self::Suspend => "mailbox suspended",
            Self::Resume => "mailbox open again",
            Self::Undelete => "notice of the mailbox's deletion withdrawn",
        }
    }
}

impl Clerk<'_> {
    /// Takes a step, or tells that it has been taken.
    pub(super) async fn step(
        &self,
        address: &str,
        step: Step,
        reason: Option<&str>,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let reason = if step.takes_away() { Some(reason.unwrap_or_default()) } else { reason };
        let reason = reason.map(checked_reason).transpose()?;
        let before = self.living(address).await?;
        let Some(change) = step.from(&before, &self.shown(&before))? else {
            return Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], &before));
        };
        let of_postmaster = matches!(step, Step::Suspend) && self.house.is_postmaster(&before.mailbox.address);
        let warning = of_postmaster.then(|| Warning::told("mailbox-of-postmaster.suspended", &[]));
        let warnings = Vec::from_iter(warning);
        if dry_run {
            return Ok(ChangeTold { warnings, ..self.told(Effect::WouldBeChanged, &["life"], &before) });
        }
        let event = self.event(&before, step.done(), reason);
        let after = self.store.change_mailbox(before.mailbox.id, change, event).await?;
        Ok(ChangeTold { warnings, ..self.told(Effect::Changed, &["life"], &after) })
    }
}
