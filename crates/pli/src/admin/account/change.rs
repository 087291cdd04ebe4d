//! Changing what is told about an account, and removing it.

use pli_store::AccountChange;
use serde::{Deserialize, Serialize};

use super::add::{check_shown_name, parse_rpps, shown_name};
use super::{ChangeTold, Clerk};
use crate::admin::checked_reason;
use crate::admin::effect::Effect;
use crate::exit::Failure;

/// What is told about an account. What is not said stays as it is; an empty text removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Details {
    pub(crate) rpps: Option<String>,
    pub(crate) display_name: Option<String>,
    /// May it sign in?
    pub(crate) enabled: Option<bool>,
}

impl Clerk<'_> {
    pub(super) async fn set(
        &self,
        name: &str,
        details: Details,
        reason: Option<&str>,
        dry_run: bool,
    ) -> Result<ChangeTold, Failure> {
        // Who is kept out may ask why.
        let reason = if details.enabled == Some(false) { Some(reason.unwrap_or_default()) } else { reason };
        let reason = reason.map(checked_reason).transpose()?;
        let before = self.existing(name).await?;
        check_shown_name(details.display_name.as_deref())?;
        let (rpps, warnings) = parse_rpps(details.rpps.as_deref())?;
        let rpps = if details.rpps.is_some() { rpps } else { before.rpps.clone() };
        let display_name = match &details.display_name {
            Some(name) => shown_name(Some(name)),
            None => before.display_name.clone(),
        };
        let compared = [
            ("rpps", rpps == before.rpps),
            ("display_name", display_name == before.display_name),
            ("disabled", details.enabled.is_none_or(|enabled| enabled != before.disabled)),
        ];
        let members: Vec<&str> = compared.into_iter().filter(|(_, same)| !same).map(|(member, _)| member).collect();
        if members.contains(&"rpps") {
            self.check_professional(rpps.as_ref()).await?;
        }
        let outcome = if members.is_empty() { Effect::Unchanged } else { Effect::Changed };
        if !dry_run {
            if members.contains(&"rpps") || members.contains(&"display_name") {
                let event = self.event(&before.name, None, &format!("changed: {}", members.join(", ")), reason);
                let change = AccountChange::Details { rpps, display_name };
                self.store.change_account(before.id, change, event).await?;
            }
            if members.contains(&"disabled") {
                let (change, what) = if before.disabled {
                    (AccountChange::Enable, "may sign in again")
                } else {
                    (AccountChange::Disable, "may not sign in any more")
                };
                self.store.change_account(before.id, change, self.event(&before.name, None, what, reason)).await?;
            }
        }
        let told = self.told_now(outcome.tried_if(dry_run), &members, name).await?;
        Ok(ChangeTold { warnings, ..told })
    }

    /// Removes it. One that is not there is as it should be.
    pub(super) async fn remove(&self, name: &str, reason: &str, dry_run: bool) -> Result<ChangeTold, Failure> {
        let reason = checked_reason(reason)?;
        let Some(account) = self.find(name).await? else {
            return Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], None));
        };
        if !dry_run {
            let event = self.event(&account.name, None, "removed", Some(reason));
            self.store.change_account(account.id, AccountChange::Remove, event).await?;
        }
        Ok(self.told(Effect::Removed.tried_if(dry_run), &[], Some(&account)))
    }
}
