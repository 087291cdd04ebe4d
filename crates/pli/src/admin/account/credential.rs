//! How an account proves itself: its password, passwords for programs, certificates.

use jiff::Timestamp;
use pli_store::{AccountRecord, CredentialKind, CredentialRecord, MailboxKind, NewCredential, app_password};
use pli_types::{DistinguishedName, Secret};
use serde::{Deserialize, Serialize};

use super::{ChangeTold, Clerk, CredentialTold, Once, refusal};
use crate::admin::checked_reason;
use crate::admin::effect::Effect;
use crate::admin::mailbox as mailboxes;
use crate::exit::Failure;

/// The fewest characters of a password that a person chooses.
const PASSWORD_CHARS_MIN: usize = 12;
/// And the most: what a line of a sign-in holds.
const PASSWORD_BYTES_MAX: usize = 1000;

/// The most characters of what an app password is for.
const LABEL_CHARS_MAX: usize = 100;

/// A kind of credential of which an account may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    AppPassword,
    Certificate,
}

/// A password for one program and one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct NewAppPassword {
    pub(crate) mailbox: String,
    pub(crate) label: String,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Clerk<'_> {
    /// Gives a new password. The one that it has already is left as it is.
    pub(super) async fn passwd(
        &self,
        name: &str,
        password: Secret<String>,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let account = self.existing(name).await?;
        let text = password.reveal();
        if text.chars().count() < PASSWORD_CHARS_MIN
            || text.len() > PASSWORD_BYTES_MAX
            || text.chars().any(char::is_control)
        {
            return Err(refusal::password(PASSWORD_CHARS_MIN));
        }
        let same = self.store.sign_in_with_password(&account.name, None, &password).await?;
        if same.is_some_and(|same| same.id == Some(account.id)) {
            return Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], Some(&account)));
        }
        if !dry_run {
            let event = self.event(&account.name, None, "has a new password", None);
            self.store.add_credential(account.id, NewCredential::Password(password), event).await?;
        }
        self.told_now(Effect::Changed.tried_if(dry_run), &["password"], name).await
    }

    /// Makes an app password. One with this label for this mailbox stays as it is, and is not shown again.
    pub(super) async fn add_app_password(
        &self,
        name: &str,
        new: NewAppPassword,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let (account, record) = (self.existing(name).await?, self.mailbox(&new.mailbox).await?);
        let label = new.label.trim();
        if label.is_empty() || label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
            return Err(mailboxes::refusal::text("label", LABEL_CHARS_MAX));
        }
        mailboxes::check_no_identifier("label", label)?;
        let (shown, mailbox) = (self.house.masker.address(&record.mailbox.address), record.mailbox.id);
        if account.grants.iter().all(|grant| grant.mailbox != mailbox) {
            return Err(refusal::not_granted(&self.house.account_name(&account.name), &shown));
        }
        if record.mailbox.kind == MailboxKind::App {
            return Err(refusal::certificate_only(&shown));
        }
        if new.expires_at.is_some_and(|end| end <= self.now) {
            return Err(refusal::expired());
        }
        let there = account.credentials.iter().find(|one| {
            one.kind == CredentialKind::AppPassword
                && one.label.as_deref() == Some(label)
                && one.mailbox == Some(mailbox)
                && self.is_in_force(one)
        });
        if let Some(there) = there {
            return Ok(self.told_about(Effect::Unchanged.tried_if(dry_run), &account, there));
        }
        if dry_run {
            return Ok(self.told(Effect::WouldBeCreated, &["app_passwords"], Some(&account)));
        }
        let secret = app_password::generate()?;
        let once = Once(secret.reveal().clone());
        let event = self.event(&account.name, Some(&record), &format!("has a new app password `{label}`"), None);
        let credential =
            NewCredential::AppPassword { mailbox, label: label.to_owned(), secret, expires_at: new.expires_at };
        let id = self.store.add_credential(account.id, credential, event).await?;
        let account = self.existing(name).await?;
        let made = account.credentials.iter().find(|one| one.id == id);
        let told = made.map(|made| self.told_about(Effect::Created, &account, made));
        let told = told.unwrap_or_else(|| self.told(Effect::Created, &["app_passwords"], Some(&account)));
        Ok(ChangeTold { secret: Some(once), ..told })
    }

    /// Lets the account sign in by a certificate of this name, if each APP mailbox that it opens would be opened by it.
    pub(super) async fn add_certificate(
        &self,
        name: &str,
        subject: &str,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let account = self.existing(name).await?;
        let subject = DistinguishedName::parse(subject).map_err(|error| refusal::subject(&error.to_string()))?;
        let is_it = |one: &&CredentialRecord| one.certificate.as_ref() == Some(&subject) && self.is_in_force(one);
        if let Some(there) = account.credentials.iter().find(is_it) {
            return Ok(self.told_about(Effect::Unchanged.tried_if(dry_run), &account, there));
        }
        for grant in &account.grants {
            let Some(record) = self.store.mailbox_record(&grant.address).await? else { continue };
            let national = record.structure.as_ref().map(pli_types::StructureId::national);
            let named = national.as_deref().is_some_and(|national| subject.has("OU", national));
            if record.mailbox.kind == MailboxKind::App && !named {
                let shown = self.house.masker.address(&grant.address);
                return Err(refusal::other_structure(&shown, national.as_deref().unwrap_or("-")));
            }
        }
        if dry_run {
            return Ok(self.told(Effect::WouldBeCreated, &["certificates"], Some(&account)));
        }
        let what = format!("may sign in by the certificate {subject}");
        let event = self.event(&account.name, None, &what, None);
        let id = self.store.add_credential(account.id, NewCredential::Certificate(subject), event).await?;
        let account = self.existing(name).await?;
        let made = account.credentials.iter().find(|one| one.id == id);
        let told = made.map(|made| self.told_about(Effect::Created, &account, made));
        Ok(told.unwrap_or_else(|| self.told(Effect::Created, &["certificates"], Some(&account))))
    }

    /// Takes a credential back.
    pub(super) async fn revoke_credential(
        &self,
        name: &str,
        kind: Kind,
        which: &str,
        reason: &str,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        let reason = checked_reason(reason)?;
        let account = self.existing(name).await?;
        let meant = meant(&account, kind, which)?;
        let Some(credential) = meant else {
            let shown = self.house.masker.scrub(which);
            return Err(refusal::credential_unknown(&self.house.account_name(&account.name), &shown));
        };
        if credential.revoked_at.is_some() {
            return Ok(self.told_about(Effect::Unchanged.tried_if(dry_run), &account, credential));
        }
        if !dry_run {
            let what = match kind {
                Kind::AppPassword => "an app password was taken back",
                Kind::Certificate => "a certificate was taken back",
            };
            let event = self.event(&account.name, None, what, Some(reason));
            self.store.revoke_credential(credential.id, event).await?;
        }
        let after = self.existing(name).await?;
        let credential = after.credentials.iter().find(|one| one.id == credential.id).unwrap_or(credential);
        Ok(self.told_about(Effect::Changed.tried_if(dry_run), &after, credential))
    }

    fn told_about(&self, outcome: Effect, account: &AccountRecord, credential: &CredentialRecord) -> ChangeTold {
        let changed: &[&str] = if outcome.is_unchanged() { &[] } else { &["credentials"] };
        let told = CredentialTold::new(credential, account, &self.house.sight());
        ChangeTold { credential: Some(told), ..self.told(outcome, changed, Some(account)) }
    }

    fn is_in_force(&self, credential: &CredentialRecord) -> bool {
        credential.revoked_at.is_none() && credential.expires_at.is_none_or(|end| end > self.now)
    }
}

