//! Deleting a mailbox: by giving notice, at whose end the node deletes it, or now, once its content is safe.

use pli_store::{MailboxChange, Notice, NoticeCause};
use serde::{Deserialize, Serialize};

use super::{ChangeTold, Clerk, refusal};
use crate::admin::checked_reason;
use crate::admin::effect::Effect;
use crate::admin::house::after;
use crate::content;
use crate::exit::Failure;

/// What became of the content of a mailbox that is deleted now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Now {
    /// It is not wanted.
    NotExported,
    /// It is in an admin's folder, as far as this mark says.
    Exported {
        /// [`content::mark`] of what was written.
        mark: String,
        messages: usize,
    },
}

impl Clerk<'_> {
    /// Gives notice, or deletes. What is deleted already is told as unchanged.
    pub(super) async fn delete(
        &self,
        address: &str,
        reason: &str,
        now: Option<Now>,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let reason = checked_reason(reason)?;
        let record = self.record(address).await?;
        if record.mailbox.kind == pli_store::MailboxKind::Patient {
            return Err(refusal::patient());
        }
        if record.deleted_at.is_some() {
            return Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], &record));
        }
        if self.house.is_postmaster(&record.mailbox.address) {
            return Err(refusal::postmaster(&self.shown(&record)));
        }
        let (change, what, outcome) = match now {
            None => {
                let given = record.standing_notice().is_some_and(|notice| notice.cause == NoticeCause::Admin);
                if given {
                    return Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], &record));
                }
                let ends_at = after(self.now, self.house.notice);
                let notice = Notice { given_at: self.now, ends_at, cause: NoticeCause::Admin };
                let what = format!("notice given that the mailbox is deleted at {ends_at}");
                (MailboxChange::GiveNotice(notice), what, Effect::Changed)
            }
            Some(now) => {
                let what = match &now {
                    Now::NotExported => "mailbox deleted, its content not exported".to_owned(),
                    Now::Exported { messages, .. } => format!("mailbox deleted, {messages} messages exported before"),
                };
                if let (Now::Exported { mark, .. }, false) = (&now, dry_run) {
                    self.check_mark(&record, mark).await?;
                }
                let address_kept_until = after(self.now, self.house.address_kept);
                (MailboxChange::Delete { address_kept_until }, what, Effect::Removed)
            }
        };
        if dry_run {
            return Ok(self.told(outcome.tried(), &["life"], &record));
        }
        let event = self.event(&record, &what, Some(reason));
        let after = self.store.change_mailbox(record.mailbox.id, change, event).await?;
        Ok(self.told(outcome, &["life"], &after))
    }

    /// Nothing may have come in that the export lacks.
    async fn check_mark(&self, record: &pli_store::MailboxRecord, mark: &str) -> Result<(), Failure> {
        if content::mark(self.store, &record.mailbox).await? == mark {
            return Ok(());
        }
        Err(refusal::content_changed(&self.shown(record)))
    }
}
