//! Looking at mailboxes: pages of them, and one with what is around it.

use pli_store::{Life, MailboxFilter, MailboxKind};
use pli_types::{Domain, FinessId, RppsId, SiretId, StructureId};
use serde::{Deserialize, Serialize};

use super::{Clerk, MailboxTold, OpenedBy, Shown, Told, refusal, wish};
use crate::admin::Sight;
use crate::exit::Failure;

/// The most mailboxes of one page.
const PAGE_MAX: usize = 1000;

/// Which mailboxes are meant: those for which all that is said holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Filter {
    pub(crate) domain: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) finess: Option<String>,
    pub(crate) siret: Option<String>,
    pub(crate) rpps: Option<String>,
}

impl Filter {
    fn parse(&self) -> Result<MailboxFilter, Failure> {
        let structure = match (&self.finess, &self.siret) {
            (Some(text), _) => {
                Some(StructureId::Finess(FinessId::parse(text).map_err(|_| refusal::filter("finess", text))?))
            }
            (None, Some(text)) => {
                Some(StructureId::Siret(SiretId::parse(text).map_err(|_| refusal::filter("siret", text))?))
            }
            (None, None) => None,
        };
        let value = |name: &'static str, text: &Option<String>| text.clone().map(|text| (name, text));
        Ok(MailboxFilter {
            domain: self
                .domain
                .as_ref()
                .map(|t| Domain::parse(t).map_err(|_| refusal::filter("domain", t)))
                .transpose()?,
            kind: value("type", &self.kind)
                .map(|(name, text)| MailboxKind::parse(&text).ok_or_else(|| refusal::filter(name, &text)))
                .transpose()?,
            life: value("state", &self.state)
                .map(|(name, text)| Life::parse(&text).ok_or_else(|| refusal::filter(name, &text)))
                .transpose()?,
            structure,
            rpps: self
                .rpps
                .as_ref()
                .map(|text| RppsId::parse(text).map_err(|_| refusal::filter("rpps", text)))
                .transpose()?,
        })
    }
}

impl Clerk<'_> {
    /// A page. The next one is asked for by the last address of this one.
    pub(super) async fn list(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
        sight: &Sight,
    ) -> Result<Told, Failure> {
        let (filter, limit) = (filter.parse()?, limit.clamp(1, PAGE_MAX));
        let after = after.map(wish::address).transpose()?;
        let records = self.store.mailbox_records(&filter, after.as_ref(), limit).await?;
        let last = records.last().filter(|_| records.len() == limit);
        Ok(Told::Page {
            next: last.map(|record| record.mailbox.address.reveal()),
            rows: records.iter().map(|record| MailboxTold::new(record, sight)).collect(),
        })
    }

    /// One. Of a deleted one nothing is left that could be counted.
    pub(super) async fn show(&self, address: &str, sight: &Sight) -> Result<Told, Failure> {
        let record = self.record(address).await?;
        let (mut folders, mut messages, mut opened_by) = (0, 0, Vec::new());
        if record.deleted_at.is_none() {
            for folder in self.store.folders(record.mailbox.id).await? {
                folders += 1;
                if folder.selectable {
                    messages += u64::from(self.store.folder_status(folder.id).await?.messages);
                }
            }
            for account in self.store.accounts_of(record.mailbox.id).await? {
                let default = account.grants.iter().any(|grant| grant.mailbox == record.mailbox.id && grant.default);
                opened_by.push(OpenedBy {
                    account: sight.account_name(&account.name),
                    display_name: account.display_name.map(|name| sight.text(&name)),
                    default,
                    disabled: account.disabled,
                });
            }
        }
        let mailbox = MailboxTold::new(&record, sight);
        Ok(Told::Shown(Box::new(Shown { mailbox, folders, messages, opened_by })))
    }
}

/// The mailbox that a command is about, for what it does by itself.
pub(super) fn not_deleted(record: &pli_store::MailboxRecord, shown: &str) -> Result<(), Failure> {
    if record.deleted_at.is_some() { Err(refusal::deleted(shown)) } else { Ok(()) }
}
