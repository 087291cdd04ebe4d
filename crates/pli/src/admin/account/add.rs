//! Making accounts, one or many, and looking at them.

use futures_util::{StreamExt, stream};
use pli_store::{AccountKind, AccountRecord, NewAccount};
use pli_types::RppsId;
use serde::{Deserialize, Serialize};

use super::{AccountTold, ChangeTold, Clerk, Opening, Told, refusal};
use crate::admin::effect::Effect;
use crate::admin::rows::{self, Numbered, RowTold, Warning};
use crate::admin::{Sight, mailbox};
use crate::exit::Failure;

/// The most accounts of one page.
const PAGE_MAX: usize = 1000;

/// Rows of a file that are worked on at once: they share the store's group commits.
const AT_ONCE: usize = 32;

/// The most characters of the name that people see.
const SHOWN_NAME_CHARS_MAX: usize = 200;

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 254;

/// An account that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct AccountWish {
    pub(crate) name: String,
    pub(crate) rpps: Option<String>,
    pub(crate) display_name: Option<String>,
    /// A program's, not a person's.
    pub(crate) program: bool,
    /// The mailboxes that it opens; the first one if no other is asked for at sign-in.
    pub(crate) mailboxes: Vec<String>,
}

impl Clerk<'_> {
    /// A page. The next one is asked for by the last name of this one.
    pub(super) async fn list(&self, after: Option<&str>, limit: usize, sight: &Sight) -> Result<Told, Failure> {
        let limit = limit.clamp(1, PAGE_MAX);
        let accounts = self.store.accounts(after, limit).await?;
        let last = accounts.last().filter(|_| accounts.len() == limit);
        Ok(Told::Page {
            next: last.map(|account| account.name.clone()),
            rows: accounts.iter().map(|account| AccountTold::new(account, sight)).collect(),
        })
    }

    pub(super) async fn show(&self, name: &str, sight: &Sight) -> Result<Told, Failure> {
        let account = self.existing(name).await?;
        Ok(Told::Shown(Box::new(AccountTold::new(&account, sight))))
    }

    /// Makes an account. One that is there already gets the mailboxes that it lacks, so that what broke off can be done
    /// again.
    pub(super) async fn add(&self, wish: &AccountWish, dry_run: bool) -> Result<ChangeTold, Failure> {
        match self.add_now(wish, dry_run).await {
            // Somebody else was faster: what is there now decides.
            Err(failure) if failure.code == "conflict" => self.add_now(wish, dry_run).await,
            told => told,
        }
    }

    async fn add_now(&self, wish: &AccountWish, dry_run: bool) -> Result<ChangeTold, Failure> {
        let (rpps, warnings) = parse(wish)?;
        let mut mailboxes = Vec::new();
        for address in &wish.mailboxes {
            let record = self.mailbox(address).await?;
            if record.mailbox.kind == pli_store::MailboxKind::Patient {
                return Err(mailbox::refusal::patient());
            }
            mailboxes.push(record);
        }
        let there = self.find(&wish.name).await?;
        if let Some(there) = &there {
            let members = differences(wish, rpps.as_ref(), there);
            if !members.is_empty() {
                return Err(refusal::differs(&self.house.account_name(&there.name), &members));
            }
            mailboxes.retain(|record| there.grants.iter().all(|grant| grant.mailbox != record.mailbox.id));
        }
        if there.is_none() {
            self.check_professional(rpps.as_ref()).await?;
        }
        let (outcome, changed) = match (&there, mailboxes.is_empty()) {
            (None, _) => (Effect::Created, &[][..]),
            (Some(_), true) => (Effect::Unchanged, &[][..]),
            (Some(_), false) => (Effect::Changed, &["mailboxes"][..]),
        };
        if !dry_run {
            let account = match &there {
                Some(there) => there.id,
                None => self.make(wish, rpps).await?,
            };
            for record in &mailboxes {
                self.open(account, &wish.name, record, Opening::default()).await?;
            }
        }
        let told = self.told_now(outcome.tried_if(dry_run), changed, &wish.name).await?;
        Ok(ChangeTold { warnings, ..told })
    }

    /// A token names a professional, who must be one account's.
    pub(super) async fn check_professional(&self, rpps: Option<&RppsId>) -> Result<(), Failure> {
        match rpps {
            Some(rpps) if self.store.account_of_professional(rpps).await?.is_some() => Err(refusal::rpps_taken()),
            _ => Ok(()),
        }
    }

    async fn make(&self, wish: &AccountWish, rpps: Option<RppsId>) -> Result<pli_types::AccountId, Failure> {
        let new = NewAccount {
            name: wish.name.clone(),
            kind: if wish.program { AccountKind::Program } else { AccountKind::Person },
            rpps,
            display_name: shown_name(wish.display_name.as_deref()),
        };
        let event = self.event(&wish.name, None, "made", None);
        Ok(self.store.add_account(new, event).await?)
    }

    /// Makes many; each is told apart, and what one is refused for keeps no other from being made.
    pub(super) async fn add_many(&self, attached: Option<Vec<u8>>, dry_run: bool) -> Result<Told, Failure> {
        let wishes: Vec<Numbered<AccountWish>> = rows::attached(attached)?;
        let mut work = Vec::with_capacity(wishes.len());
        for Numbered { line, row } in &wishes {
            work.push(self.add_row(row, *line, dry_run));
        }
        let rows = stream::iter(work).buffered(AT_ONCE).collect().await;
        Ok(Told::Rows { rows })
    }

    async fn add_row(&self, wish: &AccountWish, line: u64, dry_run: bool) -> RowTold {
        let name = self.house.account_name(&wish.name);
        let done = self.add(wish, dry_run).await;
        rows::told(line, name, done.map(|told| (told.outcome, told.warnings)))
    }
}

