//! What pharmacies have dispensed, and which structures are pharmacies, at the desk.

use pli_audit::{Event, EventKind};
use pli_store::Loaded;
use pli_types::{FinessId, Marked};
use serde::{Deserialize, Serialize};

use super::desk::{Desk, off_threads, unable};
use super::protocol::Request;
use crate::dispensations::lines::{Batch, Form, Lines};
use crate::dispensations::{BATCH, Counts, Window};
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// The most structures that are told at a time; the country has some 20 000 pharmacies.
pub(crate) const PHARMACIES_MAX: usize = 200_000;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Keep the attached lines, `ins;finess;date;reimbursed` without a header: a part of a file. The first part of several
    /// and the last one are put on record.
    Import {
        /// What became of the parts before, and which lines of this one are not attached.
        so_far: Counts,
        first: bool,
        last: bool,
    },
    /// The attached structures, a FINESS number a line, are pharmacies; with `all`, no others are but those that have
    /// dispensed.
    Pharmacies { all: bool },
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Told {
    pub(crate) created: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
}

impl From<Loaded> for Told {
    fn from(Loaded { created, changed, unchanged }: Loaded) -> Self {
        Self { created, changed, unchanged }
    }
}

impl Desk {
    /// Answers.
    pub(super) async fn dispensation(&self, ask: Ask, attached: Option<Vec<u8>>, actor: &str) -> Result<Told, Failure> {
        let store = self.store.as_deref().ok_or_else(|| unable(&Request::Dispensation(ask.clone())))?;
        let (attached, now) = (attached.unwrap_or_default(), self.clock.now());
        let event = |detail: String| Event {
            detail: Some(Marked::plain(detail)),
            ..Author::Admin(actor.to_owned()).event(EventKind::Changed, now)
        };
        let loaded = match ask {
            Ask::Import { so_far, first, last } => {
                // The command has looked at their days.
                let batch = off_threads(move || read(&attached, Window::any())).await?;
                let began = (first && !last).then(|| event("dispensings: the import of a file begins".to_owned()));
                let loaded = store.put_dispensings(batch.dispensings, began.into_iter().collect()).await?;
                if last {
                    let Loaded { created, changed, unchanged } = loaded;
                    let here = Counts { created, changed, unchanged, ..Counts::default() };
                    store.append_audit(vec![event(so_far.plus(here).recorded())]).await?;
                }
                loaded
            }
            Ask::Pharmacies { all } => {
                let structures = structures(&attached)?;
                let how = if all { "and no others" } else { "beside those known" };
                let event = event(format!("pharmacies told: {} structures, {how}", structures.len()));
                store.put_pharmacies(structures, all, vec![event]).await?
            }
        };
        Ok(loaded.into())
    }
}

/// The lines of one request. The command has left out those that are none.
fn read(attached: &[u8], window: Window) -> Result<Batch, Failure> {
    let unclear = || Failure::told(Exit::Usage, "admin-request", &[("what", &"the attached lines are none")]);
    let mut lines = Lines::begin(attached, Form::Bare, window).map_err(|_| unclear())?;
    let batch = lines.next(BATCH).map_err(|_| unclear())?.unwrap_or_default();
    let rest = lines.next(1).map_err(|_| unclear())?;
    if batch.faults.is_empty() && rest.is_none() { Ok(batch) } else { Err(unclear()) }
}

fn structures(attached: &[u8]) -> Result<Vec<FinessId>, Failure> {
    let unclear = || Failure::told(Exit::Usage, "admin-request", &[("what", &"the attached structures are none")]);
    let text = str::from_utf8(attached).map_err(|_| unclear())?;
    let structures: Result<Vec<_>, _> = text.lines().map(FinessId::parse).collect();
    structures.ok().filter(|structures| structures.len() <= PHARMACIES_MAX).ok_or_else(unclear)
}
