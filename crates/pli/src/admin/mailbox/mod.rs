//! What an admin asks about mailboxes, and the desk's answers. [`wish`] says what a mailbox must have, [`life`] what it
//! may become, [`refusal`] every way in which the answer is no.

mod add;
mod content;
mod delete;
mod life;
mod list;
pub(crate) mod refusal;
mod set;
mod told;
mod wish;

use jiff::Timestamp;
use pli_store::{MailboxRecord, Store};
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::effect::Effect;
use super::house::House;
use super::rows::{RowTold, Warning};
use crate::exit::Failure;

pub(crate) use content::Carried;
pub(crate) use delete::Now;
pub(crate) use life::Step;
pub(crate) use list::Filter;
pub(crate) use told::{MailboxTold, OpenedBy};
pub(crate) use wish::{Attributes, Wish, address, check_no_identifier, has_luhn_key};

/// What can be asked about mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(crate) enum Ask {
    /// A page of them, by address. `reveal`: why identifiers are to be in clear, for the record; masked without.
    List {
        filter: Filter,
        after: Option<String>,
        limit: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// One, with what is around it; `reveal` as of a page.
    Show {
        address: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// Make one.
    Add { wish: Box<Wish>, dry_run: bool },
    /// Make many: a JSON array of [`Wish`] is attached, each with its line.
    AddMany { dry_run: bool },
    /// Change what is told about one.
    Set { wish: Box<Wish>, reason: Option<String>, dry_run: bool },
    /// Take it a step further in its life, or back.
    Step { address: String, step: Step, reason: Option<String>, dry_run: bool },
    /// Give notice of its deletion, or delete it now.
    Delete { address: String, reason: String, now: Option<Now>, dry_run: bool },
    /// Its content is about to be read by an admin.
    NoteExport { address: String, reason: String },
    /// Make a folder in it, if it is missing.
    ImportFolder { address: String, name: String, subscribed: bool },
    /// Put the attached message into a folder of it.
    ImportMessage { address: String, carried: Carried },
    /// So many messages were put into it.
    NoteImport { address: String, taken: usize, reason: Option<String> },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::List`]; `next` is what to ask for the page after, if there is one.
    Page { rows: Vec<MailboxTold>, next: Option<String> },
    /// To [`Ask::Show`].
    Shown(Box<Shown>),
    /// To what changes a mailbox, or would.
    Change(Box<ChangeTold>),
    /// To [`Ask::AddMany`].
    Rows { rows: Vec<RowTold> },
    /// To what goes along with content.
    Noted,
}

/// A mailbox and what is around it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Shown {
    pub(crate) mailbox: MailboxTold,
    pub(crate) folders: usize,
    pub(crate) messages: u64,
    /// Who may open it, by name.
    pub(crate) opened_by: Vec<OpenedBy>,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ChangeTold {
    pub(crate) outcome: Effect,
    /// The members that are or would be different.
    pub(crate) changed: Vec<String>,
    pub(crate) warnings: Vec<Warning>,
    /// The mailbox afterwards; as it is where nothing was done. None for one that would be created.
    pub(crate) mailbox: Option<MailboxTold>,
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
            | Self::Step { dry_run, .. }
            | Self::Delete { dry_run, .. } => !dry_run,
            Self::NoteExport { .. }
            | Self::ImportFolder { .. }
            | Self::ImportMessage { .. }
            | Self::NoteImport { .. } => true,
        }
    }
}

impl Desk {
    /// Answers about mailboxes.
    pub(super) async fn mailbox(&self, ask: Ask, attached: Option<Vec<u8>>, actor: &str) -> Result<Told, Failure> {
        let (store, house) = self.store_and_house()?;
        let clerk = Clerk { store, house, actor, now: self.clock.now() };
        match ask {
            Ask::List { filter, after, limit, reveal } => {
                let sight = self.sight("mailbox list", None, reveal.as_deref(), actor).await?;
                clerk.list(&filter, after.as_deref(), limit, &sight).await
            }
            Ask::Show { address, reveal } => {
                let sight = self.sight("mailbox show", Some(&address), reveal.as_deref(), actor).await?;
                clerk.show(&address, &sight).await
            }
            Ask::Add { wish, dry_run } => clerk.add(&wish, dry_run).await.map(change),
            Ask::AddMany { dry_run } => clerk.add_many(attached, dry_run).await,
            Ask::Set { wish, reason, dry_run } => clerk.set(&wish, reason.as_deref(), dry_run).await.map(change),
            Ask::Step { address, step, reason, dry_run } => {
                clerk.step(&address, step, reason.as_deref(), dry_run).await.map(change)
            }
            Ask::Delete { address, reason, now, dry_run } => {
                clerk.delete(&address, &reason, now, dry_run).await.map(change)
            }
            Ask::NoteExport { address, reason } => clerk.note_export(&address, &reason).await,
            Ask::ImportFolder { address, name, subscribed } => clerk.import_folder(&address, &name, subscribed).await,
            Ask::ImportMessage { address, carried } => clerk.import_message(&address, carried, attached).await,
            Ask::NoteImport { address, taken, reason } => clerk.note_import(&address, taken, reason.as_deref()).await,
        }
    }
}

fn change(told: ChangeTold) -> Told {
    Told::Change(Box::new(told))
}

impl Clerk<'_> {
    /// The mailbox with this address, a deleted one too.
    async fn record(&self, text: &str) -> Result<MailboxRecord, Failure> {
        let address = address(text)?;
        let found = self.store.mailbox_record(&address).await?;
        found.ok_or_else(|| refusal::unknown(&self.house.masker.address(&address)))
    }

    /// The mailbox with this address, if it may be changed here.
    async fn living(&self, text: &str) -> Result<MailboxRecord, Failure> {
        let record = self.record(text).await?;
        if record.mailbox.kind == pli_store::MailboxKind::Patient {
            return Err(refusal::patient());
        }
        if record.deleted_at.is_some() {
            return Err(refusal::deleted(&self.shown(&record)));
        }
        Ok(record)
    }

    fn shown(&self, record: &MailboxRecord) -> String {
        self.house.masker.address(&record.mailbox.address)
    }

    fn told(&self, outcome: Effect, changed: &[&str], record: &MailboxRecord) -> ChangeTold {
        ChangeTold {
            outcome,
            changed: changed.iter().map(|member| (*member).to_owned()).collect(),
            warnings: Vec::new(),
            mailbox: Some(MailboxTold::new(record, &self.house.sight())),
        }
    }

    /// A row of the record about this mailbox.
    fn event(&self, record: &MailboxRecord, what: &str, reason: Option<&str>) -> Vec<pli_audit::Event> {
        vec![House::event(self.now, self.actor, Some(&record.mailbox.address), what, reason)]
    }
}
