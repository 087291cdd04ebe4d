//! An account as it is shown: what is secret stays in the store.

use jiff::Timestamp;
use pli_store::{AccountKind, AccountRecord, CredentialKind, CredentialRecord};
use serde::{Deserialize, Serialize};

use crate::admin::Sight;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct AccountTold {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: AccountKind,
    pub(crate) rpps: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) last_sign_in_at: Option<Timestamp>,
    /// The mailboxes that it opens, by address.
    pub(crate) mailboxes: Vec<GrantTold>,
    /// How it may prove itself, revoked credentials included.
    pub(crate) credentials: Vec<CredentialTold>,
}

/// A mailbox that an account opens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct GrantTold {
    pub(crate) address: String,
    pub(crate) default: bool,
    /// Is it a patient's, whose helper this is?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) helper: bool,
}

/// A credential, without what is secret about it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct CredentialTold {
    pub(crate) id: i64,
    pub(crate) kind: CredentialKind,
    pub(crate) label: Option<String>,
    /// The one mailbox that an app password opens.
    pub(crate) mailbox: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl AccountTold {
    pub(crate) fn new(account: &AccountRecord, sight: &Sight) -> Self {
        let grant = |grant: &pli_store::Grant| GrantTold {
            address: sight.address(&grant.address),
            default: grant.default,
            helper: grant.helper,
        };
        Self {
            name: sight.account_name(&account.name),
            kind: account.kind,
            rpps: account.rpps.as_ref().map(ToString::to_string),
            display_name: account.display_name.as_ref().map(|name| sight.text(name)),
            disabled: account.disabled,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
            mailboxes: account.grants.iter().map(grant).collect(),
            credentials: account.credentials.iter().map(|one| CredentialTold::new(one, account, sight)).collect(),
        }
    }
}

impl CredentialTold {
    pub(crate) fn new(credential: &CredentialRecord, account: &AccountRecord, sight: &Sight) -> Self {
        let granted = account.grants.iter().find(|grant| Some(grant.mailbox) == credential.mailbox);
        Self {
            id: credential.id.0,
            kind: credential.kind,
            label: credential.label.as_ref().map(|label| sight.text(label)),
            mailbox: granted.map(|grant| sight.address(&grant.address)),
            certificate: credential.certificate.as_ref().map(|name| sight.certificate_name(name)),
            created_at: credential.created_at,
            expires_at: credential.expires_at,
            revoked_at: credential.revoked_at,
            last_used_at: credential.last_used_at,
        }
    }
}
