//! What an admin asks about patients' spaces, and the desk's answers. Many come in batches ([`load`]), one line each
//! ([`mod@line`]).

mod line;
mod load;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_store::{NewSpace, Space, SpaceState, Store};
use pli_types::{Ins, InsError, MailAddress};
use serde::{Deserialize, Serialize};

use super::desk::{Desk, checked_reason};
use super::effect::Effect;
use super::house::House;
use crate::exit::{Exit, Failure};

pub(crate) use line::{COLUMNS, LineFault, read_line, write_line};
pub(crate) use load::{ImportStep, ROWS_MAX, Sum};

/// What can be asked about patients' spaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(crate) enum Ask {
    /// One. `reveal`: why he is to be shown in clear, for the record; masked without.
    Show {
        patient: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<String>,
    },
    /// Let it be `open` or `closed`.
    Set { patient: String, state: String, reason: Option<String>, dry_run: bool },
    /// Let these be so: lines `ins;state;born` without a header are attached.
    Load { dry_run: bool },
    /// A file of them begins, or has ended: for the record.
    NoteImport { step: ImportStep },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::Show`].
    Shown(Shown),
    /// To [`Ask::Set`]: what became of it, and whom it is about, masked.
    Change { outcome: Effect, patient: String, state: String },
    /// To [`Ask::Load`].
    Loaded(Sum),
    /// To [`Ask::NoteImport`].
    Noted,
}

/// A patient's space.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Shown {
    /// Masked, or in clear for who has that on record.
    pub(crate) patient: String,
    pub(crate) address: String,
    pub(crate) state: String,
    /// In clear only: a birth is half an identifier.
    pub(crate) born: Option<Date>,
    pub(crate) born_known: bool,
    /// `yes`, `no`, or `unknown` where nobody has said when he was born.
    pub(crate) minor: String,
    /// Is its mailbox made? It is when the first message comes.
    pub(crate) mailbox: bool,
    /// Has an admin suspended it?
    pub(crate) suspended: bool,
    pub(crate) messages: u64,
    pub(crate) used_bytes: u64,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            // To be shown in clear is on record.
            Self::Show { reveal, .. } => reveal.is_some(),
            Self::Set { dry_run, .. } | Self::Load { dry_run } => !dry_run,
            Self::NoteImport { .. } => true,
        }
    }
}

/// What the desk works with for one question.
struct Clerk<'a> {
    store: &'a dyn Store,
    house: &'a House,
    actor: &'a str,
    now: Timestamp,
}

impl Desk {
    /// Answers about patients' spaces.
    pub(super) async fn patient(&self, ask: Ask, attached: Option<Vec<u8>>, actor: &str) -> Result<Told, Failure> {
        let (store, house) = self.store_and_house()?;
        house.check_hosts_patients()?;
        let clerk = Clerk { store, house, actor, now: self.clock.now() };
        match ask {
            Ask::Show { patient, reveal } => {
                let space = clerk.space(&checked_ins(&patient)?).await?;
                let address = MailAddress::of_patient(&space.patient);
                let sight = self.sight("patient show", Some(&address.reveal()), reveal.as_deref(), actor).await?;
                let born = space.born.filter(|_| reveal.is_some());
                let patient = sight.patient(&space.patient);
                let shown = Shown { patient, address: sight.address(&address), born, ..clerk.look_into(&space).await? };
                Ok(Told::Shown(shown))
            }
            Ask::Set { patient, state, reason, dry_run } => {
                let state = SpaceState::parse(&state);
                let state = state.ok_or_else(|| unclear("a space is open or closed"))?;
                clerk.set(checked_ins(&patient)?, state, reason.as_deref(), dry_run).await
            }
            Ask::Load { dry_run } => clerk.load(&attached.unwrap_or_default(), dry_run).await.map(Told::Loaded),
            Ask::NoteImport { step } => clerk.note_import(&step).await,
        }
    }
}

impl Clerk<'_> {
    async fn space(&self, patient: &Ins) -> Result<Space, Failure> {
        self.store.space(patient).await?.ok_or_else(|| self.unknown(patient))
    }

    fn unknown(&self, patient: &Ins) -> Failure {
        Failure::told(Exit::NotFound, "patient-space-unknown", &[("patient", &self.house.masker.ins(patient))])
    }

    /// What is told of it to everybody.
    async fn look_into(&self, space: &Space) -> Result<Shown, Failure> {
        let minor = match space.is_minor_on(today(self.now)) {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let mut shown = Shown {
            patient: String::new(),
            address: String::new(),
            state: space.state.as_str().to_owned(),
            born: None,
            born_known: space.born.is_some(),
            minor: minor.to_owned(),
            mailbox: space.mailbox.is_some(),
            suspended: false,
            messages: 0,
            used_bytes: 0,
        };
        if let Some(mailbox) = space.mailbox {
            let there = self.store.mailbox(&MailAddress::of_patient(&space.patient)).await?;
            shown.suspended = there.as_ref().is_some_and(|mailbox| mailbox.state == pli_store::MailboxState::Suspended);
            shown.used_bytes = there.map_or(0, |mailbox| mailbox.used_bytes);
            for folder in self.store.folders(mailbox).await?.iter().filter(|folder| folder.selectable) {
                shown.messages += u64::from(self.store.folder_status(folder.id).await?.messages);
            }
        }
        Ok(shown)
    }

    /// Opens or closes one. What opens may be new; what closes must be there.
    async fn set(&self, patient: Ins, state: SpaceState, reason: Option<&str>, dry_run: bool) -> Result<Told, Failure> {
        let reason = match state {
            SpaceState::Open => reason.map(checked_reason).transpose()?,
            // It takes something from somebody, who may ask why.
            SpaceState::Closed => Some(checked_reason(reason.unwrap_or_default())?),
        };
        let masked = self.house.masker.ins(&patient);
        let outcome = match self.store.space(&patient).await? {
            Some(space) if space.state == state => Effect::Unchanged,
            Some(_) => Effect::Changed,
            None if state == SpaceState::Open => Effect::Created,
            None => return Err(self.unknown(&patient)),
        };
        if !dry_run && outcome != Effect::Unchanged {
            let what = match state {
                SpaceState::Open => "patient's space opened",
                SpaceState::Closed => "patient's space closed",
            };
            let address = MailAddress::of_patient(&patient);
            let event = House::event(self.now, self.actor, Some(&address), what, reason);
            self.store.put_spaces(vec![NewSpace { patient, state, born: None }], vec![event]).await?;
        }
        Ok(Told::Change { outcome: outcome.tried_if(dry_run), patient: masked, state: state.as_str().to_owned() })
    }
}

/// The day by which one is born or of age: that of UTC, at most two hours after that of mainland France.
pub(crate) fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// An INS as somebody typed it.
pub(crate) fn checked_ins(text: &str) -> Result<Ins, Failure> {
    Ins::parse(text.trim()).map_err(|error| {
        let key = match error {
            InsError::Length => "ins-invalid.length",
            InsError::Syntax => "ins-invalid.syntax",
            InsError::Temporary => "ins-invalid.temporary",
            InsError::Key => "ins-invalid.key",
        };
        Failure::told(Exit::Usage, key, &[])
    })
}

fn unclear(what: &str) -> Failure {
    Failure::told(Exit::Usage, "admin-request", &[("what", &what)])
}