/// The credential that an admin means: by its number, else by label or name, of which one in force comes first.
fn meant<'a>(account: &'a AccountRecord, kind: Kind, which: &str) -> Result<Option<&'a CredentialRecord>, Failure> {
    let of_kind = |one: &&CredentialRecord| match kind {
        Kind::AppPassword => one.kind == CredentialKind::AppPassword,
        Kind::Certificate => one.kind == CredentialKind::Certificate,
    };
    let credentials: Vec<&CredentialRecord> = account.credentials.iter().filter(of_kind).collect();
    if let Ok(id) = which.parse::<i64>()
        && let Some(found) = credentials.iter().find(|one| one.id.0 == id)
    {
        return Ok(Some(found));
    }
    let subject = DistinguishedName::parse(which).ok();
    let named: Vec<&CredentialRecord> = credentials
        .into_iter()
        .filter(|one| match kind {
            Kind::AppPassword => one.label.as_deref() == Some(which),
            Kind::Certificate => one.certificate.is_some() && one.certificate == subject,
        })
        .collect();
    let in_force: Vec<&CredentialRecord> = named.iter().copied().filter(|one| one.revoked_at.is_none()).collect();
    match in_force.as_slice() {
        [] => Ok(named.last().copied()),
        [one] => Ok(Some(one)),
        _ => Err(refusal::credential_ambiguous(which)),
    }
}
