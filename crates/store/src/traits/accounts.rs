//! [`Accounts`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{DistinguishedName, MailAddress, RppsId, Secret};

use crate::{Account, Result};

/// Signing in. None is always the same answer, whatever was wrong; who may add and remove is [`crate::Registry`].
///
/// Nobody gets into a mailbox that is suspended or deleted, and only a certificate gets into an APP mailbox: one whose
/// OU names the structure that the mailbox is of (scenario 34). The mailbox opened is the one asked for (`acts_for`),
/// else the account's default, else its only one.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// By an account's name and its password; or by a mailbox's address and an app password made for that mailbox,
    /// which then opens nothing else and writes as nobody else.
    ///
    /// Takes the same time for a name that is unknown; argon2id runs off the async threads, bounded in number.
    async fn sign_in_with_password(
        &self,
        name: &str,
        acts_for: Option<&MailAddress>,
        password: &Secret<String>,
    ) -> Result<Option<Account>>;

    /// By this certificate name, already judged (SASL EXTERNAL).
    async fn sign_in_with_certificate(
        &self,
        name: &DistinguishedName,
        acts_for: Option<&MailAddress>,
    ) -> Result<Option<Account>>;

    /// As a professional whose identity is proven (by a token, already judged). Open to him are the PER mailboxes that
    /// he holds and what the accounts with his number are granted; if none is asked for, his only PER mailbox comes
    /// first. One whose accounts are all disabled does not get in.
    async fn sign_in_as_professional(&self, rpps: &RppsId, acts_for: Option<&MailAddress>) -> Result<Option<Account>>;

    /// Keeps when someone signed in, at most once an hour for the same mailbox, account and credential: what
    /// inactivity is counted from (R-BAL-3). Where the mailbox was under notice for inactivity, it is kept in any case,
    /// and [`crate::Change::Access`] told.
    async fn note_sign_in(&self, account: &Account, at: Timestamp) -> Result<()>;

    /// Would he get in again, and write as all that he writes as? For sessions, when [`crate::Change::Access`] is told.
    async fn still_holds(&self, account: &Account) -> Result<bool>;
}
