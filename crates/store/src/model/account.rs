//! Who signs in, how he proves himself, and what that opens.

use jiff::Timestamp;
use pli_types::{AccountId, CredentialId, DistinguishedName, MailAddress, MailboxId, RppsId, Secret};
use serde::{Deserialize, Serialize};

use super::Mailbox;

/// Someone who signed in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account; none if he was let in by what an issuer says of him and needs no account here.
    pub id: Option<AccountId>,
    /// How the record names him: the account's name, or his RPPS number. May be a health identifier.
    pub name: String,
    /// What he proved himself by; none if an issuer answers for him.
    pub credential: Option<CredentialId>,
    /// The mailbox that he works in.
    pub mailbox: Mailbox,
    /// The addresses that he may write as: those of all mailboxes that are open to him now.
    pub writes_as: Vec<MailAddress>,
    /// Those of them that are a patient's whose helper he is: he acts as himself, and what he writes says so (R-WHO-13).
    pub helps: Vec<MailAddress>,
}

/// A person or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// A person.
    Person,
    /// A program.
    Program,
}

/// An account to make. How it is proven and what it opens are added apart.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The name to sign in with; compared as addresses are.
    pub name: String,
    /// Person or program.
    pub kind: AccountKind,
    /// The professional, whom an issuer can then answer for.
    pub rpps: Option<RppsId>,
    /// Who it is, for people.
    pub display_name: Option<String>,
}

/// What is changed about an account; one transaction each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// Who it is.
    Details {
        /// The professional.
        rpps: Option<RppsId>,
        /// For people.
        display_name: Option<String>,
    },
    /// It signs in no more, and its sessions end.
    Disable,
    /// It does again.
    Enable,
    /// It goes, with its credentials and grants.
    Remove,
    /// It opens this mailbox, from now on or still.
    Grant {
        /// The mailbox.
        mailbox: MailboxId,
        /// Is this the one that opens if none is asked for? An account's first grant is in any case.
        default: bool,
    },
    /// As [`Self::Grant`], of a patient's mailbox: to a helper of his (R-WHO-13).
    Help {
        /// The mailbox.
        mailbox: MailboxId,
        /// Is this the one that opens if none is asked for?
        default: bool,
    },
    /// It does not open this mailbox any more; app passwords for it go too. `NotFound` if it did not.
    Revoke {
        /// The mailbox.
        mailbox: MailboxId,
    },
}

/// An account and all that is known about it.
#[derive(Debug, Clone)]
pub struct AccountRecord {
    /// Its number.
    pub id: AccountId,
    /// The name to sign in with.
    pub name: String,
    /// Person or program.
    pub kind: AccountKind,
    /// The professional.
    pub rpps: Option<RppsId>,
    /// Who it is, for people.
    pub display_name: Option<String>,
    /// Does it sign in no more?
    pub disabled: bool,
    /// When it was made; for one that is older than this member, when the store came to have it.
    pub created_at: Timestamp,
    /// When it last signed in, to the hour.
    pub last_sign_in_at: Option<Timestamp>,
    /// What it opens, by address.
    pub grants: Vec<Grant>,
    /// How it proves itself, revoked ones included, in the order in which they were added.
    pub credentials: Vec<CredentialRecord>,
}

/// A mailbox that an account opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: MailAddress,
    /// Is it the one that opens if none is asked for?
    pub default: bool,
    /// Is it a patient's, whose helper this is?
    pub helper: bool,
}

/// The kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// The account's password.
    Password,
    /// A password made for one program and one mailbox.
    AppPassword,
    /// A certificate.
    Certificate,
}

/// A way in which an account proves itself, without what is secret about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Its number.
    pub id: CredentialId,
    /// Its kind.
    pub kind: CredentialKind,
    /// What it is for: app passwords.
    pub label: Option<String>,
    /// The one mailbox that it opens: app passwords. None also when that mailbox is gone.
    pub mailbox: Option<MailboxId>,
    /// The certificate's name.
    pub certificate: Option<DistinguishedName>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it ends: app passwords.
    pub expires_at: Option<Timestamp>,
    /// Since when it opens nothing any more.
    pub revoked_at: Option<Timestamp>,
    /// When it last opened something, to the hour.
    pub last_used_at: Option<Timestamp>,
}

/// How someone proves who he is.
#[derive(Debug)]
pub enum NewCredential {
    /// A password; kept as argon2id. Replaces the one before.
    Password(Secret<String>),
    /// A password for one program, to one mailbox that is granted; kept as SHA-256, since it cannot be guessed.
    AppPassword {
        /// The mailbox that it opens.
        mailbox: MailboxId,
        /// What it is for.
        label: String,
        /// One that [`crate::app_password::generate`] made.
        secret: Secret<String>,
        /// When it ends; none means that it is revoked by hand.
        expires_at: Option<Timestamp>,
    },
    /// A certificate with this name, already judged when it is used.
    Certificate(DistinguishedName),
}