fn parse(wish: &AccountWish) -> Result<(Option<RppsId>, Vec<Warning>), Failure> {
    let name = &wish.name;
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX;
    if !fits || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(refusal::name());
    }
    mailbox::check_no_identifier("name", name)?;
    check_shown_name(wish.display_name.as_deref())?;
    parse_rpps(wish.rpps.as_deref())
}

/// The number, and what is to be said of it.
pub(super) fn parse_rpps(text: Option<&str>) -> Result<(Option<RppsId>, Vec<Warning>), Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok((None, Vec::new())) };
    let rpps = RppsId::parse(text).map_err(|_| mailbox::refusal::rpps(text))?;
    if mailbox::has_luhn_key(text) {
        return Ok((Some(rpps), Vec::new()));
    }
    Ok((Some(rpps), vec![Warning::told("rpps-check-digit", &[])]))
}

pub(super) fn check_shown_name(name: Option<&str>) -> Result<(), Failure> {
    let fits = |name: &str| name.chars().count() <= SHOWN_NAME_CHARS_MAX && !name.chars().any(char::is_control);
    if !name.is_none_or(fits) {
        return Err(mailbox::refusal::text("display_name", SHOWN_NAME_CHARS_MAX));
    }
    name.map_or(Ok(()), |name| mailbox::check_no_identifier("display_name", name))
}

pub(super) fn shown_name(name: Option<&str>) -> Option<String> {
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// What is not as wished about an account that is there.
fn differences(wish: &AccountWish, rpps: Option<&RppsId>, there: &AccountRecord) -> Vec<&'static str> {
    let wished_kind = if wish.program { AccountKind::Program } else { AccountKind::Person };
    let name = shown_name(wish.display_name.as_deref());
    let compared = [
        ("type", wished_kind == there.kind),
        ("rpps", rpps.is_none() || rpps == there.rpps.as_ref()),
        ("display_name", name.is_none() || name == there.display_name),
    ];
    compared.into_iter().filter(|(_, same)| !same).map(|(member, _)| member).collect()
}
