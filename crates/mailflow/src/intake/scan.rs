//! Has the virus scanner look at a message: the facts of [`Stage::Scan`].

use pli_policy::{Origin, ScanFacts, Stage};
use pli_store::{StagedBody, StoreError};

use super::record::foreign;
use super::transaction::{Transaction, store_failed};
use super::{Intake, Refusal};
use crate::scanner::Matter;

impl Transaction {
    /// Last, because it takes longest: what is refused anyway is not scanned.
    pub(super) async fn scan(&mut self, body: &StagedBody) -> Result<(), Refusal> {
        let matter = Matter::Staged(&*self.intake.store.0, body);
        self.facts.stage = Stage::Scan;
        self.facts.scan = facts(&self.intake, &self.facts.origin, matter).await.map_err(store_failed)?;
        self.decide().await.map(drop)
    }
}

/// What the scanner says; `None` if it is not asked: there is none, or the message is our own report.
pub(super) async fn facts(
    intake: &Intake,
    origin: &Origin,
    matter: Matter<'_>,
) -> Result<Option<ScanFacts>, StoreError> {
    let Some(scanner) = intake.scanner.as_ref().filter(|_| *origin != Origin::Relay) else { return Ok(None) };
    Ok(Some(match scanner.scan(matter).await? {
        // Signatures of an admin's own may be named after anything.
        ScanFacts::Found(name) => ScanFacts::Found(foreign(&intake.masker, &name)),
        said => said,
    }))
}
