//! Which mailboxes an account opens.

use pli_store::{AccountChange, CredentialKind, MailboxKind, MailboxRecord};
use pli_types::AccountId;

use super::{ChangeTold, Clerk, Opening, refusal};
use crate::admin::effect::Effect;
use crate::admin::rows::Warning;
use crate::admin::{checked_reason, mailbox};
use crate::exit::Failure;

impl Clerk<'_> {
    pub(super) async fn grant(
        &self,
        name: &str,
        address: &str,
        how: Opening,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let (account, record) = (self.existing(name).await?, self.mailbox(address).await?);
        match (record.mailbox.kind == MailboxKind::Patient, how.helper) {
            (true, false) => return Err(mailbox::refusal::patient()),
            (false, true) => return Err(refusal::no_patient(address)),
            _ => {}
        }
        let granted = account.grants.iter().find(|grant| grant.mailbox == record.mailbox.id);
        let same = granted.is_some_and(|grant| (grant.default || !how.default) && grant.helper == how.helper);
        let mut warnings = Vec::new();
        let has_certificate = account
            .credentials
            .iter()
            .any(|credential| credential.kind == CredentialKind::Certificate && credential.revoked_at.is_none());
        if record.mailbox.kind == MailboxKind::App && !has_certificate {
            warnings.push(Warning::told("certificate-only.without-one", &[]));
        }
        if !same && !dry_run {
            self.open(account.id, &account.name, &record, how).await?;
        }
        let (outcome, changed) =
            if same { (Effect::Unchanged, &[][..]) } else { (Effect::Changed, &["mailboxes"][..]) };
        let told = self.told_now(outcome.tried_if(dry_run), changed, name).await?;
        Ok(ChangeTold { warnings, ..told })
    }

    pub(super) async fn open(
        &self,
        account: AccountId,
        name: &str,
        record: &MailboxRecord,
        Opening { default, helper }: Opening,
    ) -> Result<(), Failure> {
        let mailbox = record.mailbox.id;
        let (told, change) = if helper {
            ("may open the mailbox as a helper", AccountChange::Help { mailbox, default })
        } else {
            ("may open the mailbox", AccountChange::Grant { mailbox, default })
        };
        let event = self.event(name, Some(record), told, None);
        Ok(self.store.change_account(account, change, event).await?)
    }

    pub(super) async fn revoke(
        &self,
        name: &str,
        address: &str,
        reason: &str,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let reason = checked_reason(reason)?;
        let (account, record) = (self.existing(name).await?, self.mailbox(address).await?);
        if account.grants.iter().all(|grant| grant.mailbox != record.mailbox.id) {
            return Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], Some(&account)));
        }
        if !dry_run {
            let event = self.event(&account.name, Some(&record), "may not open the mailbox any more", Some(reason));
            let change = AccountChange::Revoke { mailbox: record.mailbox.id };
            self.store.change_account(account.id, change, event).await?;
        }
        self.told_now(Effect::Changed.tried_if(dry_run), &["mailboxes"], name).await
    }
}
