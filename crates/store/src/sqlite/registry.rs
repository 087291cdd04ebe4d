//! [`Registry`], handed to the file of its subject.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{AccountId, CredentialId, MailAddress, MailboxId, RppsId};

use super::account_changes::{AddAccount, AddCredential, ChangeAccount, Proof, RevokeCredential};
use super::intake::audit_rows;
use super::mailbox_changes::{ChangeMailbox, ForgetFormerAddresses};
use super::{SqliteStore, account_records, records};
use crate::{
    AccountChange, AccountRecord, MailboxChange, MailboxFilter, MailboxRecord, NewAccount, NewCredential, Registry,
    Result, StoreError, app_password,
};

#[async_trait]
impl Registry for SqliteStore {
    async fn mailbox_record(&self, address: &MailAddress) -> Result<Option<MailboxRecord>> {
        records::by_address(&self.readers, address).await
    }

    async fn mailbox_records(
        &self,
        filter: &MailboxFilter,
        after: Option<&MailAddress>,
        limit: usize,
    ) -> Result<Vec<MailboxRecord>> {
        records::page(&self.readers, filter, after, limit).await
    }

    async fn change_mailbox(
        &self,
        mailbox: MailboxId,
        change: MailboxChange,
        audit: Vec<Event>,
    ) -> Result<MailboxRecord> {
        self.write(ChangeMailbox { mailbox, change, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }

    async fn inactive_since(&self, before: Timestamp, limit: usize) -> Result<Vec<MailboxRecord>> {
        records::inactive_since(&self.readers, before, limit).await
    }

    async fn notices_ended_by(&self, now: Timestamp, limit: usize) -> Result<Vec<MailboxRecord>> {
        records::notices_ended_by(&self.readers, now, limit).await
    }

    async fn notices_answered(&self, limit: usize) -> Result<Vec<MailboxRecord>> {
        records::notices_answered(&self.readers, limit).await
    }

    async fn forget_former_addresses(&self, now: Timestamp) -> Result<u64> {
        self.write(ForgetFormerAddresses { now }).await
    }

    async fn account(&self, name: &str) -> Result<Option<AccountRecord>> {
        account_records::by_name(&self.readers, name).await
    }

    async fn account_of_professional(&self, rpps: &RppsId) -> Result<Option<AccountRecord>> {
        account_records::of_professional(&self.readers, rpps).await
    }

    async fn accounts(&self, after: Option<&str>, limit: usize) -> Result<Vec<AccountRecord>> {
        account_records::page(&self.readers, after, limit).await
    }

    async fn accounts_of(&self, mailbox: MailboxId) -> Result<Vec<AccountRecord>> {
        account_records::of_mailbox(&self.readers, mailbox).await
    }

    async fn add_account(&self, new: NewAccount, audit: Vec<Event>) -> Result<AccountId> {
        self.write(AddAccount { new, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }

    async fn change_account(&self, account: AccountId, change: AccountChange, audit: Vec<Event>) -> Result<()> {
        self.write(ChangeAccount { account, change, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }

    async fn add_credential(
        &self,
        account: AccountId,
        credential: NewCredential,
        audit: Vec<Event>,
    ) -> Result<CredentialId> {
        let proof = match credential {
            NewCredential::Password(password) => Proof::Password { hash: self.hash(password).await? },
            NewCredential::AppPassword { mailbox, label, secret, expires_at } => {
                let digest = app_password::digest(&secret);
                let digest = digest.ok_or(StoreError::Conflict("an app password is made by us, not chosen"))?;
                Proof::AppPassword { mailbox, label, digest, expires_at }
            }
            NewCredential::Certificate(name) => Proof::Certificate(name),
        };
        self.write(AddCredential { account, proof, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }

    async fn revoke_credential(&self, credential: CredentialId, audit: Vec<Event>) -> Result<()> {
        self.write(RevokeCredential { credential, now: self.clock.now(), audit: audit_rows(&audit) }).await
    }
}
