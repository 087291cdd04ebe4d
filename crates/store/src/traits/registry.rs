//! [`Registry`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{AccountId, CredentialId, MailAddress, MailboxId, RppsId};

use crate::{
    AccountChange, AccountRecord, MailboxChange, MailboxFilter, MailboxRecord, NewAccount, NewCredential, Result,
};

/// Mailboxes and accounts, as those see them who run the place.
///
/// Lists come in pages: at most `limit` of what follows `after`; fewer mean that the end is reached.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The mailbox with this address, or the last one that had it and was deleted, as long as its address is kept.
    async fn mailbox_record(&self, address: &MailAddress) -> Result<Option<MailboxRecord>>;

    /// A page of mailboxes, by [`MailAddress::key`].
    async fn mailbox_records(
        &self,
        filter: &MailboxFilter,
        after: Option<&MailAddress>,
        limit: usize,
    ) -> Result<Vec<MailboxRecord>>;

    /// Changes something about a mailbox; gives it as it is then. `NotFound` if there is none, or it is deleted.
    async fn change_mailbox(
        &self,
        mailbox: MailboxId,
        change: MailboxChange,
        audit: Vec<Event>,
    ) -> Result<MailboxRecord>;

    /// Mailboxes without a sign of life since `before`, the longest first. Left out are those that are suspended or
    /// under notice already, and patients' spaces, whose life their owners decide on.
    async fn inactive_since(&self, before: Timestamp, limit: usize) -> Result<Vec<MailboxRecord>>;

    /// Mailboxes whose notice has ended and still stands, the earliest end first.
    async fn notices_ended_by(&self, now: Timestamp, limit: usize) -> Result<Vec<MailboxRecord>>;

    /// Mailboxes under notice for inactivity that someone has signed in to since.
    async fn notices_answered(&self, limit: usize) -> Result<Vec<MailboxRecord>>;

    /// Forgets those deleted mailboxes whose addresses need not be kept any more; how many.
    async fn forget_former_addresses(&self, now: Timestamp) -> Result<u64>;

    /// The account of this name.
    async fn account(&self, name: &str) -> Result<Option<AccountRecord>>;

    /// The account of a professional, the oldest if an older store has several.
    async fn account_of_professional(&self, rpps: &RppsId) -> Result<Option<AccountRecord>>;

    /// A page of accounts, by name in lower case.
    async fn accounts(&self, after: Option<&str>, limit: usize) -> Result<Vec<AccountRecord>>;

    /// The accounts that a mailbox is granted to, by name in lower case.
    async fn accounts_of(&self, mailbox: MailboxId) -> Result<Vec<AccountRecord>>;

    /// Makes an account, which proves itself by nothing and opens nothing yet. `Conflict` if the name is taken, or the
    /// professional has an account.
    async fn add_account(&self, new: NewAccount, audit: Vec<Event>) -> Result<AccountId>;

    /// Changes something about an account. `NotFound` if there is none, or no such mailbox; `Conflict` if the
    /// professional that it would be of has another.
    async fn change_account(&self, account: AccountId, change: AccountChange, audit: Vec<Event>) -> Result<()>;

    /// Adds a way to prove oneself. `Conflict` if the certificate is another account's, if the mailbox of an app
    /// password is not granted or opens by certificate only, or if there are too many.
    async fn add_credential(
        &self,
        account: AccountId,
        credential: NewCredential,
        audit: Vec<Event>,
    ) -> Result<CredentialId>;

    /// From now on it opens nothing. `NotFound` if there is none, or it was revoked before.
    async fn revoke_credential(&self, credential: CredentialId, audit: Vec<Event>) -> Result<()>;
}
