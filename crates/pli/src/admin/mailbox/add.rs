//! Making mailboxes, one or many.

use futures_util::{StreamExt, stream};
use pli_store::{MailboxRecord, NewMailbox, StoreError};

use super::wish::Plan;
use super::{ChangeTold, Clerk, Told, Wish, refusal};
use crate::admin::House;
use crate::admin::effect::Effect;
use crate::admin::house::after;
use crate::admin::rows::{self, Numbered, RowTold};
use crate::exit::Failure;

/// Rows of a file that are worked on at once: they share the store's group commits.
const AT_ONCE: usize = 32;

impl Clerk<'_> {
    /// Makes a mailbox. One that is there already and is as wished stays as it is.
    pub(super) async fn add(&self, wish: &Wish, dry_run: bool) -> Result<ChangeTold, Failure> {
        let plan = Plan::parse(wish)?;
        let told = match self.add_planned(&plan, wish.kind.as_deref(), dry_run).await {
            // Somebody else was faster: what is there now decides.
            Err(failure) if failure.code == "conflict" => {
                self.add_planned(&plan, wish.kind.as_deref(), dry_run).await?
            }
            told => told?,
        };
        Ok(ChangeTold { warnings: plan.warnings, ..told })
    }

    async fn add_planned(&self, plan: &Plan, kind: Option<&str>, dry_run: bool) -> Result<ChangeTold, Failure> {
        let there = self.store.mailbox_record(&plan.address).await?;
        if let Some(there) = there.as_ref().filter(|there| there.deleted_at.is_none()) {
            return match plan.differences(kind, there).as_slice() {
                [] => Ok(self.told(Effect::Unchanged.tried_if(dry_run), &[], there)),
                members => Err(refusal::differs(&self.shown(there), members)),
            };
        }
        let new = plan.new_mailbox(kind, self.house)?;
        if let Some(former) = there {
            self.check_former(&former, &new)?;
        }
        if dry_run {
            let outcome = Effect::WouldBeCreated;
            return Ok(ChangeTold { outcome, changed: Vec::new(), warnings: Vec::new(), mailbox: None });
        }
        let address = new.address.clone();
        let what = format!("mailbox made, of type {}", new.kind.as_str());
        let event = House::event(self.now, self.actor, Some(&address), what, None);
        self.store.add_mailbox(new, vec![event]).await?;
        let made = self.store.mailbox_record(&address).await?.ok_or(StoreError::NotFound("mailbox"))?;
        Ok(self.told(Effect::Created, &[], &made))
    }

    /// A former address is given to nobody but its former holder for a while (R-BAL-6).
    fn check_former(&self, former: &MailboxRecord, new: &NewMailbox) -> Result<(), Failure> {
        let until = former.address_kept_until.or(former.deleted_at.map(|at| after(at, self.house.address_kept)));
        let same_holder = former.rpps == new.rpps && former.structure == new.structure;
        match until.filter(|until| !same_holder && *until > self.now) {
            Some(until) => Err(refusal::kept(&self.shown(former), until)),
            None => Ok(()),
        }
    }

    /// Makes many; each is told apart, and what one is refused for keeps no other from being made.
    pub(super) async fn add_many(&self, attached: Option<Vec<u8>>, dry_run: bool) -> Result<Told, Failure> {
        let wishes: Vec<Numbered<Wish>> = rows::attached(attached)?;
        let mut work = Vec::with_capacity(wishes.len());
        for Numbered { line, row } in &wishes {
            work.push(self.add_row(row, *line, dry_run));
        }
        let rows = stream::iter(work).buffered(AT_ONCE).collect().await;
        Ok(Told::Rows { rows })
    }

    async fn add_row(&self, wish: &Wish, line: u64, dry_run: bool) -> RowTold {
        let name = super::address(&wish.address);
        let name = name.map_or_else(|_| self.house.masker.scrub(&wish.address), |it| self.house.masker.address(&it));
        let done = self.add(wish, dry_run).await;
        rows::told(line, name, done.map(|told| (told.outcome, told.warnings)))
    }
}
