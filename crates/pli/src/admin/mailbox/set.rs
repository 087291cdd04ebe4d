//! Changing what is told about a mailbox.

use pli_store::{MailboxChange, MailboxRecord};

use super::wish::{self, Plan};
use super::{ChangeTold, Clerk, Wish, refusal};
use crate::admin::checked_reason;
use crate::admin::effect::Effect;
use crate::exit::Failure;

impl Clerk<'_> {
    /// Changes what differs from the wish. Address and type never change.
    pub(super) async fn set(&self, wish: &Wish, reason: Option<&str>, dry_run: bool) -> Result<ChangeTold, Failure> {
        let plan = Plan::parse(wish)?;
        let before = self.living(&wish.address).await?;
        let (details, (rpps, structure)) = (plan.details(&before.details), plan.holder(&before));
        wish::check(before.mailbox.kind, rpps.as_ref(), structure.as_ref(), &details)?;
        let members = plan.differences(None, &before);
        let new_holder = rpps != before.rpps || structure != before.structure;
        let reason = reason.map(checked_reason).transpose()?;
        if new_holder && reason.is_none() {
            return Err(refusal::holder_changes(&self.shown(&before)));
        }
        let mut changes = Vec::new();
        if new_holder {
            changes.push(MailboxChange::Holder { rpps, structure });
        }
        if details.unlisted && before.published {
            // Who is on the liste rouge is in no directory (R-BAL-7).
            changes.push(MailboxChange::Unpublish);
        }
        if details != before.details {
            changes.push(MailboxChange::Details(details));
        }
        if plan.quota(before.mailbox.quota_bytes) != before.mailbox.quota_bytes {
            changes.push(MailboxChange::Quota(plan.quota(before.mailbox.quota_bytes)));
        }
        let outcome = if changes.is_empty() { Effect::Unchanged } else { Effect::Changed };
        let mut after = before;
        if !dry_run {
            after = self.make(after, changes, &members, reason).await?;
        }
        let told = self.told(outcome.tried_if(dry_run), &members, &after);
        Ok(ChangeTold { warnings: plan.warnings, ..told })
    }

    async fn make(
        &self,
        mut record: MailboxRecord,
        changes: Vec<MailboxChange>,
        members: &[&str],
        reason: Option<&str>,
    ) -> Result<MailboxRecord, Failure> {
        for change in changes {
            // What it says is not told: names of people are among it.
            let what = match &change {
                MailboxChange::Unpublish => "mailbox unpublished: it is on the liste rouge now".to_owned(),
                _ => format!("mailbox changed: {}", members.join(", ")),
            };
            let event = self.event(&record, &what, reason);
            record = self.store.change_mailbox(record.mailbox.id, change, event).await?;
        }
        Ok(record)
    }
}
