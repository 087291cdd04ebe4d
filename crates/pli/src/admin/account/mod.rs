//! What an admin asks about accounts — people and programs that sign in —, and the desk's answers. Identity (the
//! account), ways to prove it (credentials) and what it opens (grants) are changed apart.

mod add;
mod change;
mod credential;
mod grant;
pub(crate) mod refusal;
mod told;

use jiff::Timestamp;
use pli_store::{AccountRecord, MailboxRecord, Store};
use pli_types::{Marked, Secret};
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::effect::Effect;
use super::house::House;
use super::mailbox;
use super::rows::{RowTold, Warning};
use crate::exit::Failure;

pub(crate) use add::AccountWish;
pub(crate) use change::Details;
pub(crate) use credential::{Kind, NewAppPassword};
pub(crate) use told::{AccountTold, CredentialTold};

/// What can be asked about accounts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(crate) enum Ask {
    /// A page of them, by name. `reveal`: why identifiers are to be in clear, for the record; masked without.
    List {
        after: Option<String>,
        limit: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// One; `reveal` as of a page.
    Show {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// Make one.
    Add { wish: Box<AccountWish>, dry_run: bool },
    /// Make many: a JSON array of [`AccountWish`] is attached, each with its line.
    AddMany { dry_run: bool },
    /// Change what is told about one, or whether it may sign in.
    Set { name: String, details: Details, reason: Option<String>, dry_run: bool },
    /// Remove one with all that it could sign in by.
    Remove { name: String, reason: String, dry_run: bool },
    /// Open a mailbox to it; `helper`: a patient's, to a helper of his.
    Grant {
        name: String,
        mailbox: String,
        default: bool,
        #[serde(default)]
        helper: bool,
        dry_run: bool,
    },
    /// Close a mailbox to it.
    Revoke { name: String, mailbox: String, reason: String, dry_run: bool },
    /// Give it the attached password.
    Passwd { name: String, dry_run: bool },
    /// Make a password for one program and one mailbox.
    AppPasswordAdd { name: String, new: NewAppPassword, dry_run: bool },
    /// Let it sign in by a certificate of this name.
    CertificateAdd { name: String, subject: String, dry_run: bool },
    /// Take a credential back: `which` is its number, its label or its certificate's name.
    CredentialRevoke { name: String, kind: Kind, which: String, reason: String, dry_run: bool },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::List`]; `next` is what to ask for the page after, if there is one.
    Page { rows: Vec<AccountTold>, next: Option<String> },
    /// To [`Ask::Show`].
    Shown(Box<AccountTold>),
    /// To what changes an account, or would.
    Change(Box<ChangeTold>),
    /// To [`Ask::AddMany`].
    Rows { rows: Vec<RowTold> },
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ChangeTold {
    pub(crate) outcome: Effect,
    /// The members that are or would be different.
    pub(crate) changed: Vec<String>,
    pub(crate) warnings: Vec<Warning>,
    /// The account afterwards; none if there is none.
    pub(crate) account: Option<AccountTold>,
    /// The credential that the wish was about.
    pub(crate) credential: Option<CredentialTold>,
    /// An app password, this once.
    pub(crate) secret: Option<Once>,
}

/// A secret on its way to the one who asked for it: no log and no message shows it.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Once(pub(crate) String);

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Once(<hidden>)")
    }
}

/// How a mailbox is opened to an account.
#[derive(Clone, Copy, Default)]
struct Opening {
    /// It is the one that opens if no other is asked for.
    default: bool,
    /// It is a patient's, and the account a helper's.
    helper: bool,
}

/// What the desk works with for one question.
struct Clerk<'a> {
    store: &'a dyn Store,
    house: &'a House,
    actor: &'a str,
    now: Timestamp,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            // To be shown in clear is on record.
            Self::List { reveal, .. } | Self::Show { reveal, .. } => reveal.is_some(),
            Self::Add { dry_run, .. }
            | Self::AddMany { dry_run, .. }
            | Self::Set { dry_run, .. }
            | Self::Remove { dry_run, .. }
            | Self::Grant { dry_run, .. }
            | Self::Revoke { dry_run, .. }
            | Self::Passwd { dry_run, .. }
            | Self::AppPasswordAdd { dry_run, .. }
            | Self::CertificateAdd { dry_run, .. }
            | Self::CredentialRevoke { dry_run, .. } => !dry_run,
        }
    }
}

impl Desk {
    /// Answers about accounts.
    pub(super) async fn account(&self, ask: Ask, attached: Option<Vec<u8>>, actor: &str) -> Result<Told, Failure> {
        let (store, house) = self.store_and_house()?;
        let clerk = Clerk { store, house, actor, now: self.clock.now() };
        let told = match ask {
            Ask::List { after, limit, reveal } => {
                let sight = self.sight("account list", None, reveal.as_deref(), actor).await?;
                return clerk.list(after.as_deref(), limit, &sight).await;
            }
            Ask::Show { name, reveal } => {
                let asked = format!("account show {}", house.account_name(&name));
                let sight = self.sight(&asked, None, reveal.as_deref(), actor).await?;
                return clerk.show(&name, &sight).await;
            }
            Ask::AddMany { dry_run } => return clerk.add_many(attached, dry_run).await,
            Ask::Add { wish, dry_run } => clerk.add(&wish, dry_run).await?,
            Ask::Set { name, details, reason, dry_run } => {
                clerk.set(&name, details, reason.as_deref(), dry_run).await?
            }
            Ask::Remove { name, reason, dry_run } => clerk.remove(&name, &reason, dry_run).await?,
            Ask::Grant { name, mailbox, default, helper, dry_run } => {
                clerk.grant(&name, &mailbox, Opening { default, helper }, dry_run).await?
            }
            Ask::Revoke { name, mailbox, reason, dry_run } => clerk.revoke(&name, &mailbox, &reason, dry_run).await?,
            Ask::Passwd { name, dry_run } => clerk.passwd(&name, secret(attached)?, dry_run).await?,
            Ask::AppPasswordAdd { name, new, dry_run } => clerk.add_app_password(&name, new, dry_run).await?,
            Ask::CertificateAdd { name, subject, dry_run } => clerk.add_certificate(&name, &subject, dry_run).await?,
            Ask::CredentialRevoke { name, kind, which, reason, dry_run } => {
                clerk.revoke_credential(&name, kind, &which, &reason, dry_run).await?
            }
        };
        Ok(Told::Change(Box::new(told)))
    }
}

/// A password comes beside the request, so that no request holds one.
fn secret(attached: Option<Vec<u8>>) -> Result<Secret<String>, Failure> {
    String::from_utf8(attached.unwrap_or_default()).map(Secret::new).map_err(|_| refusal::password_not_text())
}

impl Clerk<'_> {
    async fn find(&self, name: &str) -> Result<Option<AccountRecord>, Failure> {
        Ok(self.store.account(name).await?)
    }

    async fn existing(&self, name: &str) -> Result<AccountRecord, Failure> {
        self.find(name).await?.ok_or_else(|| refusal::unknown(&self.house.account_name(name)))
    }

    /// The mailbox with this address, if it is there.
    async fn mailbox(&self, text: &str) -> Result<MailboxRecord, Failure> {
        let address = mailbox::address(text)?;
        let found = self.store.mailbox_record(&address).await?.filter(|record| record.deleted_at.is_none());
        found.ok_or_else(|| mailbox::refusal::unknown(&self.house.masker.address(&address)))
    }

    fn told(&self, outcome: Effect, changed: &[&str], account: Option<&AccountRecord>) -> ChangeTold {
        ChangeTold {
            outcome,
            changed: changed.iter().map(|member| (*member).to_owned()).collect(),
            warnings: Vec::new(),
            account: account.map(|account| AccountTold::new(account, &self.house.sight())),
            credential: None,
            secret: None,
        }
    }

    /// What became of a wish, with the account as it is now.
    async fn told_now(&self, outcome: Effect, changed: &[&str], name: &str) -> Result<ChangeTold, Failure> {
        Ok(self.told(outcome, changed, self.find(name).await?.as_ref()))
    }

    /// A row of the record about an account, and the mailbox that it is about besides.
    fn event(
        &self,
        account: &str,
        mailbox: Option<&MailboxRecord>,
        what: &str,
        reason: Option<&str>,
    ) -> Vec<pli_audit::Event> {
        let what = Marked::plain("account ").then(Marked::account(account)).and(": ").then(Marked::text(what));
        vec![House::event(self.now, self.actor, mailbox.map(|record| &record.mailbox.address), what, reason)]
    }
}
